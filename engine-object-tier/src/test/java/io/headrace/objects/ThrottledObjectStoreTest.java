package io.headrace.objects;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.spi.ObjectStore;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class ThrottledObjectStoreTest {
    private static final StoredObject OBJECT = new StoredObject("k", 1 << 20, "v", 0);

    private final Asked asked = new Asked();
    private final StoreCounters counters = new StoreCounters("s");
    private final ExecutorService threads = Executors.newCachedThreadPool();

    @AfterEach
    void endThreads() throws InterruptedException {
        asked.gate.countDown();
        threads.shutdownNow();
        assertTrue(threads.awaitTermination(10, TimeUnit.SECONDS));
    }

    /** Holds reads back, and refuses as many as it is told to. */
    private static final class Asked implements ObjectStore {
        final AtomicInteger inFlight = new AtomicInteger();
        final AtomicInteger inFlightMax = new AtomicInteger();
        final AtomicInteger refusals = new AtomicInteger();
        final CountDownLatch gate = new CountDownLatch(1);

        @Override
        public String name() {
            return "s";
        }

        @Override
        public List<StoredObject> list(String prefix, String afterKey, int limit)
                throws IOException {
            read(OBJECT, 0, ByteBuffer.allocate(0));
            return List.of();
        }

        @Override
        public void read(StoredObject object, long offset, ByteBuffer into) throws IOException {
            inFlightMax.accumulateAndGet(inFlight.incrementAndGet(), Math::max);
            try {
                gate.await();
            } catch (InterruptedException interrupted) {
                throw new IOException(interrupted);
            } finally {
                inFlight.decrementAndGet();
            }
            if (refusals.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
                throw new StoreBusyException("busy", new IOException());
            }
        }

        @Override
        public void close() {}
    }

    private Map<String, Long> metrics() {
        Map<String, Long> metrics = new HashMap<>();
        counters.forEach((name, value) -> metrics.put(name.replace("{store=\"s\"}", ""), value));
        return metrics;
    }

    @Test
    void neverAsksForMoreAtATimeThanItMay() throws Exception {
        ThrottledObjectStore store =
                new ThrottledObjectStore(asked, new StoreLimits(3, 0, 1), counters);
        List<Future<?>> calls = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            boolean lists = i % 5 == 0;
            calls.add(
                    threads.submit(
                            () -> {
                                if (lists) {
                                    return store.list("", null, 1);
                                }
                                store.read(OBJECT, 0, ByteBuffer.allocate(10));
                                return null;
                            }));
        }
        Waiting.until(() -> asked.inFlight.get() == 3, "3 in flight");
        assertEquals(3, metrics().get("headrace_store_requests_in_flight"));
        asked.gate.countDown();
        for (Future<?> call : calls) {
            call.get(10, TimeUnit.SECONDS);
        }
        assertEquals(3, asked.inFlightMax.get());
        assertEquals(20, metrics().get("headrace_store_requests_total"));
        assertEquals(160, metrics().get("headrace_store_read_bytes_total"));
        assertEquals(0, metrics().get("headrace_store_requests_in_flight"));
    }

    @Test
    void busyStoreIsAskedLessAndThenMoreAgain() throws Exception {
        ThrottledObjectStore store =
                new ThrottledObjectStore(asked, new StoreLimits(16, 0, 1), counters);
        asked.gate.countDown();
        asked.refusals.set(2);
        for (int i = 0; i < 2; i++) {
            assertThrows(
                    StoreBusyException.class, () -> store.read(OBJECT, 0, ByteBuffer.allocate(10)));
        }
        assertEquals(4, metrics().get("headrace_store_requests_limit"));
        assertEquals(2, metrics().get("headrace_store_throttled_total"));
        assertEquals(0, metrics().get("headrace_store_read_bytes_total"));
        for (int i = 0; i < 200; i++) {
            store.read(OBJECT, 0, ByteBuffer.allocate(10));
        }
        assertEquals(16, metrics().get("headrace_store_requests_limit"));
    }

    @Test
    void readsQueueAtTheBandwidth() throws Exception {
        asked.gate.countDown();
        long[] now = {0};
        List<Long> waits = new ArrayList<>();
        ThrottledObjectStore store =
                new ThrottledObjectStore(
                        asked,
                        new StoreLimits(16, 1000, 1),
                        counters,
                        () -> now[0],
                        nanos -> waits.add(TimeUnit.NANOSECONDS.toMillis(nanos)));
        for (int i = 0; i < 4; i++) {
            store.read(OBJECT, 0, ByteBuffer.allocate(100));
        }
        now[0] = TimeUnit.SECONDS.toNanos(60); // what was not used is not made up for
        store.read(OBJECT, 0, ByteBuffer.allocate(100));
        store.read(OBJECT, 0, ByteBuffer.allocate(100));
        store.list("", null, 1);
        assertEquals(List.of(0L, 100L, 200L, 300L, 0L, 100L, 0L), waits.stream().toList());
    }

    @Test
    void whoWaitsAndIsInterruptedTakesNoPlace() throws Exception {
        ThrottledObjectStore store =
                new ThrottledObjectStore(asked, new StoreLimits(1, 0, 1), counters);
        Future<?> first =
                threads.submit(
                        () -> {
                            store.read(OBJECT, 0, ByteBuffer.allocate(1));
                            return null;
                        });
        Waiting.until(() -> asked.inFlight.get() == 1, "1 in flight");
        Thread.currentThread().interrupt();
        assertThrows(
                InterruptedIOException.class, () -> store.read(OBJECT, 0, ByteBuffer.allocate(1)));
        assertTrue(Thread.interrupted());
        asked.gate.countDown();
        first.get(10, TimeUnit.SECONDS);
        store.read(OBJECT, 0, ByteBuffer.allocate(1));
        assertEquals(2, metrics().get("headrace_store_requests_total"));
    }
}
