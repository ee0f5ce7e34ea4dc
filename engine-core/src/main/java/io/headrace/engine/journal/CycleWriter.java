package io.headrace.engine.journal;

import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Objects;
import net.openhft.chronicle.bytes.Bytes;
import net.openhft.chronicle.core.Jvm;
import net.openhft.chronicle.core.io.BackgroundResourceReleaser;
import net.openhft.chronicle.queue.ExcerptAppender;
import net.openhft.chronicle.queue.impl.single.SingleChronicleQueue;
import net.openhft.chronicle.queue.impl.single.SingleChronicleQueueBuilder;
import net.openhft.chronicle.wire.DocumentContext;
import net.openhft.posix.PosixAPI;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Writes entries into one start's folder through a Chronicle Queue, cycle after cycle.
 *
 * <p>Long payloads go into the file by a write call, everything else through Chronicle's mapping;
 * both are the same pages to the kernel. A store into a page of the mapping that is not in memory
 * makes the kernel read it first, and what is read of a file that was only allocated is zeros:
 * whole read-ahead windows of them, cleared just to be overwritten. A write call that covers a page
 * clears nothing and takes no page fault. Measured with 64 KiB batches: 0.8 instead of 2.5 s of
 * system time per GB. Where the mapping is used, read-ahead is switched off for the same reason.
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

    /** MADV_RANDOM of linux/mman.h. */
    private static final int NO_READ_AHEAD = 1;

    private static final long PAGE_BYTES = 4096;

    static {
        silence("chronicle.announcer.disable");
        silence("chronicle.analytics.disable");
        silence("chronicle.disk.monitor.disable");
    }

    private final Path folder;
    private final long cycleBytes;
    private final Disk disk;
    private final CycleNumbering numbering;
    private final SingleChronicleQueue queue;
    private final ExcerptAppender appender;
    private final Envelope envelope = new Envelope();
    private final UnsafeBuffer target = new UnsafeBuffer(0, 0);
    private int nextCycle;
    private @Nullable ActiveCycle current;

    /** Where the next document header will stand. */
    private long endOffset;

    CycleWriter(Path folder, int firstCycle, long cycleBytes, Disk disk) {
        this.folder = folder;
        this.cycleBytes = cycleBytes;
        this.disk = disk;
        this.nextCycle = firstCycle;
        this.numbering = new CycleNumbering(firstCycle);
        // Chronicle reports each slow mmap and file creation; those are ours to measure.
        Jvm.disablePerfHandler();
        this.queue = openQueue();
        this.appender = queue.createAppender();
        appender.singleThreadedCheckDisabled(true);
    }

    private static void silence(String property) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, "true");
        }
    }

    private SingleChronicleQueue openQueue() {
        return SingleChronicleQueueBuilder.binary(folder)
                .rollCycle(numbering)
                .timeProvider(numbering)
                .blockSize(allocatedBytes(cycleBytes))
                .checkInterrupts(false)
                .build();
    }

    /** Bytes that one cycle file is given on disk. */
    static long allocatedBytes(long cycleBytes) {
        return cycleBytes + SLACK_BYTES;
    }

    /** Whether an entry of that length still goes into the current cycle. */
    boolean fits(int entryLength) {
        return current != null && endOffset + Integer.BYTES + entryLength <= cycleBytes;
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
        numbering.cycle(nextCycle);
        // Chronicle creates the file when a document is begun; this one is taken back.
        DocumentContext document = appender.writingDocument();
        try {
            document.rollbackOnClose();
            endOffset = bytes(document).writePosition() - Integer.BYTES;
            Path path = folder.resolve(CycleNumbering.fileName(nextCycle));
            current = ActiveCycle.open(nextCycle, path, allocatedBytes(cycleBytes), disk);
            switchReadAheadOff(bytes(document).addressForWrite(endOffset) - endOffset);
        } finally {
            document.close();
        }
        current.file().endOffset(endOffset);
        nextCycle++;
        return current;
    }

    /** Advice only: nothing depends on whether the kernel takes it. */
    private void switchReadAheadOff(long mappingAddress) {
        long length = allocatedBytes(cycleBytes) & -PAGE_BYTES;
        PosixAPI.posix().madvise(mappingAddress, length, NO_READ_AHEAD);
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
        DocumentContext document = appender.writingDocument();
        boolean whole = false;
        try {
            Bytes<?> bytes = bytes(document);
            long offset = bytes.writePosition();
            target.wrap(bytes.addressForWrite(offset), length);
            copy(type, baseOffset, leaderEpoch, payload, offset);
            bytes.writeSkip(length);
            endOffset = align(offset + length);
            whole = true;
            return offset;
        } finally {
            if (!whole) {
                document.rollbackOnClose();
            }
            document.close();
        }
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

    private static Bytes<?> bytes(DocumentContext document) {
        return Objects.requireNonNull(document.wire(), "wire").bytes();
    }

    /** The next multiple of 4: where Chronicle puts the next document header. */
    static long align(long offset) {
        return (offset + 3) & ~3L;
    }

    @Override
    public void close() {
        appender.close();
        queue.close();
        // Chronicle unmaps on a thread of its own; the caller counts on the files being let go.
        BackgroundResourceReleaser.releasePendingResources();
    }
}
