package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.spi.ObjectStore;
import io.headrace.engine.testing.LeakCheck;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

final class SourceThreadsTest {
    private static final int COUNT = 4;
    private static final int MANY = 100;
    private static final long DEADLINE_SECONDS = 10;

    @RegisterExtension final LeakCheck leaks = new LeakCheck();
    private final ObjectStore one = store("one");
    private final ObjectStore other = store("other");
    private final SourceThreads threads = new SourceThreads(COUNT, List.of(one, other));
    private final CountDownLatch gate = new CountDownLatch(1);
    private final AtomicInteger interrupted = new AtomicInteger();

    @AfterEach
    void close() {
        gate.countDown();
        threads.close();
    }

    private static ObjectStore store(String name) {
        return (ObjectStore)
                Proxy.newProxyInstance(
                        ObjectStore.class.getClassLoader(),
                        new Class<?>[] {ObjectStore.class},
                        (proxy, method, arguments) -> name);
    }

    private void hold() {
        try {
            gate.await(DEADLINE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException ending) {
            interrupted.incrementAndGet();
        }
    }

    /** As many as that run at the same time. */
    private static void assertRun(Executor executor, int count) throws InterruptedException {
        CountDownLatch running = new CountDownLatch(count);
        CountDownLatch ended = new CountDownLatch(count);
        for (int i = 0; i < count; i++) {
            executor.execute(
                    () -> {
                        running.countDown();
                        try {
                            running.await();
                            ended.countDown();
                        } catch (InterruptedException closing) {
                            Thread.currentThread().interrupt();
                        }
                    });
        }
        assertTrue(ended.await(DEADLINE_SECONDS, TimeUnit.SECONDS));
    }

    @Test
    void storeThatDoesNotAnswerLeavesTheOthersAllThreadsOfTheirs() throws Exception {
        for (int i = 0; i < MANY; i++) {
            threads.of(one).demand().execute(this::hold);
            threads.of(one).ahead().execute(this::hold);
        }
        assertRun(threads.of(other).demand(), COUNT);
        assertRun(threads.of(other).ahead(), COUNT - 1);
        assertRun(threads.index(), 1);
    }

    @Test
    void whatAsksForAStoreThatIsNotThereRuns() throws Exception {
        assertRun(threads.of(store("gone")).demand(), 1);
    }

    @Test
    void closingRunsWhatSomebodyWaitsForAndInterruptsWhatIsHeldWhicheverStoreItIs() {
        AtomicInteger answered = new AtomicInteger();
        for (ObjectStore store : List.of(one, other)) {
            for (int i = 0; i < COUNT; i++) {
                threads.of(store).demand().execute(this::hold);
            }
            for (int i = 0; i < MANY; i++) {
                threads.of(store).demand().execute(answered::incrementAndGet);
            }
        }
        threads.close();
        assertEquals(2 * MANY, answered.get());
        assertEquals(2 * COUNT, interrupted.get());
        assertThrows(
                RejectedExecutionException.class,
                () -> threads.of(one).demand().execute(this::hold));
    }
}
