package io.headrace.engine.source;

import io.headrace.engine.spi.MemoryStore.Slab;
import io.headrace.engine.spi.SampleScanner.MalformedObjectException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A compressed object as stretches of decoded bytes. One stretch is decoded ahead of the one that
 * is used. Used by one thread at a time; decoding runs on the executor's threads.
 */
final class DecodedStream implements ChunkSource, AutoCloseable {
    /** Bytes decoded at a time: a slab. */
    private static final int STRETCH_LENGTH = 1 << 20;

    private final Decoder decoder;
    private final SlabSource slabs;
    private final Executor executor;
    private final long from;
    private final ReentrantLock decoding = new ReentrantLock();
    private volatile boolean isClosed;

    /** What the stretch behind the last good byte says; guarded by the lock. */
    private @Nullable MalformedObjectException broken;

    /** Guarded by the lock. */
    private boolean isDecoderClosed;

    private volatile boolean isEnded;
    private volatile long length = -1;
    private @Nullable Stretch last;
    private @Nullable Stretch ahead;
    private long nextPosition;

    /**
     * @param from first byte that is wanted; what is before is decoded for nothing
     */
    DecodedStream(Decoder decoder, SlabSource slabs, Executor executor, long from) {
        this.decoder = decoder;
        this.slabs = slabs;
        this.executor = executor;
        this.from = from;
        this.nextPosition = from;
    }

    private final class Stretch extends Chunk {
        private @Nullable Stretch before;

        Stretch(@Nullable Stretch before, long position, Slab slab) {
            super(position, slab, STRETCH_LENGTH);
            this.before = before;
        }

        @Override
        int fill(ByteBuffer into) throws IOException {
            Stretch awaited = before;
            before = null;
            if (awaited != null) {
                awaited.await();
                awaited.check();
            }
            decoding.lock();
            try {
                return isEnded || isClosed ? 0 : decode(into);
            } finally {
                unlock();
            }
        }

        private int decode(ByteBuffer into) throws IOException {
            if (broken != null) {
                throw broken;
            }
            try {
                decoder.skipTo(from);
                decoder.decode(into);
            } catch (MalformedObjectException found) {
                if (into.position() == 0) {
                    throw found;
                }
                broken = found; // behind what is good of it
                return into.position();
            }
            if (into.hasRemaining()) {
                length = position() + into.position();
                isEnded = true;
            }
            return into.position();
        }
    }

    private void unlock() {
        decoding.unlock();
        closeDecoder();
    }

    /**
     * Unless somebody decodes, who does it then: called behind each end of that, as whoever closed
     * this may have found the lock taken.
     */
    private void closeDecoder() {
        if (!isClosed || !decoding.tryLock()) {
            return;
        }
        try {
            if (!isDecoderClosed) {
                isDecoderClosed = true;
                decoder.close();
            }
        } finally {
            decoding.unlock();
        }
    }

    @Override
    public long length() {
        return length;
    }

    @Override
    public @Nullable Chunk next() throws IOException {
        if (isEnded && ahead == null) {
            return null;
        }
        Stretch next = ahead == null ? begin(slabs.allocate(STRETCH_LENGTH)) : ahead;
        ahead = null;
        if (next.isDone() && next.length() == 0) {
            next.release();
            next.check();
            return null;
        }
        Slab slab = slabs.tryAllocate(STRETCH_LENGTH);
        if (slab != null) {
            ahead = begin(slab);
        }
        return next;
    }

    /** Every stretch but the last good one is full, so that the position of the next is known. */
    private Stretch begin(Slab slab) {
        Stretch stretch = new Stretch(last, nextPosition, slab);
        last = stretch;
        nextPosition += STRETCH_LENGTH;
        try {
            executor.execute(stretch);
        } catch (RejectedExecutionException closing) {
            // whoever waits for it decodes it
        }
        return stretch;
    }

    /** Decoding knows no short cuts. */
    @Override
    public boolean skipTo(long position) {
        return false;
    }

    /** Ends it, at once or when whoever decodes is done. */
    @Override
    public void close() {
        isClosed = true;
        if (ahead != null) {
            ahead.release();
            ahead = null;
        }
        last = null;
        closeDecoder();
    }
}
