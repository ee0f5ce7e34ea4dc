package io.headrace.engine.journal;

import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Objects;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Writes entries into one start's folder as documents of a Chronicle Queue, cycle after cycle.
 *
 * <p>Long payloads go into the file by a write call, everything else through Chronicle's mapping;
 * both are the same pages to the kernel. A store into a page of the mapping that is not in memory
 * makes the kernel read it first, and what is read of a file that was only allocated is zeros:
 * whole read-ahead windows of them, cleared just to be overwritten. A write call that covers a page
 * clears nothing and takes no page fault. Measured with 64 KiB batches: 0.8 instead of 2.5 s of
 * system time per GB. Where the mapping is used, read-ahead is switched off for the same reason (by
 * {@link ChronicleDocuments}).
 *
 * <p>Used by the appending thread alone. Nothing is allocated per entry.
 */
final class CycleWriter implements AutoCloseable {
    /**
     * Beyond {@code cycleBytes}: the end-of-cycle header, Chronicle's index documents, and (times
     * 1.25, which is the longest document that Chronicle allows) the envelope of an entry with the
     * longest payload.
     */
    static final int SLACK_BYTES = 64 * 1024;

    /**
     * Shorter payloads are copied through the mapping: a call costs what copying a few pages does.
     */
    private static final int WRITE_CALL_BYTES_MIN = 8 * 1024;

    /**
     * The part of a cycle, at its end, that record batches leave to everything else: one MiB of
     * 128. On a disk without room for another cycle, deletions are still written.
     */
    private static final int KEPT_PART = 128;

    private final Path folder;
    private final long cycleBytes;
    private final long batchesEnd;
    private final long allocatedBytes;
    private final Disk disk;
    private final CycleDocuments documents;
    private final Envelope envelope = new Envelope();
    private final UnsafeBuffer target = new UnsafeBuffer(0, 0);
    private int nextCycle;
    private @Nullable ActiveCycle current;

    /** Where the next document header will stand. */
    private long endOffset;

    CycleWriter(
            Path folder,
            int firstCycle,
            long cycleBytes,
            Disk disk,
            CycleDocuments.Factory documents) {
        this.folder = folder;
        this.cycleBytes = documents.cycleBytes(cycleBytes);
        this.batchesEnd = this.cycleBytes - keptBytes(this.cycleBytes);
        this.disk = disk;
        this.nextCycle = firstCycle;
        this.allocatedBytes = allocatedBytes(cycleBytes);
        this.documents = documents.open(folder, firstCycle, allocatedBytes, disk);
    }

    /** Bytes that one cycle file is given on disk. */
    static long allocatedBytes(long cycleBytes) {
        return cycleBytes + SLACK_BYTES;
    }

    /** Bytes at the end of a cycle that record batches leave to everything else. */
    static long keptBytes(long cycleBytes) {
        return cycleBytes / KEPT_PART;
    }

    /** Whether an entry of that length still goes into the current cycle. */
    boolean fits(EntryType type, int entryLength) {
        long limit = type == EntryType.BATCH ? batchesEnd : cycleBytes;
        return current != null && endOffset + Integer.BYTES + entryLength <= limit;
    }

    /** The cycle being appended to; null before the first, and while one could not be allocated. */
    @Nullable ActiveCycle current() {
        return current;
    }

    long endOffset() {
        return endOffset;
    }

    /**
     * Ends the current cycle and begins the next. If the next cannot be allocated, the current one
     * has ended all the same, and this may be called again.
     *
     * @throws IOException if the file cannot be opened or allocated
     */
    ActiveCycle roll() throws IOException {
        current = null;
        documents.cycle(nextCycle);
        // The file is created when a document is begun; this one is taken back.
        endOffset = documents.begin() - Integer.BYTES;
        try {
            Path path = folder.resolve(CycleNumbering.fileName(nextCycle));
            current = ActiveCycle.open(nextCycle, path, allocatedBytes, disk);
        } finally {
            documents.takeBack();
        }
        current.file().endOffset(endOffset);
        nextCycle++;
        return current;
    }

    /** Appends an entry that {@link #fits}, and returns the offset of its envelope. */
    long append(
            EntryType type,
            long topicId,
            int partition,
            long baseOffset,
            int leaderEpoch,
            ByteBuffer payload,
            long syncedPosition,
            long appendTimeMs)
            throws IOException {
        envelope.set(
                type,
                topicId,
                partition,
                baseOffset,
                leaderEpoch,
                payload,
                syncedPosition,
                appendTimeMs);
        int length = Envelope.entryLength(payload.remaining());
        long offset = documents.begin();
        boolean whole = false;
        try {
            target.wrap(documents.address(offset), length);
            copy(type, baseOffset, leaderEpoch, payload, offset);
            whole = true;
        } finally {
            if (!whole) {
                documents.takeBack();
            }
        }
        documents.end(length);
        endOffset = align(offset + length);
        return offset;
    }

    private void copy(
            EntryType type, long baseOffset, int leaderEpoch, ByteBuffer payload, long offset)
            throws IOException {
        copyPayload(payload, offset + Journal.ENVELOPE_LENGTH);
        if (type == EntryType.BATCH) {
            target.putLong(
                    Journal.ENVELOPE_LENGTH + BatchHeader.BASE_OFFSET_OFFSET,
                    baseOffset,
                    ByteOrder.BIG_ENDIAN);
            target.putInt(
                    Journal.ENVELOPE_LENGTH + BatchHeader.LEADER_EPOCH_OFFSET,
                    leaderEpoch,
                    ByteOrder.BIG_ENDIAN);
        }
        int cycle = nextCycle - 1;
        int checksum = envelope.checksum(Journal.position(cycle, offset));
        int checksumOffset = Journal.ENVELOPE_LENGTH - Integer.BYTES;
        target.putBytes(0, envelope.fields(), 0, checksumOffset);
        target.putInt(checksumOffset, checksum, ByteOrder.LITTLE_ENDIAN);
    }

    private void copyPayload(ByteBuffer payload, long offset) throws IOException {
        int position = payload.position();
        int length = payload.remaining();
        if (length < WRITE_CALL_BYTES_MIN) {
            target.putBytes(Journal.ENVELOPE_LENGTH, payload, position, length);
            return;
        }
        try {
            Objects.requireNonNull(current, "current").write(payload, offset);
        } finally {
            payload.position(position);
        }
    }

    /** The next multiple of 4: where Chronicle puts the next document header. */
    static long align(long offset) {
        return (offset + 3) & ~3L;
    }

    @Override
    public void close() {
        documents.close();
    }
}
