package io.headrace.objects;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.spi.ObjectStore;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import io.headrace.testing.s3.Fault;
import io.headrace.testing.s3.MeteredS3Proxy;
import io.headrace.testing.s3.Operation;
import io.headrace.testing.s3.S3Server;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What comes of a bad wire between the store and a real S3 server. */
final class S3FaultsTest {
    private static final int LENGTH = 1 << 20;

    private final byte[] content = new byte[LENGTH];
    private final StoreCounters counters = new StoreCounters("s3");
    private S3Server server;
    private MeteredS3Proxy proxy;
    private ObjectStore store;

    @BeforeEach
    void open() throws Exception {
        new Random(1).nextBytes(content);
        server = new S3Server();
        server.put("data/k", content);
        proxy = MeteredS3Proxy.launch(server.endpoint());
        store = store(Map.of("stall.timeout.ms", "1000"));
    }

    private ObjectStore store(Map<String, String> more) {
        Map<String, String> config = server.config("data/", proxy.endpoint());
        config.putAll(more);
        return StoreLimits.of(config)
                .around(new S3ObjectStore("s3", S3Settings.of(config)), counters);
    }

    @AfterEach
    void close() {
        store.close();
        proxy.close();
        server.close();
    }

    private StoredObject object() throws IOException {
        return store.list("", null, 10).get(0);
    }

    @ParameterizedTest
    @EnumSource(value = Fault.class)
    void faultThatPassesIsNotSeenByTheCaller(Fault fault) throws IOException {
        StoredObject object = object();
        proxy.faults().script(fault, fault);
        ByteBuffer into = ByteBuffer.allocateDirect(LENGTH / 2);
        store.read(object, 1000, into);
        byte[] read = new byte[LENGTH / 2];
        into.flip().get(read);
        assertArrayEquals(Arrays.copyOfRange(content, 1000, 1000 + LENGTH / 2), read);
        int faults = fault == Fault.NONE ? 0 : 2;
        assertEquals(faults, proxy.traffic().faults(fault));
        assertEquals(faults, counters.retries.sum());
        assertEquals(1 + faults, proxy.traffic().requests(Operation.GET_OBJECT));
        assertEquals(
                proxy.traffic().requests(), counters.requests.sum(), "each request is counted");
        assertEquals(fault == Fault.SLOW_DOWN ? 2 : 0, counters.throttled.sum());
    }

    @Test
    void faultThatStaysIsAnErrorAfterABoundedNumberOfRequests() throws IOException {
        StoredObject object = object();
        proxy.faults().rate(Fault.SHORT_BODY, 1);
        try (ObjectStore impatient = store(Map.of("attempts.max", "3"))) {
            assertThrows(
                    IOException.class, () -> impatient.read(object, 0, ByteBuffer.allocate(100)));
        }
        assertEquals(3, proxy.traffic().requests(Operation.GET_OBJECT));
        assertEquals(1, counters.errors.sum());
    }

    @Test
    void manyReadersOfABadWireGetTheRightBytes() throws Exception {
        long seed = System.nanoTime();
        StoredObject object = object();
        proxy.faults().seed(seed);
        for (Fault fault : Fault.values()) {
            proxy.faults().rate(fault, fault == Fault.STALL ? 0.01 : 0.05);
        }
        ExecutorService threads = Executors.newFixedThreadPool(16);
        try {
            List<Future<?>> readers = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                Random random = new Random(seed + i);
                readers.add(threads.submit(() -> readSomeRanges(object, random)));
            }
            for (Future<?> reader : readers) {
                reader.get(120, TimeUnit.SECONDS);
            }
        } catch (Exception failed) {
            throw new AssertionError("seed=" + seed, failed);
        } finally {
            threads.shutdownNow();
        }
        assertTrue(counters.retries.sum() > 0);
        assertEquals(0, counters.errors.sum());
        assertEquals(proxy.traffic().requests(), counters.requests.sum());
    }

    private Void readSomeRanges(StoredObject object, Random random) throws IOException {
        for (int i = 0; i < 20; i++) {
            int offset = random.nextInt(LENGTH);
            int length = Math.min(LENGTH - offset, 1 + random.nextInt(100_000));
            ByteBuffer into = ByteBuffer.allocate(length);
            store.read(object, offset, into);
            assertArrayEquals(
                    Arrays.copyOfRange(content, offset, offset + length),
                    into.array(),
                    "offset=" + offset + " length=" + length);
        }
        return null;
    }

    @Test
    void noMoreRequestsAreOnTheWireThanTheStoreMayHave() throws Exception {
        StoredObject object = object();
        proxy.shape().latency(Duration.ofMillis(20));
        proxy.traffic().reset();
        ExecutorService threads = Executors.newFixedThreadPool(16);
        try (ObjectStore capped = store(Map.of("requests.max", "5"))) {
            List<Future<?>> readers = new ArrayList<>();
            for (int i = 0; i < 64; i++) {
                readers.add(
                        threads.submit(
                                () -> {
                                    capped.read(object, 0, ByteBuffer.allocate(1000));
                                    return null;
                                }));
            }
            for (Future<?> reader : readers) {
                reader.get(60, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
        }
        assertEquals(5, proxy.traffic().inFlightMax());
    }
}
