package io.headrace.aeron;

import io.aeron.Aeron;
import io.aeron.ControlledFragmentAssembler;
import io.aeron.Image;
import io.aeron.Subscription;
import io.aeron.logbuffer.ControlledFragmentHandler.Action;
import io.aeron.logbuffer.Header;
import io.headrace.engine.Engine;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import java.nio.ByteBuffer;
import org.agrona.CloseHelper;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.EpochClock;
import org.jspecify.annotations.Nullable;

/**
 * Copies the messages of one Aeron stream into a topic partition: one record per message, one
 * record batch per poll. It stands beside the stream's subscribers and not between: they have each
 * message whether or not the tap keeps up. Runs on the taps' thread.
 */
final class TopicTap {
    /** Fragments of one poll, and so of one batch. */
    private static final int FRAGMENT_LIMIT = 256;

    /** A batch holds more only if a single message is larger. */
    private static final int BATCH_BYTES = 256 * 1024;

    /**
     * After a poll that found less, the tap may sleep. An eighth of the smallest flow-control
     * window that Aeron has by default (128 KiB, UDP), so that it wakes in time for the rest.
     */
    private static final int BUSY_BYTES = 16 * 1024;

    private final AeronTopic mapping;
    private final Engine engine;
    private final EpochClock clock;
    private final AeronShellMetrics metrics;
    private final GapTracker gaps;
    private final RecordBatchWriter writer = new RecordBatchWriter();
    private final PayloadView payload = new PayloadView();
    private final ControlledFragmentAssembler assembler =
            new ControlledFragmentAssembler(this::onMessage);

    private ByteBuffer batch = ByteBuffer.allocateDirect(BATCH_BYTES);
    private boolean isBatchOpen;
    private boolean isBatchPending;
    private long batchPayloadBytes;
    private long polledBytes;
    private @Nullable Subscription subscription;
    private @Nullable PartitionLog log;

    TopicTap(AeronTopic mapping, Engine engine, EpochClock clock, AeronShellMetrics metrics) {
        this.mapping = mapping;
        this.engine = engine;
        this.clock = clock;
        this.metrics = metrics;
        this.gaps = new GapTracker(metrics);
    }

    void connect(Aeron aeron) {
        subscription =
                aeron.addSubscription(
                        mapping.tapChannel(),
                        mapping.streamId(),
                        gaps::onAvailable,
                        this::onUnavailable);
    }

    private void onUnavailable(Image image) {
        gaps.onUnavailable(image);
        assembler.freeSessionBuffer(image.sessionId());
        payload.clear();
    }

    void disconnect() {
        CloseHelper.quietClose(subscription);
        subscription = null;
        payload.clear();
    }

    /**
     * Moves what there is, up to one poll. Returns 0 also after a little work: whoever idles then
     * leaves the cores to the publishers and subscribers, and the next batch is larger for it.
     */
    int poll() {
        Subscription source = subscription;
        if (source == null || isBatchPending && !append()) {
            return 0;
        }
        polledBytes = 0;
        int fragmentCount = source.controlledPoll(assembler, FRAGMENT_LIMIT);
        if (isBatchOpen) {
            endBatch();
            append();
        }
        boolean isBusy = fragmentCount == FRAGMENT_LIMIT || polledBytes >= BUSY_BYTES;
        return isBusy ? fragmentCount : 0;
    }

    private Action onMessage(DirectBuffer buffer, int offset, int length, Header header) {
        if (isBatchOpen && !writer.fits(0, length)) {
            endBatch();
            if (!append()) {
                return Action.ABORT; // the stream keeps it; polled again once the batch is gone
            }
        }
        long nowMs = clock.time();
        if (!isBatchOpen) {
            beginBatch(nowMs, length);
        }
        writer.append(nowMs, null, payload.of(buffer, offset, length));
        batchPayloadBytes += length;
        polledBytes += length;
        gaps.onConsumed(header.sessionId(), header.position());
        return Action.CONTINUE;
    }

    private void beginBatch(long nowMs, int firstLength) {
        int lengthMin = RecordBatch.HEADER_LENGTH + RecordBatchWriter.lengthMax(0, firstLength);
        if (batch.capacity() < lengthMin) {
            batch = ByteBuffer.allocateDirect(lengthMin);
        }
        writer.begin(batch.clear().limit(Math.max(lengthMin, batchLimit())), nowMs);
        batchPayloadBytes = 0;
        isBatchOpen = true;
    }

    /** A batch that the topic refuses for its length would take all its messages along. */
    private int batchLimit() {
        PartitionLog target = log();
        int topicMax = target == null ? BATCH_BYTES : target.topic().config().maxMessageBytes();
        return Math.min(BATCH_BYTES, topicMax);
    }

    private void endBatch() {
        writer.end();
        batch.flip();
        isBatchOpen = false;
        isBatchPending = true;
    }

    /** Appends the batch that was ended; false if it has to wait. */
    private boolean append() {
        long result = appendOnce();
        if (result == PartitionLog.CLOSED) {
            log = null; // deactivated, or the topic was deleted: the engine knows
            result = appendOnce();
        }
        if (result == PartitionLog.BACK_PRESSURED || result == PartitionLog.OUT_OF_SPACE) {
            metrics.onBackPressure();
            return false;
        }
        isBatchPending = false;
        if (result >= 0) {
            metrics.onAppended(writer.count(), batchPayloadBytes);
        } else {
            metrics.onRejected(writer.count());
        }
        return true;
    }

    /**
     * As {@link PartitionLog#append}; {@code CLOSED} if there is no such partition, {@code
     * BACK_PRESSURED} if it has no log for now, as while the topic's mode is changed.
     */
    private long appendOnce() {
        PartitionLog target = log();
        if (target != null) {
            return target.append(batch);
        }
        Topic topic = engine.catalog().find(mapping.topic());
        boolean isThere = topic != null && mapping.partition() < topic.partitionCount();
        return isThere ? PartitionLog.BACK_PRESSURED : PartitionLog.CLOSED;
    }

    /** Null if there is no such partition, or none for now. */
    private @Nullable PartitionLog log() {
        if (log == null) {
            Topic topic = engine.catalog().find(mapping.topic());
            log = topic == null ? null : engine.partitionLog(topic, mapping.partition());
        }
        return log;
    }
}
