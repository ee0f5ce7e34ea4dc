package io.headrace.engine.spi;

import io.headrace.engine.Experimental;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * An ordered map of bytes (unsigned lexicographic order) that holds the projection of the journals:
 * nothing in it that cannot be rebuilt from them. Writes are atomic per batch; they survive a crash
 * once {@link #flush} has returned, in order: a crash keeps a prefix of the batches.
 *
 * <p>Thread-safe; batches and cursors are each used by one thread.
 */
@Experimental
public interface MetadataStore extends AutoCloseable {

    /** The value of a key, or null. */
    byte @Nullable [] get(byte[] key);

    /** A new, empty batch; reusable by {@link Batch#clear}. */
    Batch newBatch();

    /** Applies a batch atomically; visible to reads at once. */
    void write(Batch batch);

    /** A cursor over a snapshot taken now. Closed by the caller, soon: it holds up compaction. */
    Cursor cursor();

    /**
     * A cursor as {@link #cursor()} that sees only the keys that begin with these bytes. Where rows
     * come and go, it is the one to use: a seek that finds nothing under the prefix ends there, and
     * does not walk over what was deleted behind it.
     */
    Cursor cursor(byte[] prefix);

    /** Makes everything written so far survive a crash. Blocks for the disk. */
    void flush();

    /**
     * Writes a consistent copy of everything written so far into a folder that does not exist yet,
     * synced, with a file of checksums beside the data. Blocks for the disk.
     */
    void checkpoint(Path folder);

    /** Bytes of memory in use, as a gauge: block cache and write buffers. */
    long memoryBytes();

    @Override
    void close();

    /** Changes that are applied together. Keys and values are copied when added. */
    interface Batch extends AutoCloseable {
        /**
         * Sets a value; the buffers' bytes from position to limit are copied, the buffers left as
         * they were.
         */
        void put(ByteBuffer key, ByteBuffer value);

        /** Sets a value. */
        void put(byte[] key, byte[] value);

        /** Removes a key, if it is there. */
        void delete(byte[] key);

        /** Removes all keys from {@code fromKey}, inclusive, to {@code toKey}, exclusive. */
        void deleteRange(byte[] fromKey, byte[] toKey);

        /** How many changes are in it. */
        int count();

        /** Empties it. */
        void clear();

        @Override
        void close();
    }

    /** A position in the order of keys. */
    interface Cursor extends AutoCloseable {
        /** Moves to the first key at or after this one; false if there is none. */
        boolean seek(byte[] key);

        /** Moves to the last key at or before this one; false if there is none. */
        boolean seekForPrevious(byte[] key);

        /** Moves to the next key; false at the end. */
        boolean next();

        /** Moves to the previous key; false at the beginning. */
        boolean previous();

        /** Key here; a new array. */
        byte[] key();

        /** Value here; a new array. */
        byte[] value();

        @Override
        void close();
    }
}
