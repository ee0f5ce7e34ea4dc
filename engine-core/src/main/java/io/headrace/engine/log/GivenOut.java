package io.headrace.engine.log;

import io.headrace.engine.backup.RestoreMark;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.journal.JournalScan;
import io.headrace.engine.spi.EntryType;
import java.nio.ByteBuffer;

/**
 * Finds out above what a repaired folder has to go on at the least: the epochs, offsets, ids and
 * times of all entries that are left. Used by one thread, for the journals of one folder.
 */
public final class GivenOut implements JournalScan.Handler {
    private int lowestNumber = 1;

    @Override
    public void onEntry(
            long position,
            EntryType type,
            long topicId,
            int partition,
            long baseOffset,
            int leaderEpoch,
            long appendTimeMs,
            ByteBuffer payload) {
        raise(leaderEpoch + 1);
        switch (type) {
            case BATCH -> {
                raise(RestoreMark.numberAt(appendTimeMs));
                raiseAbove(baseOffset + RecordBatch.offsetCount(payload, payload.position()));
            }
            case OFFSET_RESERVE -> raiseAbove(baseOffset);
            case COMMAND -> onCommand(payload);
            default -> {}
        }
    }

    private void onCommand(ByteBuffer payload) {
        Command command;
        try {
            command = Command.decode(payload);
        } catch (RuntimeException e) {
            return; // of a later version, which the next start refuses
        }
        if (command instanceof Command.Start start) {
            raise(start.leaderEpoch() + 1);
        } else if (command instanceof Command.Restored restored) {
            raiseAbove(restored.floor());
        } else if (command instanceof Command.PutTopic put) {
            raiseAbove(put.topic().id() + 1);
        } else if (command instanceof Command.ProducerIds ids) {
            raiseAbove(ids.nextProducerId());
        }
    }

    private void raiseAbove(long end) {
        raise(RestoreMark.numberAbove(end));
    }

    private void raise(int number) {
        lowestNumber = Math.max(lowestNumber, number);
    }

    /** The lowest number that a mark may be made of. */
    public int lowestNumber() {
        return lowestNumber;
    }
}
