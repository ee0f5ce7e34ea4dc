package io.headrace.kafka.group;

import io.headrace.engine.Engine;
import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import org.apache.kafka.common.TopicPartition;
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
 * <p>The coordinator counts offsets itself and takes a log that is ahead of its count for a foreign
 * writer. Compaction writes to this log as well, so two counts exist: the log's own offsets, and
 * the coordinator's, which leave out the {@code hiddenRecordCount} records that compaction has
 * added since the coordinator loaded the partition.
 *
 * <p>Thread-safe. {@code appendLock} serialises the coordinator's appends with a compaction's;
 * {@code ackLock} is held for queue operations only, since the engine's threads take it.
 */
final class OffsetsPartition {
    private static final Logger LOGGER = LoggerFactory.getLogger(OffsetsPartition.class);
    private static final int REACTIVATION_COUNT_MAX = 8;

    /** While a compaction runs, at most so many bytes of new records are kept in memory for it. */
    private static final long RECORDED_BYTES_MAX = 64L << 20;

    private final Engine engine;
    private final Topic topic;
    private final TopicPartition id;
    private final ReentrantLock appendLock = new ReentrantLock();
    private volatile @Nullable PartitionLog log;
    private volatile boolean loaded;

    // Guarded by appendLock.
    private long hiddenRecordCount;
    private @Nullable List<MemoryRecords> recorded;
    private long recordedBytes;

    // Guarded by ackLock.
    private final ReentrantLock ackLock = new ReentrantLock();
    private final ArrayDeque<PendingAck> pendingAcks = new ArrayDeque<>();
    private PartitionWriter.@Nullable Listener listener;

    private final AtomicLong appendedBytes = new AtomicLong();

    /** The coordinator waits until the log is durable up to {@code logOffset}. */
    private record PendingAck(long logOffset, long coordinatorOffset) {}

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

    /** Bytes appended since {@link #resetAppendedBytes}. */
    long appendedBytes() {
        return appendedBytes.get();
    }

    /** Starts counting appended bytes from a number. */
    void resetAppendedBytes(long bytes) {
        appendLock.lock();
        try {
            appendedBytes.set(bytes);
        } finally {
            appendLock.unlock();
        }
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
        appendLock.lock();
        try {
            hiddenRecordCount = 0;
        } finally {
            appendLock.unlock();
        }
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
     * @return the log end offset as the coordinator counts it
     */
    long append(MemoryRecords records) {
        appendLock.lock();
        try {
            long logEnd = appendToLog(records);
            long coordinatorEnd = logEnd - hiddenRecordCount;
            record(records);
            acknowledgeWhenDurable(new PendingAck(logEnd, coordinatorEnd));
            return coordinatorEnd;
        } finally {
            appendLock.unlock();
        }
    }

    private void record(MemoryRecords records) {
        List<MemoryRecords> current = recorded;
        if (current == null) {
            return;
        }
        recordedBytes += records.sizeInBytes();
        if (recordedBytes > RECORDED_BYTES_MAX) {
            recorded = null; // the compaction finds it missing, and gives up
            return;
        }
        ByteBuffer copy = ByteBuffer.allocate(records.sizeInBytes());
        copy.put(records.buffer().duplicate()).flip();
        current.add(MemoryRecords.readableRecords(copy));
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
            appendedBytes.addAndGet(batch.sizeInBytes());
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

    private void acknowledgeWhenDurable(PendingAck ack) {
        ackLock.lock();
        try {
            pendingAcks.add(ack);
            if (pendingAcks.size() > 1) {
                return; // the first one's callback sees to the others
            }
        } finally {
            ackLock.unlock();
        }
        log().onHighWatermark(ack.logOffset(), this::onDurable);
    }

    /** Runs on a thread of the engine's, or on an appender's. */
    private void onDurable() {
        PartitionLog current = log();
        long acknowledged;
        PendingAck next;
        ackLock.lock();
        try {
            acknowledged = removeUpTo(current.highWatermark());
            if (acknowledged >= 0 && listener != null) {
                listener.onHighWatermarkUpdated(id, acknowledged);
            }
            next = pendingAcks.peek();
        } finally {
            ackLock.unlock();
        }
        if (next != null) {
            PartitionLog waitedOn = acknowledged >= 0 ? current : replacementOf(current);
            if (waitedOn != null) {
                waitedOn.onHighWatermark(next.logOffset(), this::onDurable);
            }
        }
    }

    private long removeUpTo(long highWatermark) {
        long acknowledged = -1;
        for (PendingAck ack = pendingAcks.peek();
                ack != null && ack.logOffset() <= highWatermark;
                ack = pendingAcks.peek()) {
            acknowledged = ack.coordinatorOffset();
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

    /** From now on keeps what the coordinator appends; returns where that begins. */
    long beginRecording() {
        appendLock.lock();
        try {
            recorded = new ArrayList<>();
            recordedBytes = 0;
            return log().logEndOffset();
        } finally {
            appendLock.unlock();
        }
    }

    /** Ends {@link #beginRecording} without a snapshot. */
    void cancelRecording() {
        appendLock.lock();
        try {
            recorded = null;
        } finally {
            appendLock.unlock();
        }
    }

    /**
     * Gives the recorded batches to {@code snapshotOf}, and appends the batches that it returns, as
     * one run that nothing of the coordinator's comes into.
     *
     * @return the log's offset where the run begins, or −1 if {@code snapshotOf} returned none, or
     *     too much was appended meanwhile to be kept
     */
    long appendSnapshot(Function<List<MemoryRecords>, List<MemoryRecords>> snapshotOf) {
        appendLock.lock();
        try {
            List<MemoryRecords> sinceBegin = recorded;
            recorded = null;
            List<MemoryRecords> snapshot =
                    sinceBegin == null ? List.of() : snapshotOf.apply(sinceBegin);
            if (snapshot.isEmpty()) {
                return -1;
            }
            return appendHidden(snapshot);
        } finally {
            appendLock.unlock();
        }
    }

    private long appendHidden(List<MemoryRecords> snapshot) {
        long begin = log().logEndOffset();
        long counted = begin;
        try {
            for (MemoryRecords records : snapshot) {
                counted = appendToLog(records);
            }
        } finally {
            // Also of a run that was refused halfway: what is in the log is in the log.
            hiddenRecordCount += counted - begin;
        }
        return begin;
    }
}
