package io.headrace.engine.source.cache;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * Values by offset, in order of offset: two levels of sorted arrays, so that a million values cost
 * 12 bytes each besides themselves, and a change moves a few hundred references. A chunk that is
 * full is halved, or followed by a new one if the value comes last, which keeps chunks full while
 * offsets grow; neighbours that have become small are merged.
 *
 * <p>Not thread-safe: guarded by its owner's lock.
 */
final class OffsetMap<V> {
    /** Returned for a key where there is none. */
    static final long NONE = Long.MIN_VALUE;

    private static final int CHUNK_LENGTH_MAX = 256;
    private static final int CHUNK_LENGTH_MIN = 4;

    private Chunk[] chunks = new Chunk[0];
    private int chunkCount;
    private int size;

    private static final class Chunk {
        long[] keys;
        @Nullable Object[] values;
        int length;

        Chunk(int capacity) {
            keys = new long[capacity];
            values = new Object[capacity];
        }

        /** Index of the last key at or below this one, or −1. */
        int floor(long key) {
            int index = Arrays.binarySearch(keys, 0, length, key);
            return index >= 0 ? index : -index - 2;
        }

        void insert(int index, long key, @Nullable Object value) {
            if (length == keys.length) {
                int capacity = Math.min(CHUNK_LENGTH_MAX, 2 * length);
                keys = Arrays.copyOf(keys, capacity);
                values = Arrays.copyOf(values, capacity);
            }
            System.arraycopy(keys, index, keys, index + 1, length - index);
            System.arraycopy(values, index, values, index + 1, length - index);
            keys[index] = key;
            values[index] = value;
            length++;
        }

        void delete(int index) {
            length--;
            System.arraycopy(keys, index + 1, keys, index, length - index);
            System.arraycopy(values, index + 1, values, index, length - index);
            values[length] = null;
        }

        /** Moves what stands from an index on to the end of another chunk, which has room. */
        void moveTo(Chunk other, int from) {
            for (int i = from; i < length; i++) {
                other.insert(other.length, keys[i], values[i]);
                values[i] = null;
            }
            length = from;
        }
    }

    /** Receives each value. */
    @FunctionalInterface
    interface Visitor<V> {
        void visit(long key, V value);
    }

    int size() {
        return size;
    }

    boolean isEmpty() {
        return size == 0;
    }

    /** The value of a key, or null. */
    @Nullable V get(long key) {
        int at = chunkOf(key);
        if (at < 0) {
            return null;
        }
        int index = chunks[at].floor(key);
        return index >= 0 && chunks[at].keys[index] == key ? value(chunks[at], index) : null;
    }

    /** The last key at or below this one, or {@link #NONE}. */
    long floorKey(long key) {
        int at = chunkOf(key);
        return at < 0 ? NONE : chunks[at].keys[chunks[at].floor(key)];
    }

    /** The last key below this one, or {@link #NONE}. */
    long lowerKey(long key) {
        return key == Long.MIN_VALUE ? NONE : floorKey(key - 1);
    }

    /** The last key, or {@link #NONE}. */
    long lastKey() {
        return floorKey(Long.MAX_VALUE);
    }

    /** The value of the last key at or below this one, or null. */
    @Nullable V floor(long key) {
        int at = chunkOf(key);
        return at < 0 ? null : value(chunks[at], chunks[at].floor(key));
    }

    /** Sets a value, and returns what was in its place, or null. */
    @Nullable V put(long key, V value) {
        int at = chunkOf(key);
        if (at < 0) {
            if (chunkCount == 0) {
                addChunk(0, new Chunk(CHUNK_LENGTH_MIN));
            }
            insert(0, 0, key, value);
            return null;
        }
        Chunk chunk = chunks[at];
        int index = chunk.floor(key);
        if (chunk.keys[index] == key) {
            V before = value(chunk, index);
            chunk.values[index] = value;
            return before;
        }
        insert(at, index + 1, key, value);
        return null;
    }

    private void insert(int at, int index, long key, V value) {
        size++;
        Chunk chunk = chunks[at];
        if (chunk.length < CHUNK_LENGTH_MAX) {
            chunk.insert(index, key, value);
            return;
        }
        boolean isLast = at == chunkCount - 1 && index == chunk.length;
        int half = isLast ? chunk.length : chunk.length / 2;
        Chunk next = new Chunk(isLast ? CHUNK_LENGTH_MIN : CHUNK_LENGTH_MAX);
        chunk.moveTo(next, half);
        addChunk(at + 1, next);
        if (index < half) {
            chunk.insert(index, key, value);
        } else {
            next.insert(index - half, key, value);
        }
    }

    private void addChunk(int at, Chunk chunk) {
        if (chunkCount == chunks.length) {
            chunks = Arrays.copyOf(chunks, Math.max(1, 2 * chunkCount));
        }
        System.arraycopy(chunks, at, chunks, at + 1, chunkCount - at);
        chunks[at] = chunk;
        chunkCount++;
    }

    /** Removes a key, and returns its value, or null if it was not there. */
    @Nullable V remove(long key) {
        int at = chunkOf(key);
        if (at < 0) {
            return null;
        }
        Chunk chunk = chunks[at];
        int index = chunk.floor(key);
        if (chunk.keys[index] != key) {
            return null;
        }
        V value = value(chunk, index);
        chunk.delete(index);
        size--;
        if (chunk.length == 0) {
            removeChunk(at);
        } else if (at + 1 < chunkCount && isSmall(chunk.length + chunks[at + 1].length)) {
            chunks[at + 1].moveTo(chunk, 0);
            removeChunk(at + 1);
        }
        return value;
    }

    private static boolean isSmall(int length) {
        return length <= CHUNK_LENGTH_MAX / 2;
    }

    private void removeChunk(int at) {
        chunkCount--;
        System.arraycopy(chunks, at + 1, chunks, at, chunkCount - at);
        Arrays.fill(chunks, chunkCount, chunkCount + 1, null);
    }

    /** Calls the visitor with each value, in order of offset; it must not change this map. */
    void forEach(Visitor<V> visitor) {
        for (int at = 0; at < chunkCount; at++) {
            Chunk chunk = chunks[at];
            for (int i = 0; i < chunk.length; i++) {
                visitor.visit(chunk.keys[i], value(chunk, i));
            }
        }
    }

    /** Visits a value that is drawn by lot: each chunk as likely, and each value of it. */
    void visitAny(SplittableRandom random, Visitor<V> visitor) {
        Chunk chunk = chunks[random.nextInt(chunkCount)];
        int i = random.nextInt(chunk.length);
        visitor.visit(chunk.keys[i], value(chunk, i));
    }

    /** Index of the last chunk whose first key is at or below this one, or −1. */
    private int chunkOf(long key) {
        int low = 0;
        int high = chunkCount - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            if (chunks[middle].keys[0] <= key) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return high;
    }

    @SuppressWarnings({"unchecked", "NullAway"}) // only values of V are put in, below the length
    private V value(Chunk chunk, int index) {
        return (V) chunk.values[index];
    }
}
