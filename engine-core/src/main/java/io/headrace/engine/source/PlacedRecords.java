package io.headrace.engine.source;

import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.batch.SamplePartsLayout;
import io.headrace.engine.source.ListedObject.Member;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Records whose lengths are known before their bytes are: objects, pieces of one, or joined
 * objects. They are framed first; then their values are read straight into their places, in any
 * order; the checksums come last. Used by one thread; the reads may be done by any.
 */
final class PlacedRecords {
    /** Bytes of one request at most. */
    private static final int REQUEST_LENGTH_MAX = RangeList.REQUEST_LENGTH_MAX;

    private static final int VARINT_LENGTH_MAX = 5;

    private final List<Placed> records = new ArrayList<>();
    private final List<Read> reads = new ArrayList<>();
    private final SkippedOffsets.Of skipped;
    private final long firstOffset;
    private long lengthMax;

    /**
     * A read that is to be done.
     *
     * @param into as long as the range
     */
    record Read(StoredObject object, long from, ByteBuffer into) {}

    private record Value(String name, StoredObject object, long from, int length) {}

    private record Placed(
            byte[] key,
            long timestampMs,
            ByteBuffer headers,
            int headerCount,
            boolean isSkipped,
            boolean hasParts,
            int valueLength,
            List<Value> values) {}

    PlacedRecords(long firstOffset, SkippedOffsets.Of skipped) {
        this.firstOffset = firstOffset;
        this.skipped = skipped;
    }

    /** Adds a whole object. */
    void add(StoredObject object) {
        addPiece(object, 0, object.length());
    }

    /** Adds a range of an object. */
    void addPiece(StoredObject object, long from, long to) {
        boolean isSkipped = isNextSkipped();
        LineageHeaders headers = new LineageHeaders(object).of(from, to);
        if (isSkipped) {
            headers.withSkipped();
        }
        int length = Math.toIntExact(to - from);
        add(
                new Placed(
                        SourceEntries.bytes(object.key()),
                        object.modifiedMs(),
                        headers.buffer(),
                        headers.count(),
                        isSkipped,
                        false,
                        length,
                        List.of(new Value("", object, from, length))));
    }

    /** Adds objects that are one sample. */
    void addJoined(String stem, ListedObject listed) {
        boolean isSkipped = isNextSkipped();
        List<Value> values = new ArrayList<>(listed.members().size());
        List<LineageHeaders> headers = new ArrayList<>(listed.members().size());
        long length = SamplePartsLayout.headerLength();
        for (Member member : listed.members()) {
            StoredObject object = member.object();
            headers.add(new LineageHeaders(object).of(0, object.length()));
            values.add(new Value(member.name(), object, 0, Math.toIntExact(object.length())));
            length += SamplePartsLayout.partLength(member.name(), object.length());
        }
        LineageHeaders last = headers.get(headers.size() - 1);
        if (isSkipped) {
            last.withSkipped();
        } else {
            last.withParts();
        }
        add(
                new Placed(
                        SourceEntries.bytes(stem),
                        listed.modifiedMs(),
                        joined(headers),
                        headers.stream().mapToInt(LineageHeaders::count).sum(),
                        isSkipped,
                        true,
                        Math.toIntExact(length),
                        values));
    }

    private static ByteBuffer joined(List<LineageHeaders> headers) {
        ByteBuffer all =
                ByteBuffer.allocate(headers.stream().mapToInt(LineageHeaders::length).sum());
        headers.forEach(one -> all.put(one.buffer()));
        return all.flip();
    }

    private boolean isNextSkipped() {
        return skipped.contains(firstOffset + records.size());
    }

    private void add(Placed record) {
        records.add(record);
        lengthMax += RecordBatch.HEADER_LENGTH;
        lengthMax += RecordBatchWriter.lengthMax(record.key.length, 0);
        lengthMax += record.headers.remaining() + VARINT_LENGTH_MAX;
        lengthMax += record.isSkipped ? 0 : record.valueLength;
    }

    /** Upper bound of the bytes of all batches. */
    int lengthMax() {
        return Math.toIntExact(lengthMax);
    }

    /**
     * Writes all but the values, from the buffer's position on; then {@link #reads} says what is to
     * be read, and {@link #seal} follows that. Returns the bytes of all batches.
     */
    int frame(ByteBuffer bytes, int leaderEpoch) {
        BatchSequence batches = new BatchSequence(bytes, firstOffset, leaderEpoch);
        for (Placed record : records) {
            int valueAt =
                    batches.next(record.timestampMs)
                            .appendAround(
                                    record.timestampMs,
                                    ByteBuffer.wrap(record.key),
                                    record.isSkipped ? -1 : record.valueLength,
                                    record.headers,
                                    record.headerCount);
            if (!record.isSkipped) {
                place(record, bytes, valueAt);
            }
        }
        batches.end();
        return batches.length();
    }

    private void place(Placed record, ByteBuffer bytes, int valueAt) {
        if (!record.hasParts) {
            read(record.values.get(0), bytes, valueAt);
            return;
        }
        SamplePartsLayout layout = new SamplePartsLayout();
        layout.begin(bytes, valueAt, record.values.size());
        for (Value value : record.values) {
            read(value, bytes, layout.part(value.name, value.length));
        }
    }

    private void read(Value value, ByteBuffer bytes, int at) {
        for (int done = 0; done < value.length; done += REQUEST_LENGTH_MAX) {
            int length = Math.min(REQUEST_LENGTH_MAX, value.length - done);
            reads.add(new Read(value.object, value.from + done, bytes.slice(at + done, length)));
        }
    }

    /** What is to be read. */
    List<Read> reads() {
        return reads;
    }
}
