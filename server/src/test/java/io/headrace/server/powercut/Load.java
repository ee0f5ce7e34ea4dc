package io.headrace.server.powercut;

import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Clients that work until the power goes and keep what they are told, each on a thread of its own;
 * {@link #run} is their owner.
 */
final class Load {
    private final Plug plug;
    private final List<Client> work;
    private final AtomicReference<@Nullable Exception> failure = new AtomicReference<>();

    /** What a client does until it is told to stop, or fails because the power is gone. */
    @FunctionalInterface
    interface Client {
        void run() throws Exception;
    }

    /**
     * Prepares the clients.
     *
     * @param round of this boot: no other has this number
     */
    Load(Clients clients, Histories histories, Plug plug, int round, Random random) {
        this.plug = plug;
        this.work =
                List.of(
                        new Producing(clients, histories, this, round, forked(random)),
                        new Consuming(clients, histories, this, round),
                        new Administering(clients, histories, this, round, forked(random)));
    }

    private static Random forked(Random random) {
        return new Random(random.nextLong());
    }

    /** Returns when the power is gone; what failed before that is thrown. */
    void run() throws Exception {
        List<Thread> threads =
                work.stream().map(client -> new Thread(() -> guard(client))).toList();
        threads.forEach(Thread::start);
        plug.await();
        for (Thread thread : threads) {
            thread.join();
        }
        Exception failed = failure.get();
        if (failed != null) {
            throw failed;
        }
    }

    /** Whether clients go on. */
    boolean goesOn() {
        return !plug.isPulled();
    }

    /** Called after what the server has said is noted. */
    void told() {
        plug.told();
    }

    /** Called when records are acknowledged: from now on a cut is interesting. */
    void underLoad() {
        plug.underLoad();
    }

    /** Any failure counts while there is power. A broken promise counts always. */
    void guard(Client client) {
        try {
            client.run();
        } catch (Exception e) {
            if (e instanceof Violation || !plug.isPulled()) {
                failure.compareAndSet(null, e);
                plug.pull();
            }
        }
    }
}
