package io.headrace.engine.source;

import io.headrace.engine.spi.MemoryStore.Slab;
import io.headrace.engine.spi.ObjectStore;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * A range of an object without its holes, read by a bounded number of requests at once: their
 * memory comes on top of what the samples take. Whoever wants to look behind its end gets small
 * stretches of what follows. Used by one thread.
 */
final class RangeList implements ChunkSource, AutoCloseable {
    /** Bytes of one request at most: a slab. */
    static final int REQUEST_LENGTH_MAX = 4 << 20;

    /** Requests begun and not taken yet, at most. */
    static final int BEGUN_MAX = 8;

    private static final int REQUEST_LENGTH_BEHIND = 64 << 10;

    private final StoreReader reader;
    private final ObjectStore store;
    private final StoredObject object;
    private final SlabSource slabs;
    private final Executor executor;

    /** What is still to be begun, in order. */
    private final Deque<Range> planned = new ArrayDeque<>();

    /** What was begun, in order. */
    private final Deque<Chunk> chunks = new ArrayDeque<>();

    private long position;

    private record Range(long from, int length) {
        long end() {
            return from + length;
        }
    }

    private RangeList(
            StoreReader reader,
            ObjectStore store,
            StoredObject object,
            SlabSource slabs,
            Executor executor) {
        this.reader = reader;
        this.store = store;
        this.object = object;
        this.slabs = slabs;
        this.executor = executor;
    }

    /**
     * Begins to read.
     *
     * @throws IOException if there is no memory for it
     */
    static RangeList begin(
            StoreReader reader,
            ObjectStore store,
            StoredObject object,
            long from,
            long to,
            ByteRanges holes,
            SlabSource slabs,
            Executor executor)
            throws IOException {
        RangeList list = new RangeList(reader, store, object, slabs, executor);
        long at = from;
        for (int i = 0; i < holes.count(); i++) {
            list.plan(at, holes.from(i));
            at = holes.to(i);
        }
        list.plan(at, to);
        list.position = from;
        list.beginMore();
        return list;
    }

    private void plan(long from, long to) {
        for (long at = from; at < to; at += REQUEST_LENGTH_MAX) {
            planned.add(new Range(at, (int) Math.min(REQUEST_LENGTH_MAX, to - at)));
        }
    }

    /** Begins as many as may be; fewer if there is no memory, but one. */
    private void beginMore() throws IOException {
        while (chunks.size() < BEGUN_MAX && !planned.isEmpty()) {
            int length = planned.element().length();
            Slab slab = chunks.isEmpty() ? slabs.allocate(length) : slabs.allocateOrNull(length);
            if (slab == null) {
                return;
            }
            begin(chunk(planned.remove().from(), length, slab));
        }
    }

    private void begin(Chunk chunk) {
        chunks.add(chunk);
        try {
            executor.execute(chunk);
        } catch (RejectedExecutionException closing) {
            // whoever waits for it reads it
        }
    }

    private Chunk chunk(long at, int length, Slab slab) {
        return new RangeChunk(reader, store, object, at, length, slab);
    }

    @Override
    public long length() {
        return object.length();
    }

    @Override
    public @Nullable Chunk next() throws IOException {
        beginMore();
        Chunk next = chunks.poll();
        if (next == null) {
            int length = (int) Math.min(REQUEST_LENGTH_BEHIND, object.length() - position);
            if (length <= 0) {
                return null;
            }
            next = chunk(position, length, slabs.allocate(length));
        }
        position = next.plannedEnd();
        return next;
    }

    @Override
    public boolean skipTo(long to) {
        while (!chunks.isEmpty() && chunks.element().plannedEnd() <= to) {
            chunks.remove().release();
        }
        while (!planned.isEmpty() && planned.element().end() <= to) {
            planned.remove();
        }
        position = to;
        return true;
    }

    @Override
    public void close() {
        planned.clear();
        chunks.forEach(Chunk::release);
        chunks.clear();
    }
}
