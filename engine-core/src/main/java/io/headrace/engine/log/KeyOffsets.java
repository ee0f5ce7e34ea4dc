package io.headrace.engine.log;

import java.nio.ByteBuffer;
import java.security.DigestException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * The newest offset of each key, in a table of bounded size: open addressing, three quarters full
 * at most. Keys are told apart by 128 bits of their SHA-256, which nobody can make alike on
 * purpose.
 *
 * <p>For one thread.
 */
final class KeyOffsets {
    /** Bytes of memory that a key needs. */
    static final int BYTES_PER_KEY = 32;

    /** Least bytes of memory: with less, no slot might be empty, at which a search ends. */
    static final int MEMORY_BYTES_MIN = 1024;

    private static final int SLOT_LENGTH = 3 * Long.BYTES;
    private static final int OFFSET_AT = 2 * Long.BYTES;

    private final MessageDigest sha256 = sha256();
    private final byte[] digest = new byte[sha256.getDigestLength()];
    private final ByteBuffer hash = ByteBuffer.wrap(digest);

    /** Per slot both halves of the hash, and the offset + 1: 0 where nothing is. */
    private ByteBuffer slots = ByteBuffer.allocate(SLOT_LENGTH);

    private int slotCount;
    private int keyCount;
    private int keysMax;

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every JDK has it
        }
    }

    /**
     * Forgets everything.
     *
     * @param memory from index 0 to its limit, {@link #MEMORY_BYTES_MIN} at least; ours until the
     *     next call
     */
    void begin(ByteBuffer memory) {
        if (memory.limit() < MEMORY_BYTES_MIN) {
            throw new IllegalArgumentException("too little memory: bytes=" + memory.limit());
        }
        slots = memory;
        keyCount = 0;
        keysMax = memory.limit() / BYTES_PER_KEY;
        slotCount = memory.limit() / SLOT_LENGTH;
        for (int at = OFFSET_AT; at + Long.BYTES <= memory.limit(); at += SLOT_LENGTH) {
            memory.putLong(at, 0);
        }
    }

    /** Whether so many keys more fit in, if none of them is there yet. */
    boolean hasRoom(int keys) {
        return keys <= keysMax - keyCount;
    }

    /** How many keys there are room for at the start. */
    int keysMax() {
        return keysMax;
    }

    /**
     * Notes an offset of a key, for which there is room; a lower one than is noted has no effect.
     */
    void put(ByteBuffer key, long offset) {
        int at = slotOf(key);
        long noted = slots.getLong(at + OFFSET_AT) - 1;
        if (noted < 0) {
            keyCount++;
            slots.putLong(at, hash.getLong(0)).putLong(at + Long.BYTES, hash.getLong(Long.BYTES));
        }
        if (offset > noted) {
            slots.putLong(at + OFFSET_AT, offset + 1);
        }
    }

    /** The newest offset of a key; −1 if none was noted. */
    long newest(ByteBuffer key) {
        return slots.getLong(slotOf(key) + OFFSET_AT) - 1;
    }

    /** Index of the key's slot, or of the empty one where it belongs. */
    private int slotOf(ByteBuffer key) {
        sha256.update(key.duplicate());
        try {
            sha256.digest(digest, 0, digest.length);
        } catch (DigestException e) {
            throw new IllegalStateException(e); // the array has the length it asks for
        }
        long high = hash.getLong(0);
        long low = hash.getLong(Long.BYTES);
        int slot = (int) ((high >>> 1) % slotCount);
        while (true) {
            int at = slot * SLOT_LENGTH;
            boolean isEmpty = slots.getLong(at + OFFSET_AT) == 0;
            if (isEmpty || slots.getLong(at) == high && slots.getLong(at + Long.BYTES) == low) {
                return at;
            }
            slot = slot + 1 == slotCount ? 0 : slot + 1;
        }
    }
}
