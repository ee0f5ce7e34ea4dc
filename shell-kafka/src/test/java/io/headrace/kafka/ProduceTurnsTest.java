package io.headrace.kafka;

import static io.headrace.kafka.Batches.PRODUCE_VERSION;
import static io.headrace.kafka.Batches.batch;
import static io.headrace.kafka.Batches.produce;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.ApiVersionsRequestData;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.ProduceRequestData.PartitionProduceData;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A request with many batches that take long holds up nobody but its own connection. */
@Timeout(60)
class ProduceTurnsTest {
    private static final int PARTITIONS = 8;
    private static final int PATIENCE_S = 20;

    private final HeapEngine engine = new HeapEngine();
    private final List<String> appended = Collections.synchronizedList(new ArrayList<>());
    private KafkaShell shell;
    private RawClient client;
    private RawClient other;

    @BeforeEach
    void launch() throws IOException {
        shell =
                KafkaShell.launch(
                        new KafkaShellContext()
                                .engine(engine)
                                .eventLoopThreads(1)
                                .listeners(List.of(Listener.of("127.0.0.1", 0))));
        client = new RawClient(shell.boundPort());
        other = new RawClient(shell.boundPort());
        engine.createNow("compacted", PARTITIONS, Map.of("cleanup.policy", "compact"));
        engine.createNow("next", 1);
        for (int i = 0; i < PARTITIONS; i++) {
            String name = "compacted-" + i;
            engine.log("compacted", i).whenAppending = () -> appended.add(name);
        }
        engine.log("next", 0).whenAppending = () -> appended.add("next");
    }

    @AfterEach
    void close() throws IOException {
        client.close();
        other.close();
        shell.close();
        engine.close();
    }

    @Test
    void othersHaveTheirTurnBetweenBatchesThatAreLookedInto() throws IOException {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch asked = new CountDownLatch(1);
        CountDownLatch answered = new CountDownLatch(1);
        engine.log("compacted", 0).whenAppending =
                () -> {
                    begun.countDown();
                    await(asked);
                };
        engine.log("compacted", PARTITIONS - 1).whenAppending = () -> await(answered);
        client.send(produceToAll(), PRODUCE_VERSION);
        await(begun);
        int question =
                other.send(
                        new ApiVersionsRequestData()
                                .setClientSoftwareName("a")
                                .setClientSoftwareVersion("1"),
                        3);
        asked.countDown();
        assertEquals(question, other.receiveCorrelationId());
        answered.countDown();
        client.receiveCorrelationId();
        assertEquals(1, engine.log("compacted", PARTITIONS - 1).logEndOffset());
    }

    @Test
    void whatTheConnectionSendsNextIsHandledBehind() throws IOException {
        int first = client.send(produceToAll(), PRODUCE_VERSION);
        int second = client.send(produce("next", 1, batch("a")), PRODUCE_VERSION);
        assertEquals(first, client.receiveCorrelationId());
        assertEquals(second, client.receiveCorrelationId());
        assertEquals(PARTITIONS + 1, appended.size());
        assertEquals("next", appended.get(PARTITIONS));
    }

    /** As where nobody waits for an answer. */
    @Test
    void whatHasBegunIsAppendedAlthoughTheConnectionIsGone() throws IOException {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch closed = new CountDownLatch(1);
        CountDownLatch all = new CountDownLatch(1);
        engine.log("compacted", 0).whenAppending =
                () -> {
                    begun.countDown();
                    await(closed);
                };
        engine.log("compacted", PARTITIONS - 1).whenAppending = all::countDown;
        client.send(produceToAll(), PRODUCE_VERSION);
        await(begun);
        client.close();
        closed.countDown();
        await(all);
    }

    private static void await(CountDownLatch latch) {
        try {
            assertTrue(latch.await(PATIENCE_S, TimeUnit.SECONDS), "waited in vain");
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** A compressed batch to each partition. */
    private static ProduceRequestData produceToAll() {
        ProduceRequestData request = produce("compacted", 1, compressed());
        List<PartitionProduceData> partitions = new ArrayList<>();
        for (int i = 0; i < PARTITIONS; i++) {
            partitions.add(new PartitionProduceData().setIndex(i).setRecords(compressed()));
        }
        request.topicData().iterator().next().setPartitionData(partitions);
        return request;
    }

    private static MemoryRecords compressed() {
        return MemoryRecords.withRecords(
                Compression.gzip().build(), new SimpleRecord(new byte[] {1}, new byte[] {2}));
    }
}
