package io.headrace.kafka.log;

import io.headrace.engine.OnDemandLog;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.Views;
import io.headrace.kafka.LeasedRecords;
import io.headrace.kafka.topic.TopicHandle;
import org.apache.kafka.common.message.FetchRequestData.FetchPartition;
import org.apache.kafka.common.message.FetchResponseData.PartitionData;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.jspecify.annotations.Nullable;

/** One partition of a fetch request: what was asked, and what was read. */
final class FetchedPartition {
    private final @Nullable TopicHandle topic;
    private final FetchPartition asked;
    private final PartitionData result;
    private final short fetchVersion;
    private final Errors refusal;
    private @Nullable PartitionLog log;
    private @Nullable RecordsLease lease;
    private boolean awaiting;
    private boolean isCaughtUp;

    FetchedPartition(
            @Nullable TopicHandle topic,
            FetchPartition asked,
            boolean byId,
            int leaderEpoch,
            short fetchVersion) {
        this.topic = topic;
        this.asked = asked;
        this.fetchVersion = fetchVersion;
        this.result = new PartitionData().setPartitionIndex(asked.partition());
        this.log = at(topic == null ? null : topic.log(asked.partition()));
        this.refusal = refusalOf(byId, leaderEpoch);
    }

    /** What an alias shows depends on where the reader is. */
    private @Nullable PartitionLog at(@Nullable PartitionLog found) {
        return found == null ? null : found.at(asked.fetchOffset());
    }

    private Errors refusalOf(boolean byId, int leaderEpoch) {
        if (topic == null) {
            return byId ? Errors.UNKNOWN_TOPIC_ID : Errors.UNKNOWN_TOPIC_OR_PARTITION;
        }
        if (log == null) {
            return Errors.UNKNOWN_TOPIC_OR_PARTITION;
        }
        return LeaderEpochs.check(asked.currentLeaderEpoch(), leaderEpoch);
    }

    PartitionData result() {
        return result;
    }

    boolean hasError() {
        return result.errorCode() != Errors.NONE.code();
    }

    /** Reads what is in memory; the lease, if there is one, stays with this object. */
    ReadResult read(int lengthMax) {
        closeLease();
        if (refusal != Errors.NONE || log == null) {
            return fail(refusal);
        }
        ReadResult read = log.read(asked.fetchOffset(), bounded(lengthMax));
        if (read == Unavailable.CLOSED) {
            log = at(topic == null ? null : topic.reopenedLog(asked.partition()));
            read =
                    log == null
                            ? Unavailable.CLOSED
                            : log.read(asked.fetchOffset(), bounded(lengthMax));
        }
        take(read);
        return read;
    }

    int bounded(int lengthMax) {
        return Math.max(0, Math.min(lengthMax, asked.partitionMaxBytes()));
    }

    void readCold(int lengthMax, PartitionLog.ReadCallback whenRead) {
        PartitionLog current = log;
        if (current != null) {
            current.readCold(asked.fetchOffset(), lengthMax, whenRead);
        }
    }

    /** Takes over the outcome of a read. */
    void take(ReadResult read) {
        isCaughtUp = read == Unavailable.CAUGHT_UP;
        if (read instanceof RecordsLease records) {
            RecordsLease shown = isOfView() ? MarkerAsRecord.shown(records, fetchVersion) : records;
            lease = shown;
            describe(Errors.NONE);
            result.setRecords(new LeasedRecords(shown));
        } else {
            fail(ReadErrors.of((Unavailable) read));
        }
    }

    private ReadResult fail(Errors error) {
        describe(error);
        result.setRecords(MemoryRecords.EMPTY);
        return Unavailable.CAUGHT_UP;
    }

    /** Whether the records exist already, so that an end is that of an epoch. */
    boolean isOfSource() {
        PartitionLog current = log;
        return current != null
                && (current.topic().storageMode() == StorageMode.SOURCE
                        || Views.isReplay(current.topic()));
    }

    /** Whether the records are other topics'. */
    boolean isOfView() {
        PartitionLog current = log;
        return current != null && current.topic().storageMode() == StorageMode.VIEW;
    }

    /** The topic, if this is a lane of a share view. */
    @Nullable Topic laneTopic() {
        PartitionLog current = log;
        return current != null && refusal == Errors.NONE && Views.isShare(current.topic())
                ? current.topic()
                : null;
    }

    /**
     * Whether what was read of a view ends before offsets without records, or what has to be read
     * by itself: there is no more to wait for until the client has moved on.
     */
    boolean isBeforeHole() {
        RecordsLease read = lease;
        PartitionLog current = log;
        return read != null
                && current != null
                && isOfView()
                && read.nextOffset() < current.highWatermark();
    }

    /** Whether there is nothing behind what was read. */
    boolean isAtEnd() {
        PartitionLog current = log;
        RecordsLease read = lease;
        return current != null
                && (read == null ? isCaughtUp : read.nextOffset() >= current.highWatermark());
    }

    int number() {
        return asked.partition();
    }

    /** Whether a read gave nothing because records that exist are to be found or loaded first. */
    boolean isBehind(ReadResult read) {
        return log instanceof OnDemandLog
                && (read == Unavailable.COLD || read == Unavailable.CAUGHT_UP && hasMoreToFind());
    }

    /** Whether there may be records whose offsets are not known yet. */
    boolean hasMoreToFind() {
        return log instanceof OnDemandLog onDemand && onDemand.hasMoreToFind();
    }

    /** The fetch was held up because this partition {@link #isBehind}. */
    void onWaited(String clientId, long nanos) {
        if (log instanceof OnDemandLog onDemand) {
            onDemand.onReaderWaited(clientId, nanos);
        }
    }

    /** Answers without records: the response is full. */
    void skip() {
        closeLease();
        fail(refusal);
    }

    private void describe(Errors error) {
        PartitionLog known = error == Errors.NONE ? log : null;
        long highWatermark = known == null ? -1 : known.highWatermark();
        result.setErrorCode(error.code())
                .setHighWatermark(highWatermark)
                .setLastStableOffset(highWatermark)
                .setLogStartOffset(known == null ? -1 : known.logStartOffset());
    }

    /** Has something called when there is more than was read; gives back what was read. */
    void await(Runnable wake) {
        PartitionLog current = log;
        if (current == null) {
            return;
        }
        RecordsLease read = lease;
        long nextOffset = read == null ? asked.fetchOffset() : read.nextOffset();
        closeLease();
        awaiting = true;
        current.onHighWatermark(nextOffset + 1, wake);
    }

    void cancel(Runnable wake) {
        PartitionLog current = log;
        if (awaiting && current != null) {
            awaiting = false;
            current.cancel(wake);
        }
    }

    void closeLease() {
        RecordsLease open = lease;
        lease = null;
        if (open != null) {
            open.close();
        }
    }
}
