package io.headrace.engine.spi;

import io.headrace.engine.Experimental;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An append-only sequence of entries, the only place where anything durable is written.
 *
 * <p>A <em>position</em> is a 64-bit number that grows with every entry: the cycle (file) in the
 * upper 32 bits, the byte offset of the entry's envelope within that file in the lower 32. Cycle
 * numbers grow over the journal's whole life, over restarts too.
 *
 * <p>Threads: {@link #append} by one thread at a time (the owner's lock); {@link #sync} by one
 * syncer thread, concurrently with appends; everything else by any thread.
 */
@Experimental
public interface Journal extends AutoCloseable {

    /**
     * {@link #append}: the disk's reserve is reached, nothing was written; retry when there is
     * space again.
     */
    long OUT_OF_SPACE = -3;

    /**
     * Appends one entry: an envelope, then the payload's bytes from position to limit (which stay
     * as they were). For {@link EntryType#BATCH} the base offset and leader epoch are also set in
     * the copy of the record batch header.
     *
     * <p>Below the disk's reserve, record batches are refused; other entries are taken as long as
     * there is any space, because they are what brings space back.
     *
     * @return the entry's position, or {@link #OUT_OF_SPACE}
     * @throws JournalFailedException if the write failed: the journal can no longer be used
     */
    long append(
            EntryType type,
            long topicId,
            int partition,
            long baseOffset,
            int leaderEpoch,
            ByteBuffer payload);

    /** End of what was appended, exclusive. */
    long appendedPosition();

    /** Everything below is on stable storage. */
    long syncedPosition();

    /**
     * Forces what was appended before this call.
     *
     * @return the new {@link #syncedPosition}
     * @throws JournalFailedException if a force failed; it is never retried, the process has to
     *     stop
     */
    long sync();

    /**
     * A lease on the mapping of the cycle that holds this position, if it is in the recent window
     * (appended since this start, and not yet unmapped); null otherwise, then {@link #openCold} is
     * the way.
     */
    @Nullable JournalLease lease(long position);

    /**
     * Opens a cycle's file to read from it directly.
     *
     * @throws IOException if it is gone
     */
    ColdFile openCold(int cycle) throws IOException;

    /**
     * What a repair cut out of a cycle's file, in order: the file offset where each stretch begins,
     * and the one behind it. Reads the whole file.
     *
     * @throws IOException if it is gone
     */
    default long[] cutOuts(int cycle) throws IOException {
        return new long[0];
    }

    /** Where a position is, for who has to look at it: {@code file=… offset=…}. */
    String describe(long position);

    /**
     * Hands each entry from {@code fromPosition} (inclusive) to {@code toPosition} (exclusive) to
     * the handler, in order, envelopes verified, and the checksums of payloads that an earlier
     * start wrote.
     *
     * @throws CorruptJournalException at the first bad entry, naming file and position
     */
    void replay(long fromPosition, long toPosition, EntryHandler handler) throws IOException;

    /**
     * The first position that may be given to {@link #replay}: that of the oldest cycle's first
     * byte.
     */
    long firstPosition();

    /**
     * The files that hold what was appended below a position, for whoever copies them; nobody
     * deletes cycles meanwhile.
     *
     * @param toPosition synced
     */
    List<JournalFile> files(long toPosition) throws IOException;

    /** All cycles that exist, oldest first. */
    List<Cycle> cycles();

    /**
     * Deletes one cycle's file. Its mapping goes with the last lease. The cycle being appended to
     * is refused.
     */
    void deleteCycle(int cycle) throws IOException;

    /** Bytes allocated on disk. */
    long lengthOnDisk();

    /** Syncs, records the clean end, and closes; open leases stay readable. */
    @Override
    void close();

    /** The cycle of a position. */
    static int cycle(long position) {
        return (int) (position >>> 32);
    }

    /** The byte offset of a position within its cycle's file. */
    static long fileOffset(long position) {
        return position & 0xFFFF_FFFFL;
    }

    /** The position of a byte offset within a cycle's file. */
    static long position(int cycle, long fileOffset) {
        return ((long) cycle << 32) | fileOffset;
    }

    /** Bytes of the envelope that stands before each payload. */
    int ENVELOPE_LENGTH = 48;

    /** Takes entries during a replay. */
    @FunctionalInterface
    interface EntryHandler {
        /**
         * @param position of the entry's envelope
         * @param appendTimeMs when a batch was appended, in whole seconds since 1970; −1 for other
         *     entries
         * @param payload borrowed until this returns
         */
        void onEntry(
                long position,
                EntryType type,
                long topicId,
                int partition,
                long baseOffset,
                int leaderEpoch,
                long appendTimeMs,
                ByteBuffer payload);
    }

    /**
     * One file as it is copied.
     *
     * @param path absolute
     * @param length bytes of it that are wanted; the file may have more
     * @param isFinal whether it will never be changed again
     */
    record JournalFile(Path path, long length, boolean isFinal) {}

    /**
     * One cycle.
     *
     * @param cycle its number
     * @param endOffset bytes of it that hold entries (so far)
     */
    record Cycle(int cycle, long endOffset) {}

    /** A counted reference to the read-only mapping of one cycle's file. */
    interface JournalLease extends AutoCloseable {
        /** The bytes of the file; index = byte offset. Not to be used after {@link #close}. */
        ByteBuffer buffer();

        /** Gives the reference back; the last one unmaps. */
        @Override
        void close();
    }
}
