package io.headrace.engine.source;

import io.headrace.engine.spi.SampleScanner;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What of an object is in memory for a scanner: stretches in order, taken from a source as they are
 * needed and given back behind the scanner. Bytes that lie in one stretch are lent as they are;
 * where two stretches meet they are copied together.
 *
 * <p>Used by one thread at a time.
 */
final class ScanWindow implements SampleScanner.Window, AutoCloseable {
    /** What nobody wants is downloaded nevertheless if stepping over it saves less than this. */
    static final int SKIP_LENGTH_MIN = 256 << 10;

    private static final int BRIDGE_LENGTH_MIN = 16 << 10;
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);
    private static final long NOT_MISSING = -1;

    private final ChunkSource source;

    /** Done, in order; there is a gap where something was stepped over. */
    private final ArrayDeque<Chunk> chunks = new ArrayDeque<>();

    /** Copies of what lies across two stretches, until a sample is done with. */
    private final List<Bridge> bridges = new ArrayList<>(0);

    private @Nullable Chunk awaited;

    /** End of the last stretch. */
    private long end;

    private boolean isEnded;
    private long missingFrom = NOT_MISSING;
    private long missingTo;
    private long askedFrom;
    private ByteRanges holes = ByteRanges.NONE;

    private record Bridge(long position, ByteBuffer bytes) {
        boolean holds(long from, long length) {
            return from >= position && from + length <= position + bytes.limit();
        }

        ByteBuffer from(long at) {
            int begin = (int) (at - position);
            return bytes.slice(begin, bytes.limit() - begin);
        }
    }

    /**
     * @param from where the source stands
     */
    ScanWindow(ChunkSource source, long from) {
        this.source = source;
        this.end = from;
    }

    @Override
    public long length() {
        return isEnded ? end : source.length();
    }

    @Override
    public @Nullable ByteBuffer at(long position, int length) {
        if (length == 0) {
            return NOTHING;
        }
        Chunk chunk = holding(position);
        if (chunk != null && position + length <= chunk.end()) {
            return chunk.slice(position, length);
        }
        for (Bridge bridge : bridges) {
            if (bridge.holds(position, length)) {
                return bridge.from(position).limit(length);
            }
        }
        long contiguousEnd = contiguousEnd(position);
        if (contiguousEnd >= position + length) {
            return bridge(position, length, contiguousEnd).from(position).limit(length);
        }
        missing(position, contiguousEnd, position + length);
        return null;
    }

    @Override
    public ByteBuffer from(long position) {
        Chunk chunk = holding(position);
        if (chunk == null) {
            return NOTHING;
        }
        long longest = chunk.end();
        Bridge best = null;
        for (Bridge bridge : bridges) {
            if (bridge.holds(position, longest - position + 1)) {
                best = bridge;
                longest = bridge.position + bridge.bytes.limit();
            }
        }
        return best == null
                ? chunk.slice(position, (int) (longest - position))
                : best.from(position);
    }

    /** Whether a byte is here. */
    boolean holds(long position) {
        return holding(position) != null;
    }

    private @Nullable Chunk holding(long position) {
        Chunk first = chunks.peekFirst();
        if (first != null && first.holds(position)) {
            return first;
        }
        for (Chunk chunk : chunks) {
            if (chunk.holds(position)) {
                return chunk;
            }
        }
        return null;
    }

    /** End of what is here from a position on without a gap; the position itself if nothing is. */
    private long contiguousEnd(long position) {
        long to = position;
        for (Chunk chunk : chunks) {
            if (chunk.holds(to)) {
                to = chunk.end();
            }
        }
        return to;
    }

    /** Copies what lies across stretches, and more than was asked for: more will be. */
    private Bridge bridge(long position, int length, long contiguousEnd) {
        int count =
                (int) Math.min(contiguousEnd - position, Math.max(BRIDGE_LENGTH_MIN, 2L * length));
        ByteBuffer bytes = ByteBuffer.allocate(count);
        for (Chunk chunk : chunks) {
            long at = position + bytes.position();
            if (bytes.hasRemaining() && chunk.holds(at)) {
                bytes.put(chunk.slice(at, (int) Math.min(bytes.remaining(), chunk.end() - at)));
            }
        }
        Bridge bridge = new Bridge(position, bytes.flip());
        bridges.add(bridge);
        return bridge;
    }

    private void missing(long asked, long from, long to) {
        askedFrom = missingFrom == NOT_MISSING ? asked : Math.min(askedFrom, asked);
        missingFrom = missingFrom == NOT_MISSING ? from : Math.min(missingFrom, from);
        missingTo = Math.max(missingTo, to);
    }

    /** First byte that was asked for and is not here. */
    long missingFrom() {
        return missingFrom == NOT_MISSING ? end : missingFrom;
    }

    /** First byte of what was asked for and is not all here. */
    long askedFrom() {
        return missingFrom == NOT_MISSING ? end : askedFrom;
    }

    /** End of what was asked for and is not here. */
    long missingTo() {
        return Math.max(missingTo, missingFrom() + 1);
    }

    /** The next call of a scanner begins. */
    void clearMissing() {
        missingFrom = NOT_MISSING;
        missingTo = 0;
    }

    /** End of the last stretch that is here. */
    long end() {
        return end;
    }

    /** So many bytes on end of what is or comes here are wanted by nobody. */
    void unwanted(long length) {
        if (length >= SKIP_LENGTH_MIN) {
            source.slowDown();
        }
    }

    /** Whether the source has nothing more. */
    boolean isEnded() {
        return isEnded;
    }

    /**
     * Takes stretches until a range is here. What lies between the last stretch and the range is
     * wanted by nobody: it is stepped over if that saves enough.
     *
     * @return what has to be waited for before this is called again; null if the range is here, or
     *     nothing more comes
     * @throws IOException the store's answer
     */
    @Nullable Chunk advance(long from, long to) throws IOException {
        while (end < to && !isEnded) {
            Chunk next = awaited;
            if (next == null) {
                next = take(from);
                if (next == null) {
                    isEnded = true;
                    return null;
                }
                awaited = next;
            }
            if (!next.isDone()) {
                return next;
            }
            next.check();
            awaited = null;
            accept(next);
        }
        return null;
    }

    private @Nullable Chunk take(long from) throws IOException {
        if (from - end >= SKIP_LENGTH_MIN && source.skipTo(from)) {
            holes = holes.with(end, from);
            end = from;
        }
        return source.next();
    }

    private void accept(Chunk chunk) {
        if (chunk.length() == 0) {
            chunk.release();
            isEnded = true;
            return;
        }
        chunks.add(chunk);
        end = chunk.end();
    }

    /** As {@link #advance}, but waits here. */
    void require(long from, long to) throws IOException {
        Chunk missing = advance(from, to);
        while (missing != null) {
            missing.await();
            missing = advance(from, to);
        }
    }

    /**
     * Copies bytes that are here, from a position on.
     *
     * @return how many were copied; fewer than asked for if the others are not here
     */
    long copy(long position, long length, ByteBuffer into, int at) {
        long copied = 0;
        for (Chunk chunk : chunks) {
            if (copied < length && chunk.holds(position + copied)) {
                long count = Math.min(length - copied, chunk.end() - position - copied);
                chunk.copy(position + copied, (int) count, into, (int) (at + copied));
                copied += count;
            }
        }
        return copied;
    }

    /** Gives back what lies before a position, and the copies: a sample is done with. */
    void release(long before) {
        bridges.clear();
        while (!chunks.isEmpty() && chunks.element().end() <= before) {
            chunks.remove().release();
        }
    }

    /** What was stepped over before a position; it is forgotten here. */
    ByteRanges takeHoles(long before) {
        if (holes.count() == 0) {
            return holes;
        }
        ByteRanges taken = holes.within(0, before);
        holes = holes.within(before, Long.MAX_VALUE);
        return taken;
    }

    /** Ranges that were stepped over and not taken yet. */
    int holeCount() {
        return holes.count();
    }

    /** Gives everything back. */
    @Override
    public void close() {
        bridges.clear();
        for (Iterator<Chunk> all = chunks.iterator(); all.hasNext(); ) {
            all.next().release();
            all.remove();
        }
        if (awaited != null) {
            awaited.release();
            awaited = null;
        }
    }
}
