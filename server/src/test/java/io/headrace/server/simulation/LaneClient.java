package io.headrace.server.simulation;

import io.headrace.engine.RecordsLease;
import io.headrace.engine.batch.RecordBatch;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Takes an answer as clients do, and looks whether it is one that all clients can take. */
final class LaneClient {
    private static final int LEADER_EPOCH_AT = 12;

    /**
     * A record from the offset on that was asked for.
     *
     * @param offset as the answer shows it
     * @param baseOffset as it stands in the bytes
     */
    record Read(long offset, long baseOffset, ByteBuffer value) {}

    /** Takes the records of one batch, of which there is at least one. */
    interface Found {
        void onBatch(List<Read> records);
    }

    private final long asked;
    private final long highWatermark;
    private final Found found;
    private long end = -1;
    private int epoch = -1;

    private LaneClient(long asked, long highWatermark, Found found) {
        this.asked = asked;
        this.highWatermark = highWatermark;
        this.found = found;
    }

    /**
     * Hands over the records from the offset on that was asked for.
     *
     * @return where the client goes on: behind the last batch
     */
    static long take(RecordsLease answer, long asked, long highWatermark, Found found) {
        return new LaneClient(asked, highWatermark, found).take(answer);
    }

    private long take(RecordsLease answer) {
        for (int i = 0; i < answer.sliceCount(); i++) {
            ByteBuffer slice = answer.slice(i);
            for (int at = slice.position(); at < slice.limit(); ) {
                int next = at + RecordBatch.length(slice, at);
                ByteBuffer batch = slice.duplicate().limit(next).position(at);
                take(batch, answer.offsetShift(i), answer.leaderEpoch(i));
                at = next;
            }
        }
        if (end <= asked) {
            throw new SimulationFailure("nobody gets on with it: asked=" + asked + " end=" + end);
        }
        return end;
    }

    private void take(ByteBuffer batch, long shift, int shownEpoch) {
        if (!RecordBatch.isIntact(batch.duplicate())) {
            throw new SimulationFailure("unsound batch was served: asked=" + asked);
        }
        int at = batch.position();
        long base = RecordBatch.baseOffset(batch, at) + shift;
        long batchEnd = RecordBatch.lastOffset(batch, at) + shift + 1;
        int batchEpoch = shownEpoch < 0 ? batch.getInt(at + LEADER_EPOCH_AT) : shownEpoch;
        boolean isInOrder = end < 0 ? batchEnd > asked : base >= end;
        if (!isInOrder || base < 0 || batchEnd > highWatermark || batchEpoch < epoch) {
            throw new SimulationFailure(
                    "no answer to asked="
                            + asked
                            + ": batch="
                            + base
                            + "-"
                            + batchEnd
                            + " behind="
                            + end
                            + " highWatermark="
                            + highWatermark
                            + " epoch="
                            + batchEpoch
                            + " epochBefore="
                            + epoch);
        }
        end = batchEnd;
        epoch = batchEpoch;
        if (!RecordBatch.isControl(batch, at)) {
            takeRecords(batch, shift);
        }
    }

    private void takeRecords(ByteBuffer batch, long shift) {
        List<Read> read = new ArrayList<>();
        PlainRecordFilter.forEach(
                batch,
                (offset, key, value, record) -> {
                    if (offset + shift >= asked && value != null) {
                        read.add(new Read(offset + shift, offset, value));
                    }
                });
        if (!read.isEmpty()) {
            found.onBatch(read);
        }
    }
}
