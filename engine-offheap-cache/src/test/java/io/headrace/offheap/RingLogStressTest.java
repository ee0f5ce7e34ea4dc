package io.headrace.offheap;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Unavailable;
import io.headrace.engine.spi.MemoryStore.MemoryLog;
import io.headrace.engine.spi.MemoryStore.Slab;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Appenders, readers, droppers and others who lease slabs, all in too little memory. */
class RingLogStressTest {
    private static final long NOW_MS = 1_700_000_000_000L;

    private static final int KIB = 1024;
    private static final int LOG_COUNT = 6;
    private static final int APPENDS = 30_000;

    private final List<MemoryLog> logs = new ArrayList<>();
    private volatile boolean isDone;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void readersSeeOnlyWhatWasAppendedWhileMemoryIsTakenAway(long seed) throws Exception {
        System.out.println("seed=" + seed);
        OffHeapMemoryStore store =
                new OffHeapMemoryStore(
                        new OffHeapContext()
                                .budgetBytes(512 * KIB)
                                .chunkBytes(128 * KIB)
                                .logReserveBytes(256 * KIB));
        for (int i = 0; i < LOG_COUNT; i++) {
            logs.add(store.openLog(0, (16L << (2 * (i % 3))) * KIB));
        }
        run(store, seed);
        logs.forEach(MemoryLog::close);
        store.close();
        store.forEachTag((tag, bytes) -> assertEquals(0, bytes, tag));
        assertEquals(0, store.reservedBytes());
    }

    private void run(OffHeapMemoryStore store, long seed) throws Exception {
        ExecutorService threads = Executors.newCachedThreadPool();
        try {
            List<Future<Long>> appenders = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                int first = i;
                appenders.add(threads.submit(() -> appendAll(first, new Random(seed + first))));
            }
            List<Future<Long>> others = new ArrayList<>();
            others.add(threads.submit(() -> readAll(new Random(seed + 10))));
            others.add(threads.submit(() -> readAll(new Random(seed + 11))));
            others.add(threads.submit(() -> dropSome(new Random(seed + 20))));
            others.add(threads.submit(leaseSlabs(store, new Random(seed + 30))));
            for (Future<Long> appender : appenders) {
                assertEquals(APPENDS, appender.get(120, TimeUnit.SECONDS));
            }
            isDone = true;
            for (Future<Long> other : others) {
                assertTrue(other.get(60, TimeUnit.SECONDS) > 0, "nothing was done");
            }
        } finally {
            isDone = true;
            threads.shutdownNow();
            assertTrue(threads.awaitTermination(60, TimeUnit.SECONDS));
        }
    }

    /** Appends to every second log; {@code first} says which. */
    private long appendAll(int first, Random random) {
        long count = 0;
        while (count < APPENDS) {
            int logIndex = first + 2 * random.nextInt(LOG_COUNT / 2);
            MemoryLog log = logs.get(logIndex);
            long offset = log.logEndOffset();
            int valueLength = random.nextInt(50) == 0 ? 10_000 : random.nextInt(600);
            ByteBuffer batch = Batches.batch(logIndex, offset, 1 + random.nextInt(3), valueLength);
            long appended = log.append(batch, 1, NOW_MS);
            if (appended == MemoryLog.BACK_PRESSURED) {
                Thread.yield();
            } else {
                assertEquals(offset, appended);
                count++;
            }
        }
        return count;
    }

    private long readAll(Random random) {
        long batchCount = 0;
        List<HeldLease> held = new ArrayList<>();
        while (!isDone) {
            int logIndex = random.nextInt(LOG_COUNT);
            MemoryLog log = logs.get(logIndex);
            long start = log.logStartOffset();
            long offset = start + random.nextInt((int) (log.logEndOffset() - start) + 1);
            ReadResult result = log.read(offset, 1 + random.nextInt(20_000));
            if (result instanceof RecordsLease lease) {
                batchCount += check(logIndex, lease, offset);
                held.add(new HeldLease(logIndex, lease));
            } else {
                assertTrue(
                        result == Unavailable.CAUGHT_UP
                                || result == Unavailable.OFFSET_OUT_OF_RANGE
                                        && offset < log.logStartOffset(),
                        "result=" + result);
            }
            if (held.size() > 3) {
                HeldLease oldest = held.remove(0);
                Batches.checkedBaseOffsets(oldest.logIndex, oldest.lease);
                oldest.lease.close();
            }
        }
        held.forEach(lease -> lease.lease.close());
        return batchCount;
    }

    private record HeldLease(int logIndex, RecordsLease lease) {}

    private static int check(int logIndex, RecordsLease lease, long offset) {
        List<Long> bases = Batches.checkedBaseOffsets(logIndex, lease);
        assertTrue(bases.get(0) <= offset && offset - bases.get(0) < 3);
        assertTrue(lease.nextOffset() > offset);
        for (int i = 1; i < bases.size(); i++) {
            long step = bases.get(i) - bases.get(i - 1);
            assertTrue(step > 0 && step <= 3, "batches do not follow one another");
        }
        return bases.size();
    }

    private long dropSome(Random random) {
        long count = 0;
        while (!isDone) {
            MemoryLog log = logs.get(random.nextInt(LOG_COUNT));
            long start = log.logStartOffset();
            switch (random.nextInt(3)) {
                case 0 -> log.dropBefore(start + random.nextInt(10));
                case 1 -> log.dropOlderThan(start + random.nextInt(10));
                default -> log.budgetBytes((8L + random.nextInt(200)) * KIB);
            }
            count++;
            Thread.yield();
        }
        return count;
    }

    private Callable<Long> leaseSlabs(OffHeapMemoryStore store, Random random) {
        return () -> {
            long count = 0;
            while (!isDone) {
                Slab slab = store.allocate(1 + random.nextInt(64 * KIB), "test");
                if (slab != null) {
                    ByteBuffer buffer = slab.buffer();
                    for (int i = 0; i < buffer.capacity(); i += Long.BYTES) {
                        buffer.putLong(i, -1);
                    }
                    slab.release();
                    count++;
                }
                Thread.yield();
            }
            return count;
        };
    }
}
