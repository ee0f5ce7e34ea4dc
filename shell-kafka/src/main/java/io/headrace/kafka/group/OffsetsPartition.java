package io.headrace.kafka.group;

import io.headrace.engine.Engine;
import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.NotCoordinatorException;
import org.apache.kafka.common.errors.NotEnoughReplicasException;
import org.apache.kafka.common.errors.NotLeaderOrFollowerException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.coordinator.common.runtime.PartitionWriter;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One partition of the offsets topic, as the coordinator writes it.
 *
 * <p>Thread-safe. {@code appendLock} keeps the batches of one append together; {@code ackLock} is
 * held for queue operations only, since the engine's threads take it.
 */
final class OffsetsPartition {
    private static final Logger LOGGER = LoggerFactory.getLogger(OffsetsPartition.class);
    private static final int REACTIVATION_COUNT_MAX = 8;

    private final Engine engine;
    private final Topic topic;
    private final TopicPartition id;
    private final ReentrantLock appendLock = new ReentrantLock();
    private volatile @Nullable PartitionLog log;
    private volatile boolean loaded;

    // Guarded by ackLock.
    private final ReentrantLock ackLock = new ReentrantLock();

    /** Log end offsets of appends that the coordinator waits for until they are durable. */
    private final ArrayDeque<Long> pendingAcks = new ArrayDeque<>();

    private PartitionWriter.@Nullable Listener listener;

    OffsetsPartition(Engine engine, Topic topic, int partition) {
        this.engine = engine;
        this.topic = topic;
        this.id = new TopicPartition(topic.name(), partition);
    }

    /** Name of the topic, and number of the partition. */
    TopicPartition id() {
        return id;
    }

    /** Whether the coordinator has been given what is in the partition, or its load has failed. */
    boolean isLoaded() {
        return loaded;
    }

    /**
     * The coordinator's load has ended. But for a load that was over before the coordinator looked,
     * what it is asked from now on comes after it took over.
     */
    void markLoaded() {
        loaded = true;
    }

    /**
     * The log, activated if it is not.
     *
     * @throws NotLeaderOrFollowerException if the topic is gone
     */
    PartitionLog log() {
        PartitionLog current = log;
        return current != null ? current : reactivatedLog();
    }

    /** The log once more, after the one we had answered that it is closed. */
    PartitionLog reactivatedLog() {
        PartitionLog found = engine.partitionLog(topic, id.partition());
        if (found == null) {
            throw new NotLeaderOrFollowerException("offsets partition is gone: partition=" + id);
        }
        log = found;
        return found;
    }

    /**
     * Begins anew: the coordinator is about to read the log from its start, and counts from there.
     */
    void startOver() {
        ackLock.lock();
        try {
            pendingAcks.clear();
        } finally {
            ackLock.unlock();
        }
    }

    void register(PartitionWriter.Listener newListener) {
        ackLock.lock();
        try {
            listener = newListener;
        } finally {
            ackLock.unlock();
        }
    }

    void deregister(PartitionWriter.Listener oldListener) {
        ackLock.lock();
        try {
            if (Objects.equals(listener, oldListener)) {
                listener = null;
                pendingAcks.clear();
            }
        } finally {
            ackLock.unlock();
        }
    }

    /**
     * Appends what the coordinator decided; the listener is told when it is durable.
     *
     * @return the log end offset
     */
    long append(MemoryRecords records) {
        appendLock.lock();
        try {
            long logEnd = appendToLog(records);
            acknowledgeWhenDurable(logEnd);
            return logEnd;
        } finally {
            appendLock.unlock();
        }
    }

    /**
     * Appends each batch, and returns the log's end offset. The caller holds {@code appendLock}.
     */
    private long appendToLog(MemoryRecords records) {
        long end = log().logEndOffset();
        int offset = records.buffer().position();
        for (MutableRecordBatch batch : records.batches()) {
            ByteBuffer bytes = records.buffer().duplicate();
            bytes.position(offset).limit(offset + batch.sizeInBytes());
            offset += batch.sizeInBytes();
            int recordCount = (int) (batch.lastOffset() - batch.baseOffset()) + 1;
            end = appendBatch(bytes) + recordCount;
        }
        return end;
    }

    private long appendBatch(ByteBuffer batch) {
        long baseOffset = log().append(batch);
        for (int i = 0; baseOffset == PartitionLog.CLOSED && i < REACTIVATION_COUNT_MAX; i++) {
            baseOffset = reactivatedLog().append(batch);
        }
        if (baseOffset < 0) {
            throw refused(baseOffset, batch.remaining());
        }
        return baseOffset;
    }

    /** The coordinator tells its clients to retry, but for the last two. */
    private RuntimeException refused(long status, int length) {
        String what = "append refused: partition=" + id + " status=" + status + " length=" + length;
        if (status == PartitionLog.BACK_PRESSURED || status == PartitionLog.OUT_OF_SPACE) {
            return new NotEnoughReplicasException(what);
        }
        if (status == PartitionLog.CLOSED) {
            return new NotLeaderOrFollowerException(what);
        }
        return status == PartitionLog.BATCH_TOO_LARGE
                ? new RecordTooLargeException(what)
                : new EngineException(what);
    }

    private void acknowledgeWhenDurable(long endOffset) {
        ackLock.lock();
        try {
            pendingAcks.add(endOffset);
            if (pendingAcks.size() > 1) {
                return; // the first one's callback sees to the others
            }
        } finally {
            ackLock.unlock();
        }
        log().onHighWatermark(endOffset, this::onDurable);
    }

    /** A coordinator that is closed meanwhile takes nothing: the engine's thread goes on. */
    private void tell(PartitionWriter.Listener told, long acknowledged) {
        try {
            told.onHighWatermarkUpdated(id, acknowledged);
        } catch (NotCoordinatorException closed) {
            LOGGER.debug("closed before it was told: partition={}", id, closed);
        }
    }

    /** Runs on a thread of the engine's, or on an appender's. */
    private void onDurable() {
        PartitionLog current = log();
        long acknowledged;
        Long next;
        ackLock.lock();
        try {
            acknowledged = removeUpTo(current.highWatermark());
            if (acknowledged >= 0 && listener != null) {
                tell(listener, acknowledged);
            }
            next = pendingAcks.peek();
        } finally {
            ackLock.unlock();
        }
        if (next != null) {
            PartitionLog waitedOn = acknowledged >= 0 ? current : replacementOf(current);
            if (waitedOn != null) {
                waitedOn.onHighWatermark(next, this::onDurable);
            }
        }
    }

    private long removeUpTo(long highWatermark) {
        long acknowledged = -1;
        for (Long end = pendingAcks.peek();
                end != null && end <= highWatermark;
                end = pendingAcks.peek()) {
            acknowledged = end;
            pendingAcks.remove();
        }
        return acknowledged;
    }

    /**
     * A callback without progress means that the log was closed: deactivated, and then another
     * object takes its place, or for good; then the coordinator's writes time out.
     */
    private @Nullable PartitionLog replacementOf(PartitionLog closed) {
        try {
            PartitionLog fresh = reactivatedLog();
            return fresh.equals(closed) ? null : fresh;
        } catch (EngineException | NotLeaderOrFollowerException e) {
            LOGGER.info("offsets partition closed while appends waited: partition={}", id, e);
            return null;
        }
    }

    /** Completes when everything below an offset of the log is durable. */
    CompletableFuture<Void> durable(long logOffset) {
        CompletableFuture<Void> future = new CompletableFuture<>();
        PartitionLog current = log();
        current.onHighWatermark(
                logOffset,
                () -> {
                    if (current.highWatermark() >= logOffset) {
                        future.complete(null);
                    } else {
                        future.completeExceptionally(
                                new NotLeaderOrFollowerException(
                                        "log closed before it was durable: partition=" + id));
                    }
                });
        return future;
    }
}
