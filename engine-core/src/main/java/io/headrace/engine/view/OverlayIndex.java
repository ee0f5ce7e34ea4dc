package io.headrace.engine.view;

import io.headrace.engine.batch.BatchRecords;
import io.headrace.engine.spi.MemoryStore.Slab;
import io.headrace.engine.view.OverlayMemory.TooLongException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * The records of a patch by key: of each key the newest one, which is the last one of a partition,
 * and of several partitions the one with the latest timestamp, or of those the one in the highest
 * partition.
 *
 * <p>Records lie off-heap, and are found by a hash table of their places (open addressing, at most
 * half full). Filled by one thread; looked up by any number then. References are counted, as
 * readers may be at it when it is let go of.
 */
final class OverlayIndex {
    /** Keys of a patch at most: their table takes 32 MiB of heap. */
    static final int KEYS_MAX = 2_000_000;

    /** No record. */
    static final long NONE = -1;

    private static final int SLAB_LENGTH_MIN = 16 << 10;
    private static final int SLAB_LENGTH = 1 << 20;
    private static final int POSITION_BITS = 20;
    private static final int PLACE_BITS = 40;
    private static final long PLACE_MASK = (1L << PLACE_BITS) - 1;

    // What lies before the key, value and headers of a record.
    private static final int TIMESTAMP = 0;
    private static final int RIVAL = 8;
    private static final int PARTITION = 16;
    private static final int KEY_LENGTH = 20;
    private static final int VALUE_LENGTH = 24;
    private static final int HEADERS_LENGTH = 28;
    private static final int HEADER_COUNT = 32;
    private static final int HEADER_LENGTH = 36;

    private final OverlayMemory memory;
    private final List<Slab> slabs = new ArrayList<>();
    private final List<ByteBuffer> buffers = new ArrayList<>();

    /**
     * Places, with upper bits of the key's hash in the bits above {@link #PLACE_BITS}; NONE if
     * free.
     */
    private long[] table = filled(1024);

    /** Nobody who writes a patch knows which keys collide. */
    private final long seed = ThreadLocalRandom.current().nextLong();

    private int keyCount;
    private long recordCount;
    private ByteBuffer open = ByteBuffer.allocate(0);
    private int referenceCount = 1; // guarded by this

    OverlayIndex(OverlayMemory memory) {
        this.memory = memory;
    }

    private static long[] filled(int length) {
        long[] table = new long[length];
        Arrays.fill(table, NONE);
        return table;
    }

    /** Adds a reference; false if it is gone. */
    synchronized boolean retain() {
        if (referenceCount == 0) {
            return false;
        }
        referenceCount++;
        return true;
    }

    /** Gives one back; the last one frees the memory. */
    synchronized void release() {
        if (--referenceCount == 0) {
            for (int i = 0; i < slabs.size(); i++) {
                memory.releasePatch(slabs.get(i), buffers.get(i).capacity());
            }
            slabs.clear();
            buffers.clear();
        }
    }

    /** How many keys it has. */
    int keyCount() {
        return keyCount;
    }

    /** How many records were put. */
    long recordCount() {
        return recordCount;
    }

    /** Puts a record that has a key; partitions one after the other, of each in its order. */
    void put(int partition, BatchRecords record, ByteBuffer batch) {
        recordCount++;
        int hash = hash(batch, record.keyIndex(), record.keyLength());
        int slot = slot(hash, batch, record.keyIndex(), record.keyLength());
        long known = table[slot];
        long rival = NONE;
        if (known != NONE) {
            ByteBuffer buffer = buffer(known);
            int at = position(known);
            rival =
                    buffer.getInt(at + PARTITION) == partition
                            ? buffer.getLong(at + RIVAL)
                            : winner(known & PLACE_MASK);
        }
        table[slot] = tagged(hash, append(partition, record, rival));
        if (known == NONE && 2 * ++keyCount > table.length) {
            grow();
        }
        if (keyCount > KEYS_MAX) {
            throw new TooLongException("too many keys in a patch: keysMax=" + KEYS_MAX);
        }
    }

    private long append(int partition, BatchRecords record, long rival) {
        int length =
                HEADER_LENGTH
                        + Math.max(0, record.keyLength())
                        + Math.max(0, record.valueLength())
                        + record.headersLength();
        if (open.remaining() < length) {
            int bytes = slabs.isEmpty() ? SLAB_LENGTH_MIN : open.capacity() * 2;
            bytes = Math.max(length, Math.min(SLAB_LENGTH, bytes));
            Slab slab = memory.allocatePatch(bytes);
            slabs.add(slab);
            ByteBuffer buffer = slab.buffer().duplicate().clear();
            open = bytes == buffer.capacity() ? buffer : buffer.slice(0, bytes);
            buffers.add(open.duplicate());
        }
        int at = open.position();
        open.putLong(record.timestampMs()).putLong(rival).putInt(partition);
        open.putInt(record.keyLength()).putInt(record.valueLength());
        open.putInt(record.headersLength()).putInt(record.headerCount());
        putAll(record.key());
        putAll(record.value());
        putAll(record.headers());
        return (long) (slabs.size() - 1) << POSITION_BITS | at;
    }

    private void putAll(@Nullable ByteBuffer bytes) {
        if (bytes != null) {
            open.put(bytes);
        }
    }

    private void grow() {
        long[] old = table;
        table = filled(2 * old.length);
        for (long entry : old) {
            if (entry != NONE) {
                ByteBuffer buffer = buffer(entry);
                int at = position(entry);
                int keyAt = at + HEADER_LENGTH;
                int hash = hash(buffer, keyAt, buffer.getInt(at + KEY_LENGTH));
                int slot = hash & table.length - 1;
                while (table[slot] != NONE) {
                    slot = slot + 1 & table.length - 1;
                }
                table[slot] = entry;
            }
        }
    }

    /** Where a key is in the table, or where it would be. */
    private int slot(int hash, ByteBuffer batch, int keyAt, int keyLength) {
        int slot = hash & table.length - 1;
        long entry = table[slot];
        while (entry != NONE && !isOf(entry, hash, batch, keyAt, keyLength)) {
            slot = slot + 1 & table.length - 1;
            entry = table[slot];
        }
        return slot;
    }

    private boolean isOf(long entry, int hash, ByteBuffer batch, int keyAt, int keyLength) {
        if (entry >>> PLACE_BITS != tag(hash)) {
            return false;
        }
        ByteBuffer buffer = buffer(entry);
        int at = position(entry);
        if (buffer.getInt(at + KEY_LENGTH) != keyLength) {
            return false;
        }
        int own = at + HEADER_LENGTH;
        int i = 0;
        for (; i + Long.BYTES <= keyLength; i += Long.BYTES) {
            if (buffer.getLong(own + i) != batch.getLong(keyAt + i)) {
                return false;
            }
        }
        for (; i < keyLength; i++) {
            if (buffer.get(own + i) != batch.get(keyAt + i)) {
                return false;
            }
        }
        return true;
    }

    private static long tagged(int hash, long place) {
        return tag(hash) << PLACE_BITS | place;
    }

    /** 23 bits, so that an entry is never negative. */
    private static long tag(int hash) {
        return hash >>> 9;
    }

    private int hash(ByteBuffer bytes, int from, int length) {
        long hash = seed ^ length;
        int at = from;
        int end = from + length;
        for (; at + Long.BYTES <= end; at += Long.BYTES) {
            hash = mixed(hash ^ bytes.getLong(at));
        }
        long tail = 0; // all of its bytes: fewer than a long has
        for (; at < end; at++) {
            tail = tail << Byte.SIZE | bytes.get(at) & 0xFF;
        }
        return (int) (mixed(hash ^ tail) >>> 32);
    }

    /** A finalizer of MurmurHash3's. */
    private static long mixed(long bits) {
        long mixed = (bits ^ bits >>> 33) * 0xFF51AFD7ED558CCDL;
        mixed = (mixed ^ mixed >>> 33) * 0xC4CEB9FE1A85EC53L;
        return mixed ^ mixed >>> 33;
    }

    private ByteBuffer buffer(long place) {
        return buffers.get((int) ((place & PLACE_MASK) >>> POSITION_BITS));
    }

    private static int position(long place) {
        return (int) place & (1 << POSITION_BITS) - 1;
    }

    /**
     * The record that stands for a key; {@link #NONE} if the patch does not have it.
     *
     * @param batch big-endian, as {@link BatchRecords} has it
     */
    long find(ByteBuffer batch, int keyAt, int keyLength) {
        long entry = table[slot(hash(batch, keyAt, keyLength), batch, keyAt, keyLength)];
        return entry == NONE ? NONE : winner(entry & PLACE_MASK);
    }

    /** That record or the best one of the partitions before its own. */
    private long winner(long place) {
        ByteBuffer buffer = buffer(place);
        int at = position(place);
        long rival = buffer.getLong(at + RIVAL);
        if (rival == NONE) {
            return place;
        }
        long rivalMs = buffer(rival).getLong(position(rival) + TIMESTAMP);
        return rivalMs > buffer.getLong(at + TIMESTAMP) ? rival : place;
    }

    /** Whether it takes the record away. */
    boolean isTombstone(long place) {
        return buffer(place).getInt(position(place) + VALUE_LENGTH) < 0;
    }

    /** Of value and headers, in bytes. */
    int length(long place) {
        ByteBuffer buffer = buffer(place);
        int at = position(place);
        return buffer.getInt(at + VALUE_LENGTH) + buffer.getInt(at + HEADERS_LENGTH);
    }

    /** The value; not of a tombstone. */
    ByteBuffer value(long place) {
        ByteBuffer buffer = buffer(place);
        int at = position(place);
        int from = at + HEADER_LENGTH + buffer.getInt(at + KEY_LENGTH);
        return buffer.duplicate().limit(from + buffer.getInt(at + VALUE_LENGTH)).position(from);
    }

    /** As they stand in a record, without their count. */
    ByteBuffer headers(long place) {
        ByteBuffer buffer = buffer(place);
        int at = position(place);
        int from =
                at
                        + HEADER_LENGTH
                        + buffer.getInt(at + KEY_LENGTH)
                        + Math.max(0, buffer.getInt(at + VALUE_LENGTH));
        return buffer.duplicate().limit(from + buffer.getInt(at + HEADERS_LENGTH)).position(from);
    }

    /** How many headers it has. */
    int headerCount(long place) {
        return buffer(place).getInt(position(place) + HEADER_COUNT);
    }
}
