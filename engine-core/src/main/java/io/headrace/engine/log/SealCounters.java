package io.headrace.engine.log;

import java.util.function.ObjLongConsumer;

/** What sealing has done since the start. Written by the sealer's thread, read by anyone. */
final class SealCounters {
    private volatile long readBytes;
    private volatile long writtenBytes;
    private volatile long switchedBytes;
    private volatile long sealedFiles;
    private volatile long failedPasses;
    private volatile long damagedFiles;

    void onRead(long bytes) {
        readBytes = readBytes + bytes;
    }

    void onWritten(long bytes) {
        writtenBytes = writtenBytes + bytes;
    }

    void onSwitched(long bytes) {
        switchedBytes = switchedBytes + bytes;
    }

    void onSealed(long files) {
        sealedFiles = sealedFiles + files;
    }

    void onFailed() {
        failedPasses = failedPasses + 1;
    }

    void onDamaged() {
        damagedFiles = damagedFiles + 1;
    }

    void forEach(ObjLongConsumer<String> consumer) {
        consumer.accept("headrace_sealing_read_bytes_total", readBytes);
        consumer.accept("headrace_sealing_written_bytes_total", writtenBytes);
        consumer.accept("headrace_sealing_index_bytes_total", switchedBytes);
        consumer.accept("headrace_sealing_files_total", sealedFiles);
        consumer.accept("headrace_sealing_failures_total", failedPasses);
        consumer.accept("headrace_sealing_damaged_files_total", damagedFiles);
    }
}
