package io.headrace.objects.format;

import io.headrace.engine.spi.Sample;
import io.headrace.engine.spi.SampleScanner;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Goes from sample to sample by the lengths that these begin with. Of the table of offsets it looks
 * at the first and the last alone: a scanner reads forwards, and does not keep a table that can be
 * larger than many samples.
 */
final class MdsScanner implements SampleScanner {
    /** Longest description that is read. */
    static final int JSON_LENGTH_MAX = 1 << 20;

    /** Sample count and first offset. */
    static final int HEADER_LENGTH = 2 * Integer.BYTES;

    private static final long UNKNOWN = -1;

    private @Nullable MdsColumns columns;

    /** Stays 0 until the first sample was given: before that, nobody has notes. */
    private long position;

    /** Where the next sample begins, once the columns are known. */
    private long cursor;

    /** Where the sample ends that was found and not given; 0 if there is none. */
    private long foundTo;

    /** Samples that must follow; unknown in a scanner that began in the middle. */
    private long samplesLeft = UNKNOWN;

    MdsScanner() {}

    MdsScanner(long position, MdsColumns columns) {
        this.position = position;
        cursor = position;
        this.columns = columns;
    }

    @Override
    public Progress next(Window window, Sample sample) throws MalformedObjectException {
        if (foundTo == 0) {
            sample.clear();
            if (columns == null && Reading.isEnd(window, 0)) {
                return Progress.END;
            }
            MdsColumns known = columns == null ? readColumns(window) : columns;
            if (known != null && cursor >= known.end()) {
                return end();
            }
            if (known == null || !find(window, known, sample)) {
                return Progress.NEEDS_BYTES;
            }
        }
        return give(window);
    }

    private Progress end() throws MalformedObjectException {
        if (samplesLeft > 0) {
            throw new MalformedObjectException(cursor, "fewer samples than the MDS shard says");
        }
        return Progress.END;
    }

    private @Nullable MdsColumns readColumns(Window window) throws MalformedObjectException {
        if (samplesLeft == UNKNOWN && !readHeader(window)) {
            return null;
        }
        long lastOffsetAt = Integer.BYTES * (samplesLeft + 1);
        int jsonLength = (int) (cursor - lastOffsetAt - Integer.BYTES);
        ByteBuffer bytes = Reading.at(window, lastOffsetAt, Integer.BYTES + jsonLength);
        if (bytes == null) {
            return null;
        }
        int at = bytes.position();
        long end = LittleEndian.unsignedIntAt(bytes, at);
        String json = Utf8.of(bytes, at + Integer.BYTES, jsonLength, lastOffsetAt);
        MdsColumns described = describe(json, lastOffsetAt, end);
        requireRoom(described);
        columns = described;
        return described;
    }

    private boolean readHeader(Window window) throws MalformedObjectException {
        ByteBuffer header = Reading.at(window, 0, HEADER_LENGTH);
        if (header == null) {
            return false;
        }
        long count = LittleEndian.unsignedIntAt(header, header.position());
        cursor = LittleEndian.unsignedIntAt(header, header.position() + Integer.BYTES);
        long jsonLength = cursor - Integer.BYTES * (count + 2);
        if (jsonLength < 2 || jsonLength > JSON_LENGTH_MAX) {
            throw new MalformedObjectException(0, "not an MDS shard");
        }
        samplesLeft = count;
        return true;
    }

    private static MdsColumns describe(String json, long jsonAt, long end)
            throws MalformedObjectException {
        try {
            return MdsColumns.ofJson(json, end);
        } catch (IllegalArgumentException malformed) {
            throw new MalformedObjectException(jsonAt, String.valueOf(malformed.getMessage()));
        }
    }

    /** As many samples as the count says can lie between the first offset and the last. */
    private void requireRoom(MdsColumns described) throws MalformedObjectException {
        long room = described.end() - cursor;
        if (room < 0 || samplesLeft > 0 && described.sampleLengthMin() > room / samplesLeft) {
            throw new MalformedObjectException(0, "MDS shard is shorter than its samples");
        }
    }

    private boolean find(Window window, MdsColumns known, Sample sample)
            throws MalformedObjectException {
        if (samplesLeft == 0) {
            throw new MalformedObjectException(cursor, "more samples than the MDS shard says");
        }
        int headLength = known.headLength();
        ByteBuffer head = Reading.at(window, cursor, headLength);
        if (head == null) {
            return false;
        }
        long end = addParts(known, head, cursor + headLength, sample);
        if (end > known.end()) {
            throw new MalformedObjectException(cursor, "MDS sample goes beyond its shard");
        }
        foundTo = end;
        return true;
    }

    private Progress give(Window window) throws MalformedObjectException {
        if (!Reading.isWithin(window, cursor, foundTo - cursor)) {
            return Progress.NEEDS_BYTES;
        }
        cursor = foundTo;
        position = foundTo;
        foundTo = 0;
        samplesLeft = samplesLeft == UNKNOWN ? UNKNOWN : samplesLeft - 1;
        return Progress.SAMPLE;
    }

    /** Returns where the last value ends. */
    private static long addParts(
            MdsColumns known, ByteBuffer head, long valuesFrom, Sample sample) {
        int headAt = head.position();
        long valueAt = valuesFrom;
        sample.multiPart(null);
        for (int column = 0; column < known.count(); column++) {
            long length = known.size(column);
            if (length == MdsColumns.VARIABLE) {
                length = LittleEndian.unsignedIntAt(head, headAt);
                headAt += Integer.BYTES;
            }
            sample.add(known.name(column), valueAt, length);
            valueAt += length;
        }
        return valueAt;
    }

    @Override
    public long position() {
        return position;
    }

    @Override
    public byte[] notes() {
        MdsColumns known = columns;
        return known == null ? new byte[0] : known.toNotes();
    }
}
