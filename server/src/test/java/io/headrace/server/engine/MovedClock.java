package io.headrace.server.engine;

import io.headrace.engine.log.Background;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/** The real background, by a clock that is ahead. */
final class MovedClock implements Background {
    private final AtomicLong ahead = new AtomicLong();

    void move(long seconds) {
        moveMs(TimeUnit.SECONDS.toMillis(seconds));
    }

    void moveMs(long ms) {
        ahead.addAndGet(TimeUnit.MILLISECONDS.toNanos(ms));
    }

    @Override
    public long nanoTime() {
        return THREADS.nanoTime() + ahead.get();
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
    public ThreadPoolExecutor pool(String name, int threadCount, int queueLength) {
        return THREADS.pool(name, threadCount, queueLength);
    }

    @Override
    public void await(CompletableFuture<?> future, long seconds)
            throws InterruptedException, ExecutionException, TimeoutException {
        THREADS.await(future, seconds);
    }
}
