package io.headrace.engine.source;

import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Reads that are independent of each other, on this thread and on whatever threads of the executor
 * are free. The caller does the work itself if none is, so that callers which fill the executor
 * cannot wait for each other.
 */
final class ParallelReads {
    /** Threads that one block takes up besides its own. */
    private static final int HELPERS_MAX = 31;

    private final int count;
    private final Read read;
    private final AtomicInteger next = new AtomicInteger();
    private final CountDownLatch open;
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

    /** One of the reads. */
    @FunctionalInterface
    interface Read {
        void read(int index) throws IOException;
    }

    private ParallelReads(int count, Read read) {
        this.count = count;
        this.read = read;
        this.open = new CountDownLatch(count);
    }

    /**
     * Does reads 0 to {@code count} − 1; after the first failure the rest is skipped.
     *
     * @throws IOException the first failure, when none is running any more
     */
    static void run(Executor executor, int count, Read read) throws IOException {
        ParallelReads reads = new ParallelReads(count, read);
        reads.askForHelp(executor, Math.min(HELPERS_MAX, count - 1));
        reads.work();
        reads.await();
    }

    private void askForHelp(Executor executor, int helpers) {
        try {
            for (int i = 0; i < helpers; i++) {
                executor.execute(this::work);
            }
        } catch (RejectedExecutionException closing) {
            // then this thread does it all
        }
    }

    private void work() {
        int index;
        while ((index = next.getAndIncrement()) < count) {
            try {
                if (failure.get() == null) {
                    read.read(index);
                }
            } catch (IOException | RuntimeException | Error failed) {
                failure.compareAndSet(null, failed);
            } finally {
                open.countDown();
            }
        }
    }

    private void await() throws IOException {
        boolean interrupted = false;
        while (true) {
            try {
                open.await();
                break;
            } catch (InterruptedException ignored) {
                interrupted = true; // the buffers are being written to until the last read is done
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        Throwable failed = failure.get();
        if (failed instanceof IOException io) {
            throw io;
        }
        if (failed != null) {
            throw new IOException("read of a source's object failed", failed);
        }
    }
}
