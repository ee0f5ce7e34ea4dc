package io.headrace.server.engine;

import io.headrace.engine.log.Background;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

/**
 * The real background, of which one pool begins no task, or one worker no turn, while it is held.
 */
final class HeldPool implements Background {
    private static final long PATIENCE_S = 120;

    private final String held;
    private final Background others;
    private volatile CountDownLatch released = new CountDownLatch(0);

    HeldPool(String held) {
        this(held, Background.THREADS);
    }

    /**
     * @param others what is not held
     */
    HeldPool(String held, Background others) {
        this.held = held;
        this.others = others;
    }

    void hold() {
        released = new CountDownLatch(1);
    }

    void release() {
        released.countDown();
    }

    @Override
    public ThreadPoolExecutor pool(String name, int threadCount, int queueLength) {
        if (!name.equals(held)) {
            return others.pool(name, threadCount, queueLength);
        }
        return new ThreadPoolExecutor(
                threadCount,
                threadCount,
                0,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(queueLength)) {
            @Override
            protected void beforeExecute(Thread thread, Runnable task) {
                awaitRelease();
            }
        };
    }

    private void awaitRelease() {
        try {
            if (!released.await(PATIENCE_S, TimeUnit.SECONDS)) {
                throw new AssertionError("held for too long");
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public long nanoTime() {
        return others.nanoTime();
    }

    @Override
    public Worker worker(String name, Work work, Consumer<Throwable> failureHandler) {
        Work done = name.equals(held) ? new HeldWork(work) : work;
        return others.worker(name, done, failureHandler);
    }

    @Override
    public ScheduledExecutorService schedule(String name) {
        return others.schedule(name);
    }

    @Override
    public ScheduledExecutorService dispatcher(String name) {
        return others.dispatcher(name);
    }

    @Override
    public void await(CompletableFuture<?> future, long seconds)
            throws InterruptedException, ExecutionException, TimeoutException {
        others.await(future, seconds);
    }

    private final class HeldWork implements Work {
        private final Work work;

        HeldWork(Work work) {
            this.work = work;
        }

        @Override
        public boolean isDue() {
            return work.isDue();
        }

        @Override
        public void turn() {
            awaitRelease();
            work.turn();
        }

        @Override
        public void await() {
            work.await();
        }

        @Override
        public void end() {
            work.end();
        }
    }
}
