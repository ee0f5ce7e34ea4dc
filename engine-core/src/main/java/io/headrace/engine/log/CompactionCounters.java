package io.headrace.engine.log;

import java.util.function.ObjLongConsumer;

/** What compaction has done since the start. Written by the sealer's thread, read by anyone. */
final class CompactionCounters {
    private volatile long readBytes;
    private volatile long writtenBytes;
    private volatile long switchedBytes;
    private volatile long removedRecords;
    private volatile long partitions;
    private volatile long failedPasses;
    private volatile long damagedPartitions;

    void onRead(long bytes) {
        readBytes = readBytes + bytes;
    }

    void onWritten(long bytes) {
        writtenBytes = writtenBytes + bytes;
    }

    void onSwitched(long bytes) {
        switchedBytes = switchedBytes + bytes;
    }

    void onRemoved(long records) {
        removedRecords = removedRecords + records;
    }

    void onCompacted() {
        partitions = partitions + 1;
    }

    void onFailed() {
        failedPasses = failedPasses + 1;
    }

    void onDamaged() {
        damagedPartitions = damagedPartitions + 1;
    }

    void forEach(ObjLongConsumer<String> consumer) {
        consumer.accept("headrace_compaction_read_bytes_total", readBytes);
        consumer.accept("headrace_compaction_written_bytes_total", writtenBytes);
        consumer.accept("headrace_compaction_index_bytes_total", switchedBytes);
        consumer.accept("headrace_compaction_removed_records_total", removedRecords);
        consumer.accept("headrace_compaction_partitions_total", partitions);
        consumer.accept("headrace_compaction_failures_total", failedPasses);
        consumer.accept("headrace_compaction_damaged_partitions_total", damagedPartitions);
    }
}
