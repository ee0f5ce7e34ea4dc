package io.headrace.engine.view;

import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * What a share view's references say of it: read once, from the newest of each lane. Blocks for the
 * disk.
 *
 * @param sequence of the newest reference
 * @param state with it
 */
record ShareLoad(long sequence, ShareState state, List<LoadedLane> lanes) {

    /**
     * A lane that has references.
     *
     * @param lastOffset of the newest reference
     * @param takenBackAt offset of the newest {@link Reference.Kind#TAKEN_BACK}; −1 for none
     */
    record LoadedLane(
            int number, long endOffset, long lastOffset, long takenBackAt, VoidOffsets voids) {}

    /** A reference and where it stands. */
    private record Placed(Reference reference, long offset, ByteBuffer batch) {}

    /**
     * @throws EngineException if a reference that is there cannot be read
     */
    static ShareLoad read(ViewSources sources, Topic topic) {
        List<LoadedLane> lanes = new ArrayList<>();
        Placed newest = null;
        for (int i = 0; i < topic.partitionCount(); i++) {
            PartitionLog log = sources.references(topic, i);
            if (log == null || log.recordsEndOffset() <= log.logStartOffset()) {
                continue;
            }
            Placed last = at(log, log.recordsEndOffset() - 1);
            if (newest == null || last.reference.sequence() > newest.reference.sequence()) {
                newest = last;
            }
            lanes.add(lane(log, i, last));
        }
        return newest == null
                ? new ShareLoad(0, ShareState.NONE, lanes)
                : new ShareLoad(
                        newest.reference.sequence(), Reference.decodeState(newest.batch, 0), lanes);
    }

    private static LoadedLane lane(PartitionLog log, int number, Placed last) {
        boolean isTakenBack = last.reference.kind() == Reference.Kind.TAKEN_BACK;
        long newest = isTakenBack ? last.offset : last.reference.takenBackBefore();
        VoidOffsets voids = VoidOffsets.NONE;
        for (long offset = newest; offset >= log.logStartOffset(); ) {
            Reference takenBack = at(log, offset).reference;
            voids = voids.with(takenBack.baseOffset(), takenBack.endOffset());
            offset = takenBack.takenBackBefore();
        }
        return new LoadedLane(number, log.recordsEndOffset(), last.offset, newest, voids);
    }

    /**
     * What a lane was given between two of its offsets, as stretches of the topics below.
     *
     * @throws EngineException if a reference cannot be read
     */
    static List<ShareState.Stretch> given(
            ViewSources sources, Topic topic, int lane, long fromOffset, long endOffset) {
        PartitionLog log = sources.references(topic, lane);
        if (log == null) {
            return List.of();
        }
        List<ShareState.Stretch> given = new ArrayList<>();
        for (long offset = Math.max(fromOffset, log.logStartOffset()); offset < endOffset; ) {
            Placed placed = at(log, offset);
            Reference reference = placed.reference;
            long skipped = Math.max(0, offset - placed.offset);
            if (reference.kind() == Reference.Kind.GIVEN) {
                given.add(
                        new ShareState.Stretch(
                                reference.topicId(),
                                reference.partition(),
                                reference.baseOffset() + skipped,
                                reference.endOffset()));
            }
            offset = placed.offset + reference.offsetCount();
        }
        return given;
    }

    private static Placed at(PartitionLog log, long offset) {
        ReadResult read = log.read(offset, 1);
        if (read == Unavailable.COLD) {
            CompletableFuture<ReadResult> loaded = new CompletableFuture<>();
            log.readCold(offset, 1, loaded::complete);
            read = loaded.join();
        }
        try (ReadResult found = read) {
            if (!(found instanceof RecordsLease lease)) {
                throw new EngineException(
                        "reference cannot be read: topic="
                                + log.topic().name()
                                + " lane="
                                + log.partition()
                                + " offset="
                                + offset
                                + " reason="
                                + found);
            }
            ByteBuffer slice = lease.slice(0);
            int at = slice.position();
            ByteBuffer batch = ByteBuffer.allocate(RecordBatch.length(slice, at));
            batch.put(0, slice, at, batch.capacity());
            return new Placed(Reference.decode(batch, 0), RecordBatch.baseOffset(batch, 0), batch);
        }
    }
}
