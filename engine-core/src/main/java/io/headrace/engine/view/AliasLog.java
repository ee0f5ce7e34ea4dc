package io.headrace.engine.view;

import io.headrace.engine.Alias;
import io.headrace.engine.Alias.Version;
import io.headrace.engine.EngineException;
import io.headrace.engine.OnDemandLog;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A partition of an alias, as its configs were when this was opened: the current version, and for
 * who is at an offset of another one, that. Thread-safe; holds nothing.
 */
final class AliasLog implements PartitionLog {
    private final ViewSources sources;
    private final Topic topic;
    private final Alias alias;
    private final int partition;
    private final VersionLog current;

    /** The version that somebody was at last; any will do. */
    private volatile VersionLog last;

    private AliasLog(
            ViewSources sources, Topic topic, Alias alias, int partition, VersionLog current) {
        this.sources = sources;
        this.topic = topic;
        this.alias = alias;
        this.partition = partition;
        this.current = current;
        this.last = current;
    }

    /**
     * The log of a partition, of the version that the topic's configs name.
     *
     * @return null if that cannot be opened now, or there is no such partition
     */
    static @Nullable AliasLog open(ViewSources sources, Topic topic, int partition) {
        Alias alias = Alias.of(topic.configs());
        VersionLog current = version(sources, alias, alias.current(), partition);
        return current == null ? null : new AliasLog(sources, topic, alias, partition, current);
    }

    private static @Nullable VersionLog version(
            ViewSources sources, Alias alias, int ordinal, int partition) {
        Version version = alias.versions().get(ordinal);
        Topic topic = version == null ? null : sources.topic(version.topicId());
        PartitionLog log = topic == null ? null : sources.log(topic, partition);
        if (log == null) {
            return null;
        }
        return log instanceof OnDemandLog onDemand
                ? new VersionLog.OnDemand(onDemand, ordinal)
                : new VersionLog(log, ordinal);
    }

    /** The version in which the offset is; this where there is none (any more). */
    @Override
    public PartitionLog at(long offset) {
        VersionLog found = find(offset);
        return found == null ? this : found;
    }

    private @Nullable VersionLog find(long offset) {
        VersionLog known = last;
        if (known.ordinal() == Alias.ordinal(offset)) {
            return known;
        }
        if (alias.at(offset) == null) {
            return null;
        }
        VersionLog found = version(sources, alias, (int) Alias.ordinal(offset), partition);
        if (found != null) {
            last = found;
        }
        return found;
    }

    /** Why there is no log for an offset. */
    private Unavailable missing(long offset) {
        Version version = alias.at(offset);
        return version == null || sources.topic(version.topicId()) == null
                ? Unavailable.OFFSET_OUT_OF_RANGE
                : Unavailable.CLOSED;
    }

    @Override
    public Topic topic() {
        return topic;
    }

    @Override
    public int partition() {
        return partition;
    }

    @Override
    public long logStartOffset() {
        return current.logStartOffset();
    }

    @Override
    public long highWatermark() {
        return current.highWatermark();
    }

    @Override
    public long logEndOffset() {
        return current.logEndOffset();
    }

    @Override
    public long recordsEndOffset() {
        return current.recordsEndOffset();
    }

    @Override
    public long append(ByteBuffer batch, long appendTimeMs) {
        return READ_ONLY;
    }

    @Override
    public ReadResult read(long fromOffset, int lengthMax) {
        VersionLog version = find(fromOffset);
        return version == null ? missing(fromOffset) : version.read(fromOffset, lengthMax);
    }

    @Override
    public void readCold(long fromOffset, int lengthMax, ReadCallback whenRead) {
        VersionLog version = find(fromOffset);
        if (version == null) {
            whenRead.onRead(missing(fromOffset));
        } else {
            version.readCold(fromOffset, lengthMax, whenRead);
        }
    }

    @Override
    public void onHighWatermark(long offset, Runnable wake) {
        current.onHighWatermark(offset, wake);
    }

    @Override
    public void cancel(Runnable wake) {
        current.cancel(wake);
    }

    @Override
    public CompletableFuture<@Nullable TimestampedOffset> offsetForTimestamp(long timestampMs) {
        return current.offsetForTimestamp(timestampMs);
    }

    @Override
    public CompletableFuture<@Nullable TimestampedOffset> maxTimestamp() {
        return current.maxTimestamp();
    }

    /** Behind all versions: who asks does not say in which one he is, and versions lose nothing. */
    @Override
    public @Nullable EpochEnd endOffsetForEpoch(int leaderEpoch) {
        return leaderEpoch < 0
                ? null
                : new EpochEnd(leaderEpoch, Alias.offset(alias.versions().size(), 0));
    }

    @Override
    public CompletableFuture<Long> deleteRecords(long beforeOffset) {
        return CompletableFuture.failedFuture(
                new EngineException("versions stay as they are: topic=" + topic.name()));
    }

    @Override
    public String toString() {
        return "topic=" + topic.name() + " partition=" + partition;
    }
}
