package io.headrace.engine.journal;

import io.headrace.engine.spi.CorruptJournalException;
import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.Journal;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.stream.LongStream;
import org.agrona.BufferUtil;
import org.jspecify.annotations.Nullable;

/**
 * Walks the documents of a cycle file by plain reads, with no help from Chronicle, and verifies
 * each entry. Reads also what Chronicle is writing, up to an end that the caller knows.
 *
 * <p>Used by one thread.
 */
final class CycleReader implements AutoCloseable {
    /** What stands at the reader's offset. */
    enum Found {
        /** A sound entry. */
        ENTRY,
        /** Chronicle's end-of-cycle header. */
        END_OF_CYCLE,
        /** Zeros, or the end of the file. */
        NOTHING,
        /** Something that is not a sound document: {@link #reason}. */
        BAD
    }

    static final int END_OF_CYCLE_HEADER = 0xC000_0000;
    static final int METADATA_BIT = 0x4000_0000;

    /** {@code HRHOLE01}, the first bytes of a document that stands for what was cut out. */
    static final long HOLE_MAGIC = 0x3130_454C_4F48_5248L;

    private static final int INCOMPLETE_BIT = 0x8000_0000;
    private static final int LENGTH_MASK = 0x3FFF_FFFF;
    private static final int WINDOW_BYTES = 256 * 1024;
    private static final int HEADER = Integer.BYTES;

    private final Path path;
    private final int cycle;
    private final FileChannel channel;
    private final long fileLength;
    private final Envelope envelope = new Envelope();
    private ByteBuffer window;
    private long windowOffset;
    private int windowLength;
    private long offset;
    private long entryOffset;
    private ByteBuffer payload;
    private String reason = "";
    private long cutOutBytes;

    CycleReader(Path path, int cycle, Disk disk) throws IOException {
        this.path = path;
        this.cycle = cycle;
        this.channel = disk.open(path, StandardOpenOption.READ);
        this.fileLength = channel.size();
        this.window = allocate((int) Math.min(WINDOW_BYTES, fileLength));
        this.payload = window;
    }

    private static ByteBuffer allocate(int length) {
        return ByteBuffer.allocateDirect(length).order(ByteOrder.LITTLE_ENDIAN);
    }

    Path path() {
        return path;
    }

    /** Where the next document header stands. */
    long offset() {
        return offset;
    }

    long fileLength() {
        return fileLength;
    }

    /** Offset of the envelope that was last found. */
    long entryOffset() {
        return entryOffset;
    }

    /** The envelope that was last found. */
    Envelope envelope() {
        return envelope;
    }

    /** Payload of the entry that was last found; borrowed until the next call. */
    ByteBuffer payload() {
        return payload;
    }

    /** Bytes passed that a repair cut out. */
    long cutOutBytes() {
        return cutOutBytes;
    }

    /**
     * Reads to the end, also past damage: the offsets of the headers of what a repair cut out, each
     * with that of the header behind it. Nothing is behind the end of a cycle, unless a repair put
     * that there.
     */
    long[] cutOuts() throws IOException {
        LongStream.Builder stretches = LongStream.builder();
        while (true) {
            long before = cutOutBytes;
            long from = offset;
            Found found = next();
            if (cutOutBytes > before) { // besides, there is only Chronicle's own in between
                stretches.add(from).add(found == Found.ENTRY ? entryOffset - HEADER : offset);
            }
            if (found == Found.END_OF_CYCLE) {
                stretches.add(offset).add(Long.MAX_VALUE);
            }
            if (found != Found.ENTRY && (found != Found.BAD || !resync())) {
                return stretches.build().toArray();
            }
        }
    }

    /** Why what was found is bad. */
    String reason() {
        return reason;
    }

    /** Verifies the next entry and moves behind it; stays where it is if there is none. */
    Found next() throws IOException {
        while (offset + HEADER <= fileLength) {
            int header = intAt(offset);
            if (header == 0) {
                return Found.NOTHING;
            }
            if (header == END_OF_CYCLE_HEADER) {
                return Found.END_OF_CYCLE;
            }
            if ((header & METADATA_BIT) == 0) {
                return entry(header);
            }
            if (isHole(header)) {
                cutOutBytes += HEADER + (header & LENGTH_MASK);
            }
            if (!skip(header)) {
                return Found.BAD;
            }
        }
        return Found.NOTHING;
    }

    /** Whether a document stands for what a repair cut out; see {@link JournalRepair}. */
    private boolean isHole(int header) throws IOException {
        return (header & LENGTH_MASK) >= Long.BYTES
                && offset + HEADER + Long.BYTES <= fileLength
                && window.getLong(load(offset, HEADER + Long.BYTES) + HEADER) == HOLE_MAGIC;
    }

    /**
     * Moves to the next sound entry at or behind the offset, past whatever is damaged; false if
     * there is none, then it stays where it is.
     */
    boolean resync() throws IOException {
        long from = offset;
        long last = fileLength - Journal.ENVELOPE_LENGTH;
        for (long at = CycleWriter.align(from) + HEADER; at <= last; at += HEADER) {
            if (Envelope.mayBegin(intAt(at)) && isSoundEntry(at)) {
                return true;
            }
        }
        offset = from;
        return false;
    }

    /** Leaves the reader there. */
    private boolean isSoundEntry(long at) throws IOException {
        int header = intAt(at - HEADER);
        offset = at - HEADER;
        return loadEnvelope(at) == null
                && header == Envelope.entryLength(envelope.payloadLength())
                && isWhole(header)
                && verify(at, header) == null;
    }

    /**
     * Whether the envelope of the document that the reader stands at is sound, whatever is wrong
     * with the rest of it; then {@link #envelope} is that.
     */
    boolean isEnvelopeSound() throws IOException {
        return isEnvelope(offset + HEADER);
    }

    /** Moves behind a document without a look at what is in it; false if it cannot be one. */
    private boolean skip(int header) {
        if (!isWhole(header)) {
            return false;
        }
        offset = CycleWriter.align(offset + HEADER + (header & LENGTH_MASK));
        return true;
    }

    private boolean isWhole(int header) {
        if ((header & INCOMPLETE_BIT) != 0) {
            reason = "document was not finished";
            return false;
        }
        if (offset + HEADER + (header & LENGTH_MASK) > fileLength) {
            reason = "document reaches beyond the end of the file";
            return false;
        }
        return true;
    }

    private Found entry(int header) throws IOException {
        if (!isWhole(header)) {
            return Found.BAD;
        }
        String wrong = verify(offset + HEADER, header & LENGTH_MASK);
        if (wrong != null) {
            reason = wrong;
            return Found.BAD;
        }
        entryOffset = offset + HEADER;
        skip(header);
        return Found.ENTRY;
    }

    private @Nullable String verify(long at, int length) throws IOException {
        if (length < Journal.ENVELOPE_LENGTH) {
            return "document is shorter than an envelope";
        }
        String wrong = loadEnvelope(at);
        if (wrong != null) {
            return wrong;
        }
        if (length != Envelope.entryLength(envelope.payloadLength())) {
            return "document has another length than its envelope says";
        }
        int index = load(at, length) + Journal.ENVELOPE_LENGTH;
        payload = window.slice(index, envelope.payloadLength());
        return envelope.verifyPayload(payload);
    }

    private @Nullable String loadEnvelope(long at) throws IOException {
        // In this order: loading may replace the window.
        int index = load(at, Journal.ENVELOPE_LENGTH);
        return envelope.load(window, index, Journal.position(cycle, at));
    }

    /**
     * Moves to where a position from outside points: an entry's envelope, or a place between two
     * documents. Every other offset moves to the first document behind it.
     */
    void seek(long to) throws IOException {
        if (to >= HEADER && isEnvelope(to)) {
            offset = to - HEADER;
        } else if (isEnvelope(to + HEADER)) {
            offset = to;
        } else {
            walk(to);
        }
    }

    private boolean isEnvelope(long at) throws IOException {
        return at % HEADER == 0
                && at + Journal.ENVELOPE_LENGTH <= fileLength
                && loadEnvelope(at) == null;
    }

    /**
     * The offset of the end-of-cycle header at the file's end; the file's length if it has none.
     */
    long endOfCycle(long from) throws IOException {
        long last = fileLength - HEADER;
        return last >= from && intAt(last) == END_OF_CYCLE_HEADER ? last : fileLength;
    }

    /** Moves to where a document header stands. */
    void moveTo(long headerOffset) {
        offset = headerOffset;
    }

    /** Moves from the file's beginning, by headers alone, to the first document at or behind. */
    private void walk(long to) throws IOException {
        offset = 0;
        while (offset < to && offset + HEADER <= fileLength) {
            int header = intAt(offset);
            if (header == 0 || header == END_OF_CYCLE_HEADER || !skip(header)) {
                return;
            }
        }
    }

    /**
     * Where an ended cycle's documents end, found by headers alone; the file's length if no
     * end-of-cycle header is reached, so that whoever reads that far meets the damage.
     */
    long findEnd() throws IOException {
        if (fileLength >= HEADER && intAt(fileLength - HEADER) == END_OF_CYCLE_HEADER) {
            return fileLength - HEADER;
        }
        walk(Long.MAX_VALUE);
        boolean ended = offset + HEADER <= fileLength && intAt(offset) == END_OF_CYCLE_HEADER;
        return ended ? offset : fileLength;
    }

    /**
     * The highest synced position that any sound envelope at or behind an offset speaks of; 0 if
     * there is none.
     */
    long highestSyncedPosition(long from) throws IOException {
        long highest = 0;
        long last = fileLength - Journal.ENVELOPE_LENGTH;
        for (long at = CycleWriter.align(from); at <= last; at += HEADER) {
            if (Envelope.mayBegin(intAt(at)) && loadEnvelope(at) == null) {
                highest = Math.max(highest, envelope.syncedPosition());
            }
        }
        return highest;
    }

    /** What is wrong at the place where the reader stands. */
    CorruptJournalException corrupt(String what) {
        return new CorruptJournalException(
                what
                        + ": file="
                        + path
                        + " position="
                        + Journal.position(cycle, offset)
                        + " offset="
                        + offset);
    }

    private int intAt(long at) throws IOException {
        if (at < windowOffset || at + HEADER > windowOffset + windowLength) {
            load(at, HEADER);
        }
        return window.getInt((int) (at - windowOffset));
    }

    /** Makes bytes present in the window, and returns their index there. */
    private int load(long at, int length) throws IOException {
        if (at < windowOffset || at + length > windowOffset + windowLength) {
            fill(at, length);
        }
        return (int) (at - windowOffset);
    }

    private void fill(long at, int length) throws IOException {
        if (length > window.capacity()) {
            BufferUtil.free(window);
            window = allocate(length);
        }
        window.clear();
        windowOffset = at;
        windowLength = 0;
        while (windowLength < length || window.hasRemaining()) {
            int count = channel.read(window, at + windowLength);
            if (count < 0) {
                break;
            }
            windowLength += count;
        }
        if (windowLength < length) {
            throw new EOFException("file is too short: file=" + path + " offset=" + at);
        }
    }

    @Override
    public void close() throws IOException {
        BufferUtil.free(window);
        channel.close();
    }
}
