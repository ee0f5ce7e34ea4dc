package io.headrace.engine.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class HighWatermarkWaitersTest {
    private static final int MANY = 300_000;

    private final HighWatermarkWaiters waiters = new HighWatermarkWaiters();
    private final List<String> woken = new ArrayList<>();

    @Test
    void thoseWhoseOffsetIsReachedAreCalledOnce() {
        waiters.add(3, () -> woken.add("c"));
        waiters.add(1, () -> woken.add("a"));
        waiters.add(2, () -> woken.add("b"));
        waiters.wake(0);
        assertEquals(List.of(), woken);
        waiters.wake(2);
        assertEquals(List.of("a", "b"), woken.stream().sorted().toList());
        waiters.wake(2);
        assertEquals(2, woken.size());
        assertFalse(waiters.isEmpty());
        waiters.wake(Long.MAX_VALUE);
        assertEquals(3, woken.size());
        assertTrue(waiters.isEmpty());
    }

    @Test
    void whoWasCalledIsNotThereAnyMore() {
        Runnable wake = () -> woken.add("a");
        waiters.add(1, wake);
        assertTrue(waiters.remove(wake));
        assertFalse(waiters.remove(wake));
        waiters.add(1, wake);
        waiters.wake(1);
        assertFalse(waiters.remove(wake));
        assertEquals(List.of("a"), woken);
    }

    /** As a fetch that names a partition twice does. */
    @Test
    void aCallbackThatWaitsTwiceIsCalledTwiceAndTakenBackAtOnce() {
        Runnable wake = () -> woken.add("a");
        waiters.add(1, wake);
        waiters.add(2, wake);
        waiters.add(3, wake);
        waiters.wake(1);
        waiters.wake(2);
        assertEquals(List.of("a", "a"), woken);
        assertTrue(waiters.remove(wake));
        waiters.wake(Long.MAX_VALUE);
        assertEquals(2, woken.size());
        assertTrue(waiters.isEmpty());
    }

    /** Equal callbacks of several callers are several. */
    @Test
    void callbacksAreToldApartByWhichTheyAre() {
        record Wake(List<String> woken) implements Runnable {
            @Override
            public void run() {
                woken.add("a");
            }
        }
        Wake first = new Wake(woken);
        waiters.add(1, first);
        waiters.add(1, new Wake(woken));
        assertTrue(waiters.remove(first));
        waiters.wake(1);
        assertEquals(List.of("a"), woken);
    }

    @Test
    void whateverComesAndGoesTheRightOnesAreCalled() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        Map<Runnable, List<Long>> expected = new HashMap<>();
        Map<Runnable, Integer> calls = new HashMap<>();
        List<Runnable> callbacks = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            Runnable[] self = new Runnable[1];
            self[0] = () -> calls.merge(self[0], 1, Integer::sum);
            callbacks.add(self[0]);
            expected.put(self[0], new ArrayList<>());
        }
        for (int step = 0; step < 20_000; step++) {
            Runnable callback = callbacks.get(random.nextInt(callbacks.size()));
            long offset = random.nextInt(20);
            switch (random.nextInt(4)) {
                case 0 -> {
                    assertEquals(
                            !expected.get(callback).isEmpty(),
                            waiters.remove(callback),
                            "seed=" + seed);
                    expected.get(callback).clear();
                }
                case 1 -> {
                    calls.clear();
                    waiters.wake(offset);
                    expected.forEach(
                            (each, offsets) -> {
                                int before = offsets.size();
                                offsets.removeIf(waiting -> waiting <= offset);
                                int due = before - offsets.size();
                                assertEquals(due, calls.getOrDefault(each, 0), "seed=" + seed);
                            });
                }
                default -> {
                    waiters.add(offset, callback);
                    expected.get(callback).add(offset);
                }
            }
            assertEquals(
                    expected.values().stream().allMatch(List::isEmpty),
                    waiters.isEmpty(),
                    "seed=" + seed);
        }
    }

    /**
     * Each fetch that is woken takes its callback back, reads, and waits again. Were each to look
     * at all others, this would take minutes.
     */
    @Test
    @Timeout(30)
    void manyThatWaitForOnePartitionDoNotLookAtEachOther() {
        List<Runnable> callbacks = new ArrayList<>();
        for (int i = 0; i < MANY; i++) {
            Runnable[] self = new Runnable[1];
            self[0] = () -> waitAgain(self[0]);
            callbacks.add(self[0]);
            waiters.add(1, self[0]);
        }
        waiters.wake(1);
        callbacks.forEach(callback -> assertTrue(waiters.remove(callback)));
        assertTrue(waiters.isEmpty());
    }

    private void waitAgain(Runnable wake) {
        waiters.remove(wake);
        waiters.add(2, wake);
    }
}
