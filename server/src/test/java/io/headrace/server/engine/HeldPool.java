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

/** The real background, of which one pool begins no task while it is held. */
final class HeldPool implements Background {
    private static final long PATIENCE_S = 20;

    private final String held;
    private volatile CountDownLatch released = new CountDownLatch(0);

    HeldPool(String held) {
        this.held = held;
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
            return THREADS.pool(name, threadCount, queueLength);
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
        return THREADS.nanoTime();
    }

    @Override
    public Worker worker(String name, Work work, Consumer<Throwable> failureHandler) {
        return THREADS.worker(name, work, failureHandler);
    }

    @Override
    public ScheduledExecutorService schedule(String name) {
        return THREADS.schedule(name);
    }

    @Override
    public ScheduledExecutorService dispatcher(String name) {
        return THREADS.dispatcher(name);
    }

    @Override
    public void await(CompletableFuture<?> future, long seconds)
            throws InterruptedException, ExecutionException, TimeoutException {
        THREADS.await(future, seconds);
    }
}
