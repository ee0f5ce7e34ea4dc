package io.headrace.kafka.group;

import io.headrace.engine.PartitionLog;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings a partition of the offsets topic back to the size of its live state.
 *
 * <p>It reads the log, appends the latest value of each key as a snapshot at the log's end, waits
 * until that is durable, and only then deletes what lies below. So at every moment the log replays
 * to the same state: with the snapshot missing, in part there, or there with the old records still
 * before it, since a value that comes twice changes nothing.
 *
 * <p>The coordinator goes on appending while the log is read; what it appends is kept and applied
 * before the snapshot is written. It waits only while the snapshot itself is copied into the log
 * (about 1 ms per MiB), so that no record of its own comes between, and a snapshot's order is the
 * order in which the values were written.
 *
 * <p>Runs on the executor it is given, one partition at a time.
 */
final class OffsetsCompactor {
    private static final Logger LOGGER = LoggerFactory.getLogger(OffsetsCompactor.class);
    private static final int READ_LENGTH_MAX = 1 << 20;

    /** Batches of a snapshot stay well below any {@code max.message.bytes} that makes sense. */
    private static final int BATCH_LENGTH_MAX = 256 << 10;

    /** A log is rewritten when it is more than so many times as long as its live records. */
    private static final int GARBAGE_FACTOR = 2;

    private final Executor executor;
    private final long bytesMin;
    private final Schedule[] schedules;

    /** When a partition is looked at again. */
    private static final class Schedule {
        final AtomicBoolean queued = new AtomicBoolean();
        volatile long appendedBytesAtNextLook;
    }

    /**
     * @param bytesMin appended bytes after which a partition is looked at
     */
    OffsetsCompactor(Executor executor, int partitionCount, long bytesMin) {
        this.executor = executor;
        this.bytesMin = bytesMin;
        this.schedules = new Schedule[partitionCount];
        for (int i = 0; i < partitionCount; i++) {
            schedules[i] = new Schedule();
            schedules[i].appendedBytesAtNextLook = bytesMin;
        }
    }

    /** Has the partition compacted soon if it has grown enough. Does not block. */
    void onAppended(OffsetsPartition partition) {
        Schedule schedule = schedules[partition.id().partition()];
        if (partition.appendedBytes() > schedule.appendedBytesAtNextLook
                && schedule.queued.compareAndSet(false, true)) {
            execute(partition, schedule);
        }
    }

    private void execute(OffsetsPartition partition, Schedule schedule) {
        try {
            executor.execute(() -> look(partition, schedule));
        } catch (RejectedExecutionException e) {
            LOGGER.debug("not compacted, closing: partition={}", partition.id());
        }
    }

    private void look(OffsetsPartition partition, Schedule schedule) {
        long appendedBytes = partition.appendedBytes();
        try {
            long liveBytes = compact(partition);
            boolean compacted = partition.appendedBytes() < appendedBytes;
            schedule.appendedBytesAtNextLook =
                    Math.max(
                            compacted ? bytesMin : appendedBytes + bytesMin,
                            (compacted ? GARBAGE_FACTOR - 1 : GARBAGE_FACTOR) * liveBytes);
        } catch (RuntimeException e) {
            schedule.appendedBytesAtNextLook = appendedBytes + bytesMin;
            LOGGER.warn("not compacted: partition={}", partition.id(), e);
        } finally {
            schedule.queued.set(false);
        }
    }

    /**
     * Compacts a partition if more than half of it is of no use any more. Blocks until that is
     * durable.
     *
     * @return bytes of the live records
     */
    long compact(OffsetsPartition partition) {
        long startNanos = System.nanoTime();
        PartitionLog log = partition.log();
        long begin = log.logStartOffset();
        long end = partition.beginRecording();
        try {
            LiveRecords live = liveRecords(partition, begin, end);
            if (live.hasOpenTransaction()
                    || GARBAGE_FACTOR * live.byteCount() > partition.appendedBytes()) {
                return live.byteCount();
            }
            long snapshotOffset = partition.appendSnapshot(recorded -> snapshot(live, recorded));
            if (snapshotOffset >= 0) {
                cutOff(partition, snapshotOffset, live, startNanos);
            }
            return live.byteCount();
        } finally {
            partition.cancelRecording();
        }
    }

    private static LiveRecords liveRecords(OffsetsPartition partition, long begin, long end) {
        LiveRecords live = new LiveRecords();
        new OffsetsLogReader(partition, READ_LENGTH_MAX, () -> false).read(begin, end, live::apply);
        return live;
    }

    private static List<MemoryRecords> snapshot(LiveRecords live, List<MemoryRecords> recorded) {
        for (MemoryRecords records : recorded) {
            for (MutableRecordBatch batch : records.batches()) {
                live.apply(batch);
            }
        }
        return live.hasOpenTransaction() ? List.of() : live.toBatches(BATCH_LENGTH_MAX);
    }

    private static void cutOff(
            OffsetsPartition partition, long snapshotOffset, LiveRecords live, long startNanos) {
        PartitionLog log = partition.log();
        // The watermark may pass the snapshot's end with the coordinator's records behind it; what
        // counts is that the snapshot is durable before anything is deleted.
        partition.durable(log.recordsEndOffset()).join();
        long garbageBytes = partition.appendedBytes();
        log.deleteRecords(snapshotOffset).join();
        partition.resetAppendedBytes(0);
        LOGGER.info(
                "compacted: partition={} logStartOffset={} keys={} liveBytes={} garbageBytes={}"
                        + " durationMs={}",
                partition.id(),
                snapshotOffset,
                live.keyCount(),
                live.byteCount(),
                garbageBytes,
                (System.nanoTime() - startNanos) / 1_000_000);
    }
}
