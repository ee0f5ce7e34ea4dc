package io.headrace.engine.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

final class SerialTaskTest {
    private final Queue<Runnable> handedOut = new ArrayDeque<>();
    private final AtomicInteger runs = new AtomicInteger();

    @Test
    void runThatFailsDoesNotKeepLaterOnesAway() {
        SerialTask task =
                new SerialTask(
                        handedOut::add,
                        () -> {
                            if (runs.incrementAndGet() == 1) {
                                throw new StackOverflowError("of a reader");
                            }
                        });
        task.signal();
        handedOut.remove().run();
        task.signal();
        handedOut.remove().run();
        assertEquals(2, runs.get());
        assertTrue(task.retire());
    }

    @Test
    void isRunAgainIfItIsAskedForMeanwhileAndHereIfItsExecutorTakesNoMore() {
        AtomicBoolean isRetired = new AtomicBoolean();
        SerialTask[] task = new SerialTask[1];
        task[0] =
                new SerialTask(
                        refused -> {
                            throw new RejectedExecutionException();
                        },
                        () -> {
                            if (runs.incrementAndGet() == 1) {
                                task[0].signal();
                                isRetired.set(task[0].retire());
                            }
                        });
        task[0].signal();
        assertEquals(2, runs.get());
        assertFalse(isRetired.get());
    }
}
