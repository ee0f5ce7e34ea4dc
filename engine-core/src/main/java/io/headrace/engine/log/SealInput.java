package io.headrace.engine.log;

import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.segment.SegmentPosition;
import io.headrace.engine.segment.SegmentReader;
import io.headrace.engine.spi.ColdFile;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.function.IntFunction;

/**
 * A file whose live batches a pass writes into segments: a cycle of the journal, or a segment.
 *
 * @param file upper half of the positions in it
 * @param length in bytes
 * @param liveBytes of it, when it was chosen
 */
record SealInput(int file, long length, long liveBytes) {

    /** Takes each batch of a file, alive or not. */
    interface Handler {
        void onBatch(PartitionKey partition, long position, ByteBuffer batch);
    }

    /** The part of it that lives, from 0 to 1. */
    double liveShare() {
        return (double) liveBytes / length;
    }

    boolean isSegment() {
        return SegmentPosition.isHalf(file);
    }

    /** Hands over all batches in the order of the file; what is damaged is an exception. */
    void forEachBatch(Shard shard, IntFunction<ByteBuffer> buffers, Handler handler)
            throws IOException {
        if (isSegment()) {
            walkSegment(shard, buffers, handler);
        } else {
            walkCycle(shard.journal(), handler);
        }
    }

    private void walkSegment(Shard shard, IntFunction<ByteBuffer> buffers, Handler handler)
            throws IOException {
        int segment = SegmentPosition.segmentOfHalf(file);
        try (SegmentReader reader = shard.segments().read(segment)) {
            reader.forEachBatch(
                    buffers,
                    (run, offset, batch) ->
                            handler.onBatch(
                                    new PartitionKey(run.topicId(), run.partition()),
                                    SegmentPosition.of(segment, offset),
                                    batch));
        }
    }

    private void walkCycle(Journal journal, Handler handler) throws IOException {
        journal.replay(
                Journal.position(file, 0),
                Journal.position(file, length),
                (position, type, topicId, partition, offset, epoch, timeMs, payload) -> {
                    if (type == EntryType.BATCH
                            && payload.remaining() >= RecordBatch.HEADER_LENGTH) {
                        handler.onBatch(new PartitionKey(topicId, partition), position, payload);
                    }
                });
    }

    /** Opens it to read single batches. */
    ColdFile open(Shard shard) throws IOException {
        return isSegment()
                ? shard.segments().openCold(SegmentPosition.segmentOfHalf(file))
                : shard.journal().openCold(file);
    }

    /** A file in words, for messages. */
    static String place(Shard shard, int file) {
        return shard.place(Journal.position(file, 0));
    }
}
