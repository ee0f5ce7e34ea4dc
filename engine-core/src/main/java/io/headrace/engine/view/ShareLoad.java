package io.headrace.engine.view;

import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.UnreadableBatchException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a share view's references say of it: read once, from the newest of each lane. Blocks for the
 * disk.
 *
 * @param sequence of the newest reference
 * @param state with it
 */
record ShareLoad(long sequence, ShareState state, List<LoadedLane> lanes) {

    private static final Logger LOGGER = LoggerFactory.getLogger(ShareLoad.class);

    /**
     * A lane that has references.
     *
     * @param startOffset of the first reference
     * @param lastOffset of the newest reference
     * @param takenBackAt offset of the newest {@link Reference.Kind#TAKEN_BACK}; −1 for none
     * @param voidEnd nobody has anything before in hand: it was taken back
     */
    record LoadedLane(
            int number,
            long startOffset,
            long endOffset,
            long lastOffset,
            long takenBackAt,
            long voidEnd,
            VoidOffsets voids) {}

    /**
     * What a lane was given.
     *
     * @param stretches of the topics below; what lies side by side there is one
     * @param endOffset of the lane, up to which they go
     */
    record Given(List<ShareState.Stretch> stretches, long endOffset) {}

    /** A reference and where it stands. */
    private record Placed(Reference reference, long offset, ByteBuffer batch) {
        long endOffset() {
            return offset + reference.offsetCount();
        }
    }

    /**
     * Reads the newest reference of each lane. One that is damaged is left out, if there is
     * another: what was handed out since is handed out again then.
     *
     * @throws EngineException if references cannot be read now, or none can
     */
    static ShareLoad read(ViewSources sources, Topic topic) {
        List<LoadedLane> lanes = new ArrayList<>();
        Placed newest = null;
        boolean isDamaged = false;
        for (int i = 0; i < topic.partitionCount(); i++) {
            PartitionLog log = sources.references(topic, i);
            if (log == null || log.recordsEndOffset() <= log.logStartOffset()) {
                continue;
            }
            Placed last = newestReadable(log);
            if (last == null) {
                isDamaged = true;
            } else if (newest == null || last.reference.sequence() > newest.reference.sequence()) {
                newest = last;
            }
            lanes.add(lane(log, i, last));
        }
        if (newest == null && isDamaged) {
            throw new EngineException(
                    "no reference can be read, of any lane: topic=" + topic.name());
        }
        return newest == null
                ? new ShareLoad(0, ShareState.NONE, lanes)
                : new ShareLoad(
                        newest.reference.sequence(), Reference.decodeState(newest.batch, 0), lanes);
    }

    /** The newest reference of a lane that is not damaged; null if there is none. */
    private static @Nullable Placed newestReadable(PartitionLog log) {
        long low = log.logStartOffset();
        long high = log.recordsEndOffset() - 1;
        Placed found = read(log, high);
        if (found == null) {
            LOGGER.error("records may be handed out twice: {}", place(log, high));
        }
        while (found == null && low < high) {
            long middle = (low + high) >>> 1;
            Placed before = read(log, middle);
            if (before == null) {
                high = middle;
            } else if (before.endOffset() >= high || read(log, before.endOffset()) == null) {
                found = before;
            } else {
                low = before.endOffset();
            }
        }
        return found;
    }

    /** The reference that holds an offset; null if it is damaged. */
    private static @Nullable Placed read(PartitionLog log, long offset) {
        try {
            return at(log, offset);
        } catch (DamagedReferenceException e) {
            return null;
        }
    }

    /**
     * @param last its newest reference that can be read; null if there is none
     */
    private static LoadedLane lane(PartitionLog log, int number, @Nullable Placed last) {
        boolean isTakenBack = last != null && last.reference.kind() == Reference.Kind.TAKEN_BACK;
        long newest = last == null ? -1 : last.reference.takenBackBefore();
        if (last != null && isTakenBack) {
            newest = last.offset;
        }
        VoidOffsets voids = VoidOffsets.NONE;
        long voidEnd = 0;
        for (long offset = newest; offset >= log.logStartOffset(); ) {
            Placed placed = takenBack(log, offset);
            if (placed == null) {
                break;
            }
            Reference found = placed.reference;
            if (found.kind() == Reference.Kind.TAKEN_BACK) {
                VoidOffsets.Range range =
                        new VoidOffsets.Range(found.baseOffset(), found.endOffset(), placed.offset);
                voids = voids.with(range, log.logStartOffset());
                voidEnd = Math.max(voidEnd, range.doneEnd());
            }
            offset = Math.min(found.takenBackBefore(), placed.offset - 1);
        }
        return new LoadedLane(
                number,
                log.logStartOffset(),
                log.recordsEndOffset(),
                last == null ? log.recordsEndOffset() - 1 : last.offset,
                newest,
                voidEnd,
                voids);
    }

    /**
     * What stands there; if that is damaged what stands before, which knows those before it; null
     * if both are.
     */
    private static @Nullable Placed takenBack(PartitionLog log, long offset) {
        Placed found = read(log, offset);
        if (found != null || offset <= log.logStartOffset()) {
            return found;
        }
        LOGGER.error("what was taken back may be seen twice: {}", place(log, offset));
        return read(log, offset - 1);
    }

    /**
     * What a lane was given between two of its offsets.
     *
     * @param stretchesMax it ends with so many
     * @throws EngineException if a reference cannot be read
     */
    static Given given(
            ViewSources sources,
            Topic topic,
            int lane,
            long fromOffset,
            long endOffset,
            int stretchesMax) {
        PartitionLog log = sources.references(topic, lane);
        List<ShareState.Stretch> given = new ArrayList<>();
        long offset = log == null ? endOffset : Math.max(fromOffset, log.logStartOffset());
        while (log != null && offset < endOffset) {
            Placed placed = at(log, offset);
            if (placed.reference.kind() == Reference.Kind.GIVEN
                    && !add(given, stretch(placed, offset), stretchesMax)) {
                return new Given(given, offset);
            }
            offset = placed.endOffset();
        }
        return new Given(given, endOffset);
    }

    private static ShareState.Stretch stretch(Placed placed, long fromOffset) {
        Reference reference = placed.reference;
        return new ShareState.Stretch(
                reference.topicId(),
                reference.partition(),
                Math.max(
                        reference.fromOffset(),
                        reference.baseOffset() + fromOffset - placed.offset),
                reference.endOffset());
    }

    private static boolean add(
            List<ShareState.Stretch> given, ShareState.Stretch more, int stretchesMax) {
        ShareState.Stretch last = given.isEmpty() ? null : given.get(given.size() - 1);
        if (last != null
                && last.topicId() == more.topicId()
                && last.partition() == more.partition()
                && last.endOffset() == more.fromOffset()) {
            given.set(
                    given.size() - 1,
                    new ShareState.Stretch(
                            last.topicId(), last.partition(), last.fromOffset(), more.endOffset()));
            return true;
        }
        return given.size() < stretchesMax && given.add(more);
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
                if (found == Unavailable.CORRUPT || found == Unavailable.CUT_OUT) {
                    throw new DamagedReferenceException(log, offset);
                }
                throw new EngineException(
                        "reference cannot be read: " + place(log, offset) + " reason=" + found);
            }
            ByteBuffer slice = lease.slice(0);
            int at = slice.position();
            ByteBuffer batch = ByteBuffer.allocate(RecordBatch.length(slice, at));
            batch.put(0, slice, at, batch.capacity());
            if (RecordBatch.baseOffset(batch, 0) > offset) {
                throw new DamagedReferenceException(log, offset); // a repair has cut it out
            }
            return new Placed(Reference.decode(batch, 0), RecordBatch.baseOffset(batch, 0), batch);
        } catch (UnreadableBatchException e) {
            throw new DamagedReferenceException(log, offset);
        }
    }

    private static String place(PartitionLog log, long offset) {
        return "topic=" + log.topic().name() + " lane=" + log.partition() + " offset=" + offset;
    }

    /** A reference is not what was written, and will not be. */
    private static final class DamagedReferenceException extends EngineException {
        private static final long serialVersionUID = 1L;

        DamagedReferenceException(PartitionLog log, long offset) {
            super("reference is damaged: " + place(log, offset));
        }
    }
}
