package io.headrace.kafka;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Waits for several futures and then answers once. One thread adds and finally {@link #seal}s; the
 * futures may complete on any thread. What the consumers wrote is visible to the answer.
 */
public final class Outstanding {
    private final AtomicInteger count = new AtomicInteger(1);
    private final Runnable whenDone;

    /**
     * @param whenDone runs on the thread that completes last
     */
    public Outstanding(Runnable whenDone) {
        this.whenDone = whenDone;
    }

    /**
     * Waits for one more.
     *
     * @param consumer receives the value, or what went wrong
     */
    public <T> void add(
            CompletableFuture<T> future,
            BiConsumer<? super @Nullable T, @Nullable Throwable> consumer) {
        count.incrementAndGet();
        future.whenComplete(
                (value, failure) -> {
                    consumer.accept(value, unwrapped(failure));
                    countDown();
                });
    }

    /** Nothing more is added. */
    public void seal() {
        countDown();
    }

    private void countDown() {
        if (count.decrementAndGet() == 0) {
            whenDone.run();
        }
    }

    private static @Nullable Throwable unwrapped(@Nullable Throwable failure) {
        return failure instanceof CompletionException && failure.getCause() != null
                ? failure.getCause()
                : failure;
    }
}
