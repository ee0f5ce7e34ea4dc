package io.headrace.engine.view;

import io.headrace.engine.Alias;
import io.headrace.engine.EngineException;
import io.headrace.engine.OnDemandLog;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** A partition of one version, with the offsets of an alias that shows it. Thread-safe. */
class VersionLog implements PartitionLog {
    private final PartitionLog log;
    private final int ordinal;
    private final long shift;

    /**
     * @param log of the version
     * @param ordinal which the alias has given the version
     */
    VersionLog(PartitionLog log, int ordinal) {
        this.log = log;
        this.ordinal = ordinal;
        this.shift = Alias.offset(ordinal, 0);
    }

    /** A partition of a version that is a source. */
    static final class OnDemand extends VersionLog implements OnDemandLog {
        private final OnDemandLog log;

        OnDemand(OnDemandLog log, int ordinal) {
            super(log, ordinal);
            this.log = log;
        }

        @Override
        public boolean hasMoreToFind() {
            return log.hasMoreToFind();
        }

        @Override
        public void onReaderWaited(String reader, long nanos) {
            log.onReaderWaited(reader, nanos);
        }
    }

    int ordinal() {
        return ordinal;
    }

    /** An offset of the version as one of the alias; those that have no room are left out. */
    private long shown(long offset) {
        return Math.min(offset, Alias.OFFSET_END - 1) + shift;
    }

    /** The version's. */
    @Override
    public Topic topic() {
        return log.topic();
    }

    @Override
    public int partition() {
        return log.partition();
    }

    @Override
    public long logStartOffset() {
        return shown(log.logStartOffset());
    }

    @Override
    public long highWatermark() {
        return shown(log.highWatermark());
    }

    @Override
    public long logEndOffset() {
        return shown(log.logEndOffset());
    }

    @Override
    public long recordsEndOffset() {
        return shown(log.recordsEndOffset());
    }

    @Override
    public long append(ByteBuffer batch, long appendTimeMs) {
        return READ_ONLY;
    }

    @Override
    public ReadResult read(long fromOffset, int lengthMax) {
        return shown(log.read(fromOffset - shift, lengthMax));
    }

    @Override
    public void readCold(long fromOffset, int lengthMax, ReadCallback whenRead) {
        log.readCold(fromOffset - shift, lengthMax, read -> whenRead.onRead(shown(read)));
    }

    private ReadResult shown(ReadResult read) {
        return shift != 0 && read instanceof RecordsLease lease
                ? new ShiftedRecords(lease, shift)
                : read;
    }

    @Override
    public void onHighWatermark(long offset, Runnable wake) {
        log.onHighWatermark(offset - shift, wake);
    }

    @Override
    public void cancel(Runnable wake) {
        log.cancel(wake);
    }

    @Override
    public CompletableFuture<@Nullable TimestampedOffset> offsetForTimestamp(long timestampMs) {
        return log.offsetForTimestamp(timestampMs).thenApply(this::shown);
    }

    @Override
    public CompletableFuture<@Nullable TimestampedOffset> maxTimestamp() {
        return log.maxTimestamp().thenApply(this::shown);
    }

    private @Nullable TimestampedOffset shown(@Nullable TimestampedOffset found) {
        return found == null
                ? null
                : new TimestampedOffset(
                        found.offset() + shift, found.timestampMs(), found.leaderEpoch());
    }

    @Override
    public @Nullable EpochEnd endOffsetForEpoch(int leaderEpoch) {
        return leaderEpoch < 0 ? null : new EpochEnd(leaderEpoch, Alias.offset(ordinal + 1, 0));
    }

    @Override
    public CompletableFuture<Long> deleteRecords(long beforeOffset) {
        return CompletableFuture.failedFuture(
                new EngineException("versions stay as they are: topic=" + topic().name()));
    }

    @Override
    public String toString() {
        return "version=" + topic().name() + " partition=" + partition();
    }
}
