package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.ofProducer;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.rocks.RocksMetadataStore;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Idempotent producers are forgotten some time after their last batch. */
class ProducerExpiryTest {
    private static final int PRODUCER_COUNT = 200;

    /** Of one log; more than are forgotten in several goes. */
    private static final int MANY_PRODUCERS = 20_000;

    @TempDir Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"memory", "hybrid", "persistent"})
    void aLogInUseForgetsASilentProducer(String mode) {
        try (TestEngine engine = expiringAfter(300)) {
            engine.create("t", 1, Map.of("headrace.storage.mode", mode));
            PartitionLog log = engine.log("t", 0);
            append(log, ofProducer(batch("a"), 9, 0, 0));
            assertEquals(
                    PartitionLog.OUT_OF_ORDER_SEQUENCE,
                    log.append(ofProducer(batch("b"), 9, 0, 70)));
            await("expiry", () -> log.append(ofProducer(batch("b"), 9, 0, 70)) >= 0);
        }
    }

    @Test
    void aProducerThatGoesOnIsRemembered() {
        try (TestEngine engine = expiringAfter(2000)) {
            engine.create("t", 1, Map.of());
            PartitionLog log = engine.log("t", 0);
            long end = System.nanoTime() + 4_000_000_000L;
            int sequence = 0;
            while (System.nanoTime() < end) {
                append(log, ofProducer(batch("a"), 9, 0, sequence++));
                java.util.concurrent.locks.LockSupport.parkNanos(20_000_000);
            }
            assertEquals(sequence - 1, log.append(ofProducer(batch("a"), 9, 0, sequence - 1)));
        }
    }

    @Test
    void onePassForgetsAllSilentProducersOfALogInUse() {
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context -> context.retentionCheckIntervalMs(200).producerExpirationMs(1))) {
            engine.create("t", 1, Map.of("headrace.storage.mode", "memory"));
            PartitionLog log = engine.log("t", 0);
            for (int id = 0; id < MANY_PRODUCERS; id++) {
                log.append(ofProducer(batch("a"), id, 0, 0));
            }
            // The first may have begun before, and each is counted before it comes to producers.
            long passCount = engine.metric("headrace_retention_passes_total") + 3;
            await("passes", () -> engine.metric("headrace_retention_passes_total") >= passCount);
            for (int id = MANY_PRODUCERS - 1; id >= 0; id--) {
                assertEquals(
                        2L * MANY_PRODUCERS - 1 - id,
                        log.append(ofProducer(batch("b"), id, 0, 70)),
                        "producer " + id);
            }
        }
    }

    @Test
    void rowsOfSilentProducersGoAndTheOthersStay() {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, Map.of());
            PartitionLog log = engine.log("t", 0);
            for (int i = 0; i < PRODUCER_COUNT; i++) {
                append(log, ofProducer(batch("a"), i, 0, 0));
            }
        }
        assertEquals(PRODUCER_COUNT, producerRows());
        try (TestEngine engine = expiringAfter(1)) {
            await("expiry", () -> engine.metric("headrace_producers_expired_total") > 0);
            await(
                    "expiry",
                    () -> engine.metric("headrace_producers_expired_total") == PRODUCER_COUNT);
        }
        assertEquals(0, producerRows());
        try (TestEngine engine = new TestEngine(folder, c -> c.retentionCheckIntervalMs(1))) {
            append(engine.log("t", 0), ofProducer(batch("b"), 7, 0, 5));
        }
        try (TestEngine engine = new TestEngine(folder, c -> c.retentionCheckIntervalMs(1))) {
            await("a pass", () -> engine.metric("headrace_producer_expiry_passes_total") > 2);
            assertEquals(
                    PRODUCER_COUNT,
                    engine.log("t", 0).append(ofProducer(batch("b"), 7, 0, 5)),
                    "a batch sent again");
        }
        assertEquals(1, producerRows());
    }

    private TestEngine expiringAfter(long ms) {
        return new TestEngine(
                folder, context -> context.retentionCheckIntervalMs(20).producerExpirationMs(ms));
    }

    private int producerRows() {
        try (MetadataStore rows = RocksMetadataStore.open(folder.resolve("rocksdb"));
                MetadataStore.Cursor cursor = rows.cursor(new byte[] {'r'})) {
            int count = 0;
            for (boolean at = cursor.seek(new byte[] {'r'}); at; at = cursor.next()) {
                count++;
            }
            return count;
        }
    }
}
