package io.headrace.engine.log;

import io.headrace.engine.Deadline;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The threads that block for object stores, apart from those that read the journals: a store that
 * answers slowly must not hold up a disk that does not. What waits is bounded by its askers: a step
 * per log, a read per parked fetch, and a handful of helpers for each of those.
 */
final class SourceThreads implements Executor, AutoCloseable {
    /** A store is waited for, not computed with, so there are more than for the disk. */
    private static final int THREADS_PER_COLD_READER = 4;

    private static final long END_WAIT_MS = 2_000;

    private final ThreadPoolExecutor executor;

    SourceThreads(int coldReaderCount) {
        AtomicInteger number = new AtomicInteger();
        int count = coldReaderCount * THREADS_PER_COLD_READER;
        executor =
                new ThreadPoolExecutor(
                        count,
                        count,
                        30,
                        TimeUnit.SECONDS,
                        new LinkedBlockingQueue<>(),
                        task -> daemon(task, "headrace-source-" + number.incrementAndGet()));
        executor.allowCoreThreadTimeOut(true);
    }

    private static Thread daemon(Runnable task, String name) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        return thread;
    }

    @Override
    public void execute(Runnable task) {
        executor.execute(task);
    }

    @Override
    public void close() {
        close(Deadline.afterMs(2 * END_WAIT_MS));
    }

    /** Lets what is waiting answer that its log is closed; interrupts what a store holds up. */
    void close(Deadline deadline) {
        executor.shutdown();
        if (!Threads.awaitTermination(executor, deadline.atMostMs(END_WAIT_MS))) {
            executor.shutdownNow().forEach(Runnable::run);
            Threads.awaitTermination(executor, deadline.atMostMs(END_WAIT_MS));
        }
    }
}
