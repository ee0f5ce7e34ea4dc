package io.headrace.engine.log;

import io.headrace.engine.Deadline;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The threads that block for object stores, apart from those that read the journals: a store that
 * answers slowly must not hold up a disk that does not. A request in flight holds a thread, so
 * there are many, and those that have nothing to do end.
 *
 * <p>What somebody waits for goes before what somebody will ask for: {@link #ahead} uses a part of
 * the threads only, and what its tasks hand out again is bound in the same way. What waits is
 * bounded by its askers: a step per log, a read per parked fetch, a handful of helpers for each of
 * those, and in front of {@code ahead} a queue with a bound.
 */
final class SourceThreads implements Executor, AutoCloseable {
    /** One thread of so many is left to what somebody waits for. */
    private static final int RESERVED_SHARE = 4;

    /** Tasks that wait in front of {@link #ahead}. */
    private static final int AHEAD_WAITING_MAX = 4096;

    private static final long IDLE_SECONDS = 30;
    private static final long END_WAIT_MS = 2_000;

    private final ThreadPoolExecutor executor;
    private final Lane lane;

    /** A thread, and what kind of task it runs. */
    private static final class Worker extends Thread {
        private boolean isAhead;

        Worker(Runnable task, int number) {
            super(task, "headrace-source-" + number);
            setDaemon(true);
        }
    }

    SourceThreads(int count) {
        AtomicInteger number = new AtomicInteger();
        executor =
                new ThreadPoolExecutor(
                        count,
                        count,
                        IDLE_SECONDS,
                        TimeUnit.SECONDS,
                        new LinkedBlockingQueue<>(),
                        task -> new Worker(task, number.incrementAndGet()));
        executor.allowCoreThreadTimeOut(true);
        lane = new Lane(Math.max(1, count - Math.max(1, count / RESERVED_SHARE)));
    }

    /** Runs a task soon; or, if a task of {@link #ahead} asks for it, in its turn there. */
    @Override
    public void execute(Runnable task) {
        if (Thread.currentThread() instanceof Worker worker && worker.isAhead) {
            lane.execute(task);
        } else {
            executor.execute(task);
        }
    }

    /** Runs a task soon, whoever asks for it: somebody waits for it. */
    Executor demand() {
        return executor;
    }

    /** Runs what nobody waits for yet. */
    Executor ahead() {
        return lane;
    }

    /** Tasks that run on some of the threads, in the order in which they came. */
    private final class Lane implements Executor {
        private final int runningMax;
        private final Queue<Runnable> waiting = new ArrayDeque<>();
        private int running;

        Lane(int runningMax) {
            this.runningMax = runningMax;
        }

        @Override
        public synchronized void execute(Runnable task) {
            if (waiting.size() >= AHEAD_WAITING_MAX || executor.isShutdown()) {
                throw new RejectedExecutionException();
            }
            waiting.add(task);
            startNext();
        }

        private void startNext() {
            while (running < runningMax && !waiting.isEmpty()) {
                Runnable task = waiting.remove();
                executor.execute(() -> run(task));
                running++;
            }
        }

        private void run(Runnable task) {
            mark(true);
            try {
                task.run();
            } finally {
                mark(false);
                ended();
            }
        }

        private synchronized void ended() {
            running--;
            try {
                startNext();
            } catch (RejectedExecutionException closing) {
                waiting.clear();
            }
        }
    }

    private static void mark(boolean isAhead) {
        if (Thread.currentThread() instanceof Worker worker) { // or the one that closes this
            worker.isAhead = isAhead;
        }
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
