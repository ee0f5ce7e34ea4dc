package io.headrace.engine.view;

import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.BatchRecords;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordFilter;
import io.headrace.engine.view.OverlaySpec.Span;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.BooleanSupplier;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Reads a patch once, from its first partition to its last, into an {@link OverlayIndex}, and makes
 * a checksum of what it has read: CRC-32C over each record that has a key, as partition (4 bytes,
 * big endian), offset (8), timestamp (8), lengths of key, value and headers (4 each), then key,
 * value and headers.
 *
 * <p>Runs on {@link ViewSources#assembler}, a piece at a time; nothing waits.
 */
final class OverlayBuild {
    /** Bytes that are read at a time, unless a batch is longer. */
    private static final int READ_LENGTH = 1 << 20;

    /** Pause before it is tried again where all queues are full. */
    private static final long CROWDED_MS = 100;

    /** Pieces that are taken in a row from memory; then it is the others' turn. */
    private static final int PIECES_MAX = 16;

    private final ViewSources sources;
    private final Topic patch;
    private final List<Span> spans;
    private final BooleanSupplier isGivenUp;
    private final WhenDone whenDone;
    private final OverlayIndex index;
    private final BatchRecords records = new BatchRecords();
    private final CRC32C crc = new CRC32C();
    private final ByteBuffer lead = ByteBuffer.allocate(32);
    private int partition;
    private long offset = -1;

    /** The patch has not the records that it had, and will not have them again. */
    static final class PatchGoneException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        PatchGoneException(String reason) {
            super(reason, null, false, false);
        }
    }

    /** Is told of the end, on a thread of the engine's. */
    interface WhenDone {
        /**
         * @param index with one reference, which is handed over; null if it failed
         */
        void onDone(@Nullable OverlayIndex index, int crc, @Nullable Throwable failure);
    }

    /**
     * @param spans of the patch, by partition
     * @param isGivenUp whether nobody wants it any more
     */
    OverlayBuild(
            ViewSources sources,
            OverlayMemory memory,
            Topic patch,
            List<Span> spans,
            BooleanSupplier isGivenUp,
            WhenDone whenDone) {
        this.sources = sources;
        this.patch = patch;
        this.spans = spans;
        this.isGivenUp = isGivenUp;
        this.whenDone = whenDone;
        this.index = new OverlayIndex(memory);
    }

    /** Begins; on the assembler. */
    void run() {
        try {
            for (int pieces = 0; partition < spans.size(); pieces++) {
                if (pieces == PIECES_MAX) {
                    execute(this::run);
                    return;
                }
                if (!readOn()) {
                    return; // goes on when that is loaded
                }
            }
        } catch (RuntimeException | Error failed) {
            fail(failed);
            return;
        }
        try {
            whenDone.onDone(index, (int) crc.getValue(), null);
        } catch (RuntimeException | Error failed) {
            fail(failed);
        }
    }

    private void execute(Runnable task) {
        try {
            sources.assembler().execute(task);
        } catch (RejectedExecutionException crowded) {
            if (isGivenUp.getAsBoolean()) {
                fail(crowded);
            } else {
                sources.later(() -> execute(task), CROWDED_MS);
            }
        }
    }

    private void fail(Throwable failure) {
        index.release();
        whenDone.onDone(null, 0, failure);
    }

    /** One piece; false if that has to be loaded first. */
    private boolean readOn() {
        Span span = spans.get(partition);
        PartitionLog log = sources.log(patch, partition);
        if (log == null) {
            throw unreadable(Unavailable.CLOSED);
        }
        if (offset < 0) {
            offset = span.fromOffset();
            if (log.logStartOffset() > offset) {
                throw unreadable(Unavailable.OFFSET_OUT_OF_RANGE);
            }
        }
        if (offset >= span.toOffset()) {
            partition++;
            offset = -1;
            return true;
        }
        ReadResult read = log.read(offset, READ_LENGTH);
        if (read == Unavailable.COLD) {
            log.readCold(offset, READ_LENGTH, this::takeLater);
            return false;
        }
        take(read);
        return true;
    }

    private void takeLater(ReadResult loaded) {
        try {
            sources.assembler().execute(() -> onLoaded(loaded));
        } catch (RejectedExecutionException crowded) {
            if (isGivenUp.getAsBoolean()) {
                loaded.close();
                fail(crowded);
            } else {
                sources.later(() -> takeLater(loaded), CROWDED_MS);
            }
        }
    }

    private void onLoaded(ReadResult loaded) {
        try {
            take(loaded);
        } catch (RuntimeException | Error failed) {
            fail(failed);
            return;
        }
        run();
    }

    private RuntimeException unreadable(Unavailable why) {
        String where =
                " topic="
                        + patch.name()
                        + " partition="
                        + partition
                        + " offset="
                        + offset
                        + " cause="
                        + why;
        return switch (why) {
            case OFFSET_OUT_OF_RANGE, CAUGHT_UP, CORRUPT, CUT_OUT ->
                    new PatchGoneException("records of a patch are gone:" + where);
            default -> new EngineException("patch cannot be read:" + where);
        };
    }

    private void take(ReadResult read) {
        if (!(read instanceof RecordsLease lease)) {
            throw unreadable((Unavailable) read);
        }
        try (lease) {
            for (int i = 0; i < lease.sliceCount(); i++) {
                ByteBuffer slice = lease.slice(i);
                for (int at = slice.position(); at < slice.limit(); ) {
                    int length = RecordBatch.length(slice, at);
                    if (!RecordBatch.isControl(slice, at)) {
                        take(slice.duplicate().limit(at + length).position(at));
                    }
                    at += length;
                }
            }
            offset = lease.nextOffset();
        }
    }

    private void take(ByteBuffer stored) {
        ByteBuffer batch = filter().uncompressed(stored);
        Span span = spans.get(partition);
        records.of(batch);
        while (records.next()) {
            long at = records.offset();
            if (records.hasKey() && at >= span.fromOffset() && at < span.toOffset()) {
                index.put(partition, records, batch);
                check(at);
            }
        }
    }

    private void check(long at) {
        lead.clear();
        lead.putInt(partition).putLong(at).putLong(records.timestampMs());
        lead.putInt(records.keyLength()).putInt(records.valueLength());
        lead.putInt(records.headersLength());
        crc.update(lead.flip());
        update(records.key());
        update(records.value());
        update(records.headers());
    }

    private void update(@Nullable ByteBuffer bytes) {
        if (bytes != null) {
            crc.update(bytes);
        }
    }

    private RecordFilter filter() {
        RecordFilter filter = sources.recordFilter();
        if (filter == null) {
            throw new EngineException("the engine's context has no recordFilter");
        }
        return filter;
    }
}
