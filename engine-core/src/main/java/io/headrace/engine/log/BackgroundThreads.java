package io.headrace.engine.log;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/** A daemon thread for each worker. */
final class BackgroundThreads implements Background {
    private static final long IDLE_S = 30;

    /** One worker's thread. */
    private static final class WorkerThread implements Worker {
        private final Work work;
        private final Consumer<Throwable> failureHandler;
        private final Thread thread;
        private volatile boolean closed;

        WorkerThread(String name, Work work, Consumer<Throwable> failureHandler) {
            this.work = work;
            this.failureHandler = failureHandler;
            this.thread = daemon(this::run, name);
        }

        @Override
        public void start() {
            thread.start();
        }

        private void run() {
            try {
                while (!closed) {
                    if (work.isDue()) {
                        work.turn();
                    } else {
                        work.await();
                    }
                }
                work.end();
            } catch (RuntimeException | Error e) {
                failureHandler.accept(e);
            }
        }

        @Override
        public void close() {
            closed = true;
            LockSupport.unpark(thread);
            Threads.joinUninterruptibly(thread);
        }
    }

    @Override
    public long nanoTime() {
        return System.nanoTime();
    }

    @Override
    public Worker worker(String name, Work work, Consumer<Throwable> failureHandler) {
        return new WorkerThread(name, work, failureHandler);
    }

    @Override
    public ScheduledExecutorService schedule(String name) {
        return Executors.newSingleThreadScheduledExecutor(
                task -> daemon(() -> runLowered(task), name));
    }

    private static void runLowered(Runnable task) {
        OsPriority.lower();
        task.run();
    }

    @Override
    public ScheduledExecutorService dispatcher(String name) {
        ScheduledThreadPoolExecutor executor =
                new ScheduledThreadPoolExecutor(1, task -> daemon(task, name));
        executor.setKeepAliveTime(IDLE_S, TimeUnit.SECONDS);
        executor.allowCoreThreadTimeOut(true);
        executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
        return executor;
    }

    @Override
    public ThreadPoolExecutor pool(String name, int threadCount, int queueLength) {
        AtomicInteger number = new AtomicInteger();
        ThreadPoolExecutor pool =
                new ThreadPoolExecutor(
                        threadCount,
                        threadCount,
                        IDLE_S,
                        TimeUnit.SECONDS,
                        new ArrayBlockingQueue<>(queueLength),
                        task -> daemon(task, name + "-" + number.incrementAndGet()));
        pool.allowCoreThreadTimeOut(true);
        return pool;
    }

    private static Thread daemon(Runnable task, String name) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        return thread;
    }

    @Override
    public void await(CompletableFuture<?> future, long seconds)
            throws InterruptedException, ExecutionException, TimeoutException {
        future.get(seconds, TimeUnit.SECONDS);
    }
}
