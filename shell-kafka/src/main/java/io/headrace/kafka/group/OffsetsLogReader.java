package io.headrace.kafka.group;

import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Unavailable;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;

/**
 * Reads a stretch of a partition of the offsets topic, from wherever its bytes lie.
 *
 * <p>Blocks until the bytes are there: for the thread that loads and compacts, no other.
 */
final class OffsetsLogReader {
    private static final int REACTIVATION_COUNT_MAX = 8;

    /** Receives batches in the order of their offsets, borrowed until it returns. */
    @FunctionalInterface
    interface BatchVisitor {
        void onBatch(MutableRecordBatch batch);
    }

    /** Says what to do when the store fails, which may pass. */
    @FunctionalInterface
    interface StoreErrors {
        /** Whether to ask again; pauses before. */
        boolean isAskedAgain();
    }

    private final OffsetsPartition partition;
    private final int readLengthMax;
    private final StoreErrors storeErrors;

    /**
     * @param readLengthMax bytes asked for at once
     */
    OffsetsLogReader(OffsetsPartition partition, int readLengthMax, StoreErrors storeErrors) {
        this.partition = partition;
        this.readLengthMax = readLengthMax;
        this.storeErrors = storeErrors;
    }

    /**
     * Visits every batch that begins in {@code [fromOffset, toOffset)}, waiting until that is
     * durable; none that a repair cut out, about which whoever did it has been told.
     *
     * @throws EngineException if the bytes cannot be read
     */
    void read(long fromOffset, long toOffset, BatchVisitor visitor) {
        partition.durable(toOffset).join();
        long offset = fromOffset;
        int reactivationCount = 0;
        while (offset < toOffset) {
            try (ReadResult result = next(partition.log(), offset)) {
                if (result instanceof RecordsLease lease) {
                    visit(lease, visitor);
                    offset = lease.nextOffset();
                } else if (result == Unavailable.CUT_OUT) {
                    return; // nothing follows
                } else if (result == Unavailable.CLOSED
                        && reactivationCount++ < REACTIVATION_COUNT_MAX) {
                    partition.reactivatedLog();
                } else if (result != Unavailable.STORE_ERROR || !storeErrors.isAskedAgain()) {
                    throw new EngineException(
                            "offsets topic cannot be read: partition="
                                    + partition.id()
                                    + " offset="
                                    + offset
                                    + " reason="
                                    + result);
                }
            }
        }
    }

    private ReadResult next(PartitionLog log, long offset) {
        ReadResult result = log.read(offset, readLengthMax);
        if (result != Unavailable.COLD) {
            return result;
        }
        CompletableFuture<ReadResult> cold = new CompletableFuture<>();
        log.readCold(offset, readLengthMax, cold::complete);
        return cold.join();
    }

    private static void visit(RecordsLease lease, BatchVisitor visitor) {
        for (int i = 0; i < lease.sliceCount(); i++) {
            ByteBuffer slice = lease.slice(i).slice();
            for (MutableRecordBatch batch : MemoryRecords.readableRecords(slice).batches()) {
                visitor.onBatch(batch);
            }
        }
    }
}
