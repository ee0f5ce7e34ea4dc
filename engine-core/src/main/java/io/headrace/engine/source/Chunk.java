package io.headrace.engine.source;

import io.headrace.engine.spi.MemoryStore.Slab;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A stretch of an object's bytes that is here or under way. It is filled by whoever claims it
 * first: a thread of the executor that it was handed to, or one that waits for it. So threads that
 * wait cannot keep what they wait for from being done.
 *
 * <p>One owner, who releases it; the filling thread is any.
 */
abstract class Chunk implements Runnable {
    private static final Runnable NOBODY = () -> {};
    private static final Runnable DONE = () -> {};

    private static final int NEW = 0;
    private static final int RUNNING = 1;
    private static final int FINISHED = 2;

    /** Released before it was filled, or while it was. */
    private static final int ABANDONED = 3;

    private static final int RELEASED = 4;

    private final long position;
    private final Slab slab;
    private final AtomicInteger state = new AtomicInteger(NEW);
    private final CountDownLatch finished = new CountDownLatch(1);

    /** Whom to tell; {@link #DONE} once that has happened. */
    private final AtomicReference<Runnable> wake = new AtomicReference<>(NOBODY);

    private final long plannedEnd;
    private int length;
    private @Nullable Throwable failure;

    /**
     * @param position of the first byte
     * @param slab to fill; its reference is taken over
     * @param length as far as it is known, in bytes
     */
    Chunk(long position, Slab slab, int length) {
        this.position = position;
        this.slab = slab;
        this.length = length;
        this.plannedEnd = position + length;
    }

    /**
     * Fills the buffer from its position on. Blocks.
     *
     * @param into of the length that is known
     * @return how many bytes there are
     */
    abstract int fill(ByteBuffer into) throws IOException;

    @Override
    public final void run() {
        if (!state.compareAndSet(NEW, RUNNING)) {
            return;
        }
        try {
            length = fill(slab.buffer().duplicate().position(0).limit(length));
        } catch (Throwable failed) { // an Error as well: else what was in the slab would be data
            failure = failed;
            length = 0;
        }
        finish();
    }

    private void finish() {
        if (!state.compareAndSet(RUNNING, FINISHED)) {
            slab.release();
        }
        finished.countDown();
        Runnable woken = wake.getAndSet(DONE);
        woken.run();
    }

    /** Fills it here if nobody has begun to; else waits until it is filled. */
    void await() throws IOException {
        run();
        try {
            finished.await();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while waiting for a store", interrupted);
        }
    }

    /** Whether nobody has begun to fill it. */
    boolean isUntouched() {
        return state.get() == NEW;
    }

    boolean isDone() {
        return finished.getCount() == 0;
    }

    /**
     * Has somebody told once it is done, on the thread that did it, in place of whom it would have
     * told before; false if it is done, and then nobody is told.
     */
    boolean whenDone(Runnable tell) {
        while (true) {
            Runnable now = wake.get();
            if (now == DONE) {
                return false;
            }
            if (wake.compareAndSet(now, tell)) {
                return true;
            }
        }
    }

    /**
     * Gives the memory back, at once or when whoever fills it is done. What was not begun is not
     * read any more.
     */
    void release() {
        while (true) {
            int now = state.get();
            if (now >= ABANDONED) {
                return;
            }
            int next = now == FINISHED ? RELEASED : ABANDONED;
            if (state.compareAndSet(now, next)) {
                if (now != RUNNING) {
                    slab.release();
                    finished.countDown();
                }
                return;
            }
        }
    }

    long position() {
        return position;
    }

    /** Where it ends if all goes well. */
    long plannedEnd() {
        return plannedEnd;
    }

    /** Bytes; exact once it is done. */
    int length() {
        return length;
    }

    long end() {
        return position + length;
    }

    /**
     * Fails if it could not be filled.
     *
     * @throws IOException the store's answer, or that the object is malformed
     */
    void check() throws IOException {
        Throwable failed = failure;
        if (failed instanceof IOException io) {
            throw io;
        }
        if (failed != null) {
            throw new IOException("read of a source's object failed", failed);
        }
    }

    /** Whether the byte is in it, once it is done. */
    boolean holds(long at) {
        return at >= position && at < end();
    }

    /** Bytes of it; borrowed until it is released. */
    ByteBuffer slice(long from, int count) {
        return slab.buffer().slice((int) (from - position), count);
    }

    /** Copies bytes of it. */
    void copy(long from, int count, ByteBuffer into, int at) {
        into.put(at, slab.buffer(), (int) (from - position), count);
    }
}
