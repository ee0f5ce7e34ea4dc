package io.headrace.engine.source;

import io.headrace.engine.spi.MemoryStore.Slab;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Reads the objects of a partition in order, as they are stored, with several ranges under way at
 * once, across the end of an object into the next ones: a store that takes 100 ms for each answer
 * is as fast as its bandwidth if bandwidth × latency bytes are under way.
 *
 * <p>How far ahead: what was asked for is doubled with each stretch that was used, as in TCP's slow
 * start, up to a bound or this reader's share of the budget. So one record costs one small range,
 * and a scan has many large ones under way. Ranges grow with the depth; whoever steps over bytes
 * that nobody wants begins anew with a small one.
 *
 * <p>Thread-safe: a decoder pulls on a thread of its own. The owner closes it; it can be used again
 * afterwards.
 */
final class ReadAhead implements AutoCloseable {
    /** Bytes ahead at most: 640 MB/s at a latency of 100 ms. */
    static final int DEPTH_MAX = 64 << 20;

    private static final int DEPTH_FIRST = 1 << 20;
    private static final int DEPTH_AFTER_SKIP = 64 << 10;

    /** Ranges under way or here at most: what counts for small objects. */
    static final int RANGES_MAX = 64;

    /** A range is so much of the depth. */
    private static final int RANGE_SHARE = 4;

    /** The lengths of ranges are those of slabs. */
    private static final int RANGE_MIN = 64 << 10;

    private static final int RANGE_MAX = 4 << 20;
    private static final int RANGE_STEP = 4;

    /** Before all others. */
    private static final long NO_ORDINAL = -1;

    private final SourceSpec spec;
    private final LongFunction<@Nullable StoredObject> objects;
    private final int ordinalStep;
    private final int depthMax;
    private final StoreReader reader;
    private final SlabSource slabs;
    private final AheadBudget budget;
    private final Executor executor;

    /** Stretches from {@link #position} on, in order; those of one object have no gaps. */
    private final Deque<Ahead> queue = new ArrayDeque<>();

    /** Behind this, nothing is begun before somebody waits for it. */
    private long boundOrdinal = Long.MAX_VALUE;

    private long boundPosition = Long.MAX_VALUE;

    /** Who may read; another one that still decodes would take what is not its own. */
    private @Nullable View view;

    private long ordinal;
    private long position;
    private @Nullable StoredObject aheadObject;
    private long aheadOrdinal;
    private long aheadPosition;
    private long heldBytes;
    private int depth = DEPTH_FIRST;
    private boolean isJoined;

    private record Ahead(long ordinal, Chunk chunk, int length) {}

    /** One object of these; of no use any more when one is begun again, be it the same. */
    private final class View implements ChunkSource {
        private final StoredObject ofObject;

        View(StoredObject ofObject) {
            this.ofObject = ofObject;
        }

        @Override
        public long length() {
            return ofObject.length();
        }

        @Override
        public @Nullable Chunk next() throws IOException {
            synchronized (ReadAhead.this) {
                if (view != this) {
                    // Not the object's end: whoever still asks must not take it for that.
                    throw new IOException("no longer read ahead: key=" + ofObject.key());
                }
                return nextOf(ofObject);
            }
        }

        @Override
        public boolean skipTo(long to) {
            synchronized (ReadAhead.this) {
                return view == this && skip(to);
            }
        }

        @Override
        public void slowDown() {
            synchronized (ReadAhead.this) {
                if (view == this) {
                    depth = Math.min(depth, DEPTH_AFTER_SKIP);
                }
            }
        }
    }

    /**
     * @param objects the object of an ordinal, or null if it was not given yet
     * @param ordinalStep from one ordinal of the partition to its next; 0 to read one object alone
     * @param depthMax bytes ahead at most
     */
    ReadAhead(
            SourceSpec spec,
            LongFunction<@Nullable StoredObject> objects,
            int ordinalStep,
            int depthMax,
            StoreReader reader,
            SlabSource slabs,
            AheadBudget budget,
            Executor executor) {
        this.spec = spec;
        this.objects = objects;
        this.ordinalStep = ordinalStep;
        this.depthMax = depthMax;
        this.reader = reader;
        this.slabs = slabs;
        this.budget = budget;
        this.executor = executor;
    }

    /**
     * Goes on with an object, from a byte on; what was read ahead of that is kept. The view of the
     * object before fails from now on, even if that is the same object.
     */
    synchronized ChunkSource begin(long ofOrdinal, StoredObject ofObject, long fromByte) {
        if (!isJoined) {
            isJoined = true;
            budget.join();
        }
        ordinal = ofOrdinal;
        position = fromByte;
        while (!queue.isEmpty() && !isHeadNext()) {
            drop();
        }
        if (queue.isEmpty()) {
            aheadOrdinal = ofOrdinal;
            aheadObject = ofObject;
            aheadPosition = fromByte;
        }
        fill();
        View begun = new View(ofObject);
        view = begun;
        return begun;
    }

    private boolean isHeadNext() {
        Ahead head = queue.element();
        return head.ordinal == ordinal && head.chunk.position() == position;
    }

    private void drop() {
        Ahead dropped = queue.remove();
        dropped.chunk.release();
        giveBack(dropped);
    }

    private void giveBack(Ahead ahead) {
        heldBytes -= ahead.length;
        budget.giveBack(ahead.length);
    }

    private @Nullable Chunk nextOf(StoredObject current) throws IOException {
        if (position >= current.length()) {
            return null;
        }
        if (queue.isEmpty()) {
            aheadOrdinal = ordinal;
            aheadObject = current;
            aheadPosition = position;
            if (!startNext(true)) {
                throw new IOException("no off-heap memory to read a source");
            }
        }
        Ahead head = queue.remove();
        giveBack(head);
        position += head.length;
        depth = Math.min(depthMax, 2 * depth);
        fill();
        return head.chunk;
    }

    private boolean skip(long to) {
        while (!queue.isEmpty() && isBefore(queue.element(), to)) {
            drop();
        }
        position = to;
        if (!queue.isEmpty() && isBehindIn(queue.element(), to)) {
            position = queue.element().chunk.position(); // it is under way: taken whole
            return true;
        }
        dropAll();
        depth = DEPTH_AFTER_SKIP;
        return true;
    }

    private boolean isBefore(Ahead ahead, long to) {
        return ahead.ordinal == ordinal && ahead.chunk.position() + ahead.length <= to;
    }

    private boolean isBehindIn(Ahead ahead, long to) {
        return ahead.ordinal == ordinal && ahead.chunk.position() <= to;
    }

    private void fill() {
        while (heldBytes < depth && queue.size() < RANGES_MAX && startNext(false)) {
            // as long as there is room
        }
    }

    private boolean startNext(boolean isUrgent) {
        StoredObject ahead = nextObject();
        if (ahead == null) {
            return false;
        }
        boolean isAhead = isWithinBound();
        if (!isAhead && !isUrgent) {
            return false;
        }
        // behind the bound, nobody wants more than what is asked for
        long end = isAhead ? Math.min(ahead.length(), limitOf(aheadOrdinal)) : ahead.length();
        int length = (int) Math.min(isAhead ? rangeLength() : RANGE_MIN, end - aheadPosition);
        if (!budget.take(isUrgent ? 0 : heldBytes, length)) {
            return false;
        }
        Slab slab = isUrgent ? slabs.allocateOrNull(length) : slabs.tryAllocate(length);
        if (slab == null) {
            budget.giveBack(length);
            return false;
        }
        Chunk chunk = new RangeChunk(reader, spec.store(), ahead, aheadPosition, length, slab);
        queue.add(new Ahead(aheadOrdinal, chunk, length));
        heldBytes += length;
        aheadPosition += length;
        if (isAhead) {
            execute(chunk);
        }
        return true;
    }

    private void execute(Chunk chunk) {
        try {
            executor.execute(chunk);
        } catch (RejectedExecutionException closing) {
            // whoever waits for it reads it
        }
    }

    private boolean isWithinBound() {
        return aheadPosition < limitOf(aheadOrdinal);
    }

    /** The object to read ahead from, with bytes left; null if none is listed. */
    private @Nullable StoredObject nextObject() {
        StoredObject ahead = aheadObject;
        while (ahead == null || aheadPosition >= ahead.length()) {
            if (ahead != null && ordinalStep == 0) {
                return null;
            }
            long next = ahead == null ? aheadOrdinal : aheadOrdinal + ordinalStep;
            StoredObject found = objects.apply(next);
            if (found == null) {
                return null;
            }
            aheadOrdinal = next;
            aheadObject = found;
            aheadPosition = 0;
            ahead = found;
        }
        return ahead;
    }

    private int rangeLength() {
        int length = RANGE_MIN;
        while (length < RANGE_MAX && length * RANGE_STEP <= depth / RANGE_SHARE) {
            length *= RANGE_STEP;
        }
        return length;
    }

    /** Begins nothing behind what is begun: {@link #limitOf} says where that ends. */
    synchronized void end() {
        if (aheadObject == null) {
            endAt(NO_ORDINAL, 0);
        } else {
            endAt(aheadOrdinal, aheadPosition);
        }
    }

    /**
     * As {@link #end}, where objects are of use as a whole only: the one that is begun is read to
     * its end if the greater part of it is. Reading the rest costs less than reading it all again.
     */
    synchronized void endWithObject() {
        end();
        StoredObject last = aheadObject;
        if (last != null) {
            boolean isMostRead = aheadPosition >= last.length() / 2;
            endAt(aheadOrdinal, isMostRead ? Long.MAX_VALUE : 0);
            fill();
        }
    }

    /** Begins nothing from a byte of an object on, before somebody waits for it. */
    synchronized void endAt(long ofOrdinal, long toByte) {
        boundOrdinal = ofOrdinal;
        boundPosition = toByte;
    }

    /** Reads on ahead, after {@link #end}. */
    synchronized void goOn() {
        endAt(Long.MAX_VALUE, Long.MAX_VALUE);
    }

    /** The byte of an object from which on nothing is read ahead. */
    synchronized long limitOf(long ofOrdinal) {
        if (ofOrdinal == boundOrdinal) {
            return boundPosition;
        }
        return ofOrdinal < boundOrdinal ? Long.MAX_VALUE : 0;
    }

    /** Whether it was begun, and not closed since. */
    synchronized boolean isInUse() {
        return isJoined;
    }

    /** The object in which what was begun ends, if there is one. */
    synchronized @Nullable StoredObject lastObject() {
        return aheadObject;
    }

    /** Its ordinal. */
    synchronized long lastOrdinal() {
        return aheadOrdinal;
    }

    private void dropAll() {
        while (!queue.isEmpty()) {
            drop();
        }
    }

    /** Gives back what was read ahead. */
    @Override
    public synchronized void close() {
        dropAll();
        view = null;
        aheadObject = null;
        depth = DEPTH_FIRST;
        goOn();
        if (isJoined) {
            isJoined = false;
            budget.leave();
        }
    }
}
