package io.headrace.engine.log;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

/**
 * Where the engine's work in the background runs, and by which clock: on threads of its own. A
 * simulation takes its turns one by one instead, on one thread, in an order of its choice:
 * therefore whatever runs in the background, waits for what does, or measures time in this run gets
 * that from here (docs/design/simulation.md).
 *
 * <p>Thread-safe.
 */
public interface Background {
    /** The real one. */
    Background THREADS = new BackgroundThreads();

    /** Work that is done in turns, by one worker, which waits between two of them. */
    interface Work {
        /** Whether there is something to do now. */
        boolean isDue();

        /** Does what is due. */
        void turn();

        /** Waits until a turn may be due; may return earlier. */
        void await();

        /** Does what is left to do at the end. */
        void end();
    }

    /** What does a work. */
    interface Worker {
        void start();

        /** Ends it, after {@link Work#end}, which is waited for. */
        void close();
    }

    /** A clock that cannot be set, as {@link System#nanoTime}. */
    long nanoTime();

    /**
     * A worker, not started yet.
     *
     * @param failureHandler for what a turn throws; the worker ends with it
     */
    Worker worker(String name, Work work, Consumer<Throwable> failureHandler);

    /**
     * What runs tasks one after the other, and some of them again and again: housekeeping, which
     * comes after whatever somebody waits for.
     */
    ScheduledExecutorService schedule(String name);

    /**
     * What runs tasks one after the other, at once or after a while, for somebody who waits;
     * without a thread while there is nothing to do. Its end takes along what would come later.
     */
    ScheduledExecutorService dispatcher(String name);

    /** What runs tasks beside each other; those beyond the queue's length are rejected. */
    ThreadPoolExecutor pool(String name, int threadCount, int queueLength);

    /** Waits for what the background will do, as {@link CompletableFuture#get(long, TimeUnit)}. */
    void await(CompletableFuture<?> future, long seconds)
            throws InterruptedException, ExecutionException, TimeoutException;
}
