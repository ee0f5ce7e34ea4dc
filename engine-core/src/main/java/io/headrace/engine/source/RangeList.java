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
 * A range of an object without its holes, read by several requests at once. Whoever wants to look
 * behind its end gets small stretches of what follows. Used by one thread.
 */
final class RangeList implements ChunkSource, AutoCloseable {
    /** Bytes of one request at most: a slab. */
    static final int REQUEST_LENGTH_MAX = 4 << 20;

    private static final int REQUEST_LENGTH_BEHIND = 64 << 10;

    private final StoreReader reader;
    private final ObjectStore store;
    private final StoredObject object;
    private final SlabSource slabs;
    private final Executor executor;
    private final Deque<Chunk> chunks = new ArrayDeque<>();
    private long position;

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
        boolean isDone = false;
        try {
            long at = from;
            for (int i = 0; i < holes.count(); i++) {
                list.add(at, holes.from(i));
                at = holes.to(i);
            }
            list.add(at, to);
            list.position = from;
            isDone = true;
            return list;
        } finally {
            if (!isDone) {
                list.close();
            }
        }
    }

    private void add(long from, long to) throws IOException {
        for (long at = from; at < to; at += REQUEST_LENGTH_MAX) {
            Chunk chunk = chunk(at, (int) Math.min(REQUEST_LENGTH_MAX, to - at));
            chunks.add(chunk);
            try {
                executor.execute(chunk);
            } catch (RejectedExecutionException closing) {
                // whoever waits for it reads it
            }
        }
    }

    private Chunk chunk(long at, int length) throws IOException {
        Slab slab = slabs.allocate(length);
        return new RangeChunk(reader, store, object, at, length, slab);
    }

    @Override
    public long length() {
        return object.length();
    }

    @Override
    public @Nullable Chunk next() throws IOException {
        Chunk next = chunks.poll();
        if (next == null) {
            int length = (int) Math.min(REQUEST_LENGTH_BEHIND, object.length() - position);
            if (length <= 0) {
                return null;
            }
            next = chunk(position, length);
        }
        position = next.plannedEnd();
        return next;
    }

    @Override
    public boolean skipTo(long to) {
        while (!chunks.isEmpty() && chunks.element().plannedEnd() <= to) {
            chunks.remove().release();
        }
        position = to;
        return true;
    }

    @Override
    public void close() {
        chunks.forEach(Chunk::release);
        chunks.clear();
    }
}
