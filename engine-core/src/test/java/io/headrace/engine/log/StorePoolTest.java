package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.Deadline;
import io.headrace.engine.source.StoreThreads;
import io.headrace.engine.testing.LeakCheck;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

final class StorePoolTest {
    private static final int COUNT = 8;

    @RegisterExtension final LeakCheck leaks = new LeakCheck();
    private final StorePool pool = new StorePool("headrace-source-test", COUNT);
    private final StoreThreads threads = pool.threads();
    private final CountDownLatch gate = new CountDownLatch(1);

    @AfterEach
    void close() {
        gate.countDown();
        pool.shutdown();
        pool.interrupt();
        assertTrue(pool.awaitEnd(Deadline.afterMs(10_000)));
    }

    private void hold() {
        try {
            gate.await();
        } catch (InterruptedException ending) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void whatSomebodyWaitsForRunsWhileWhatIsAheadFillsItsShare() throws Exception {
        CountDownLatch started = new CountDownLatch(6);
        AtomicInteger later = new AtomicInteger();
        for (int i = 0; i < 100; i++) {
            threads.ahead()
                    .execute(
                            () -> {
                                started.countDown();
                                hold();
                                later.incrementAndGet();
                            });
        }
        assertTrue(started.await(10, TimeUnit.SECONDS));
        CountDownLatch demand = new CountDownLatch(1);
        threads.demand().execute(demand::countDown);
        assertTrue(demand.await(10, TimeUnit.SECONDS));
        gate.countDown();
        CountDownLatch last = new CountDownLatch(1);
        threads.ahead().execute(last::countDown);
        assertTrue(last.await(10, TimeUnit.SECONDS));
        assertTrue(later.get() >= 100 - COUNT, "in the order in which they came");
    }

    @Test
    void whatATaskAheadHandsOutIsAheadToo() throws Exception {
        CountDownLatch started = new CountDownLatch(6);
        threads.ahead()
                .execute(
                        () -> {
                            for (int i = 0; i < 50; i++) {
                                threads.helpers()
                                        .execute(
                                                () -> {
                                                    started.countDown();
                                                    hold();
                                                });
                            }
                        });
        assertTrue(started.await(10, TimeUnit.SECONDS));
        CountDownLatch demand = new CountDownLatch(2);
        threads.demand()
                .execute(
                        () -> {
                            demand.countDown();
                            threads.helpers().execute(demand::countDown);
                        });
        assertTrue(demand.await(10, TimeUnit.SECONDS));
    }

    @Test
    void queueOfWhatIsAheadIsBounded() {
        int[] taken = new int[1];
        assertThrows(
                RejectedExecutionException.class,
                () -> {
                    for (int i = 0; i < 100_000; i++) {
                        threads.ahead().execute(this::hold);
                        taken[0]++;
                    }
                });
        assertEquals(4096 + 6, taken[0]);
    }
}
