package io.headrace.server.powercut;

import io.headrace.testing.history.ViolationException;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Runs clients, each on a thread of its own, until they are done or the power is gone, and tells
 * failures that count from those that are the cut's.
 */
final class PoweredClients {
    private static final long PULLED_CHECK_MS = 20;

    private final Plug plug;
    private final AtomicReference<@Nullable Exception> failure = new AtomicReference<>();

    /** What a client does until it is done, is interrupted, or fails. */
    @FunctionalInterface
    interface Client {
        void run() throws Exception;
    }

    PoweredClients(Plug plug) {
        this.plug = plug;
    }

    /** Returns when all have ended; what failed while there was power is thrown. */
    void run(Client... clients) throws Exception {
        List<Thread> threads =
                Stream.of(clients).map(client -> new Thread(() -> guard(client))).toList();
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            while (thread.isAlive() && !plug.isPulled()) {
                thread.join(PULLED_CHECK_MS);
            }
        }
        // Nobody answers any more.
        threads.forEach(Thread::interrupt);
        for (Thread thread : threads) {
            thread.join();
        }
        Exception failed = failure.get();
        if (failed != null) {
            throw failed;
        }
    }

    /** Whether there is power. */
    boolean goOn() {
        return !plug.isPulled();
    }

    /** Called after what the server has said is noted. */
    void told() {
        plug.told();
    }

    /**
     * Called when offsets are committed, of records that were: from now on a cut is interesting.
     */
    void underLoad() {
        plug.underLoad();
    }

    /** Any failure counts while there is power. A broken promise counts always. */
    void guard(Client client) {
        try {
            client.run();
        } catch (Exception e) {
            if (e instanceof ViolationException || !plug.isPulled()) {
                failure.compareAndSet(null, e);
                plug.pull();
            }
        }
    }
}
