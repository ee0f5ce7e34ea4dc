package io.headrace.engine.log;

import io.headrace.engine.Deadline;
import io.headrace.engine.source.StoreThreads;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The threads that block for one object store. A request in flight holds a thread, so there are
 * many, and those that have nothing to do end.
 *
 * <p>What somebody waits for goes before what somebody will ask for: the latter uses a part of the
 * threads only, and what its tasks hand out again is bound in the same way. What waits is bounded
 * by its askers, see {@link StoreThreads}, and in front of what is ahead by a number.
 */
final class StorePool {
    /** One thread of so many is left to what somebody waits for. */
    private static final int RESERVED_SHARE = 4;

    /** Tasks that nobody waits for and that wait. */
    private static final int AHEAD_WAITING_MAX = 4096;

    private static final long IDLE_SECONDS = 30;

    private final ThreadPoolExecutor executor;
    private final Lane lane;
    private final StoreThreads threads;

    /** A thread, and what kind of task it runs. */
    private static final class Worker extends Thread {
        private boolean isAhead;

        Worker(Runnable task, String name) {
            super(task, name);
            setDaemon(true);
        }
    }

    /**
     * @param name of the threads
     */
    StorePool(String name, int count) {
        AtomicInteger number = new AtomicInteger();
        executor =
                new ThreadPoolExecutor(
                        count,
                        count,
                        IDLE_SECONDS,
                        TimeUnit.SECONDS,
                        new LinkedBlockingQueue<>(),
                        task -> new Worker(task, name + "-" + number.incrementAndGet()));
        executor.allowCoreThreadTimeOut(true);
        lane = new Lane(Math.max(1, count - Math.max(1, count / RESERVED_SHARE)));
        threads = new StoreThreads(executor, lane, this::help);
    }

    StoreThreads threads() {
        return threads;
    }

    /** Runs a task soon; or, if a task that is ahead asks for it, in its turn there. */
    private void help(Runnable task) {
        if (Thread.currentThread() instanceof Worker worker && worker.isAhead) {
            lane.execute(task);
        } else {
            executor.execute(task);
        }
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

    /** Takes no more tasks. */
    void shutdown() {
        executor.shutdown();
    }

    /** False if a thread still runs then. */
    boolean awaitEnd(Deadline deadline) {
        return Threads.awaitTermination(executor, deadline);
    }

    /** Interrupts what the store holds up; what waits for it runs here. */
    void interrupt() {
        executor.shutdownNow().forEach(Runnable::run);
    }
}
