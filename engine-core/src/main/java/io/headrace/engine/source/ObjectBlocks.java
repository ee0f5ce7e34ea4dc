package io.headrace.engine.source;

import io.headrace.engine.SourceFindings;
import io.headrace.engine.source.SourceBlock.Kind;
import io.headrace.engine.source.SourceEntries.Rule;
import io.headrace.engine.spi.MetadataStore.Batch;
import java.util.List;

/**
 * The blocks of objects that are records as they are: they follow from the entry that lists the
 * objects, and from nothing else. A block never spans two entries. Used by one thread.
 */
final class ObjectBlocks {
    private final long topicId;
    private final SourceEntries.Objects entry;
    private final List<ListedObject> objects;
    private final int step;

    // of the partition that is being applied
    private int partition;
    private long offset;
    private long byteCount;
    private long leftOut;

    ObjectBlocks(long topicId, SourceEntries.Objects entry) {
        this.topicId = topicId;
        this.entry = entry;
        this.objects = entry.objects();
        this.step = entry.partitionCount();
    }

    /** Adds the blocks of the partition of the entry's object {@code first}, and its new end. */
    void apply(int first, Batch batch) {
        SourceEnd before = entry.ends().get(first);
        partition = (int) ((entry.firstOrdinal() + first) % step);
        offset = before.offset();
        byteCount = before.byteCount();
        leftOut = before.leftOutCount();
        int count = 0;
        int i = first;
        while (i < objects.size()) {
            int next = isTooLong(i) ? applyLong(i, batch) : applyTogether(i, batch);
            count += (next - i) / step;
            i = next;
        }
        SourceEnd end =
                new SourceEnd(
                        offset,
                        entry.firstOrdinal() + i,
                        0,
                        before.objectCount() + count,
                        byteCount,
                        leftOut,
                        before.badCount());
        SourceIndex.putEnd(topicId, partition, end, batch);
    }

    private boolean isTooLong(int i) {
        return objects.get(i).length() > entry.recordLengthMax();
    }

    /** As many objects as are loaded together, from one on; returns the first behind them. */
    private int applyTogether(int first, Batch batch) {
        long length = 0;
        int requests = 0;
        int count = 0;
        long maxTimestampMs = Long.MIN_VALUE;
        int i = first;
        while (i < objects.size() && !isTooLong(i) && (count == 0 || fits(i, length, requests))) {
            ListedObject object = objects.get(i);
            length += object.length();
            requests += object.objectCount();
            maxTimestampMs = Math.max(maxTimestampMs, object.modifiedMs());
            count++;
            i += step;
        }
        Kind kind = entry.rule() == Rule.JOINED ? Kind.JOINED : Kind.OBJECTS;
        put(kind, first, 0, length, count, maxTimestampMs, batch);
        return i;
    }

    private boolean fits(int i, long length, int requests) {
        ListedObject object = objects.get(i);
        return requests + object.objectCount() <= SourceIndex.BLOCK_OBJECTS_MAX
                && length + object.length() <= SourceIndex.BLOCK_LENGTH_TARGET;
    }

    private int applyLong(int i, Batch batch) {
        if (entry.rule() == Rule.SPLIT_FILES) {
            applyPieces(i, batch);
        } else {
            leftOut++;
            Fault fault =
                    new Fault(
                            SourceFindings.Kind.LEFT_OUT,
                            0,
                            "length="
                                    + objects.get(i).length()
                                    + " max="
                                    + entry.recordLengthMax());
            SourceIndex.putFault(topicId, partition, entry.firstOrdinal() + i, fault, batch);
        }
        return i + step;
    }

    private void applyPieces(int i, Batch batch) {
        ListedObject object = objects.get(i);
        long pieceLength = entry.recordLengthMax();
        long blockLength = pieceLength * Math.max(1, SourceIndex.BLOCK_LENGTH_TARGET / pieceLength);
        for (long from = 0; from < object.length(); from += blockLength) {
            long to = Math.min(object.length(), from + blockLength);
            int count = (int) ((to - from + pieceLength - 1) / pieceLength);
            put(Kind.PIECES, i, from, to, count, object.modifiedMs(), batch);
        }
    }

    private void put(
            Kind kind, int i, long from, long to, int count, long maxTimestampMs, Batch batch) {
        SourceIndex.putBlock(
                new SourceBlock(
                        topicId,
                        partition,
                        offset,
                        count,
                        kind,
                        entry.firstOrdinal() + i,
                        from,
                        to,
                        entry.recordLengthMax(),
                        maxTimestampMs,
                        0,
                        ByteRanges.NONE),
                batch);
        offset += count;
        byteCount += to - from;
    }
}
