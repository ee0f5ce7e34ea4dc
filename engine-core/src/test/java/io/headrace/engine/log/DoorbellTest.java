package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class DoorbellTest {
    private static final long LONG_NS = Duration.ofMinutes(10).toNanos();
    private static final Duration WAIT = Duration.ofSeconds(20);
    private static final int TARGET = 100;

    private final Doorbell doorbell = new Doorbell();
    private final AtomicLong amount = new AtomicLong();

    @Test
    void whatWasThereBeforeIsNotWaitedFor() {
        amount.set(TARGET);
        doorbell.await(amount::get, TARGET, LONG_NS);
    }

    @Test
    void theRingThatReachesTheTargetWakes() throws InterruptedException {
        Thread waiting = started(() -> awaitAmount(TARGET));
        for (int i = 1; i < TARGET; i++) {
            doorbell.ring(amount.incrementAndGet());
        }
        assertTrue(waiting.isAlive());
        doorbell.ring(amount.incrementAndGet());
        assertEnds(waiting);
    }

    @Test
    void anUrgentRingWakes() throws InterruptedException {
        Thread waiting = started(() -> doorbell.await(amount::get, TARGET, LONG_NS));
        while (LockSupport.getBlocker(waiting) == null) {
            Thread.onSpinWait();
        }
        doorbell.ring(Doorbell.URGENT);
        assertEnds(waiting);
    }

    /** A thread must not sleep through a ring that came while it was about to park. */
    @Test
    void noRingIsLost() throws InterruptedException {
        int rounds = 20_000;
        AtomicLong seen = new AtomicLong();
        Thread waiting =
                started(
                        () -> {
                            for (int i = 1; i <= rounds; i++) {
                                awaitAmount(i);
                                seen.set(i);
                            }
                        });
        long deadlineNs = System.nanoTime() + WAIT.toNanos();
        for (int i = 1; i <= rounds; i++) {
            doorbell.ring(amount.incrementAndGet());
            while (seen.get() < i) {
                assertTrue(System.nanoTime() < deadlineNs, "asleep at ring " + i);
                Thread.onSpinWait();
            }
        }
        assertEnds(waiting);
    }

    private static Thread started(Runnable body) {
        Thread thread = new Thread(body);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    private static void assertEnds(Thread thread) throws InterruptedException {
        thread.join(WAIT.toMillis());
        assertFalse(thread.isAlive());
    }

    private void awaitAmount(long target) {
        while (amount.get() < target) {
            doorbell.await(amount::get, target, LONG_NS);
        }
    }
}
