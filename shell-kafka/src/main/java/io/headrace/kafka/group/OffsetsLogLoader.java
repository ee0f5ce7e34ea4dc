package io.headrace.kafka.group;

import io.headrace.engine.PartitionLog;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.requests.TransactionResult;
import org.apache.kafka.coordinator.common.runtime.CoordinatorLoader;
import org.apache.kafka.coordinator.common.runtime.CoordinatorPlayback;
import org.apache.kafka.coordinator.common.runtime.CoordinatorRecord;
import org.apache.kafka.coordinator.common.runtime.Deserializer;
import org.apache.kafka.coordinator.group.GroupCoordinatorRecordSerde;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Replays a partition of the offsets topic into the coordinator, which answers {@code
 * COORDINATOR_LOAD_IN_PROGRESS} meanwhile. Runs on the executor it is given.
 */
final class OffsetsLogLoader implements CoordinatorLoader<CoordinatorRecord> {
    private static final Logger LOGGER = LoggerFactory.getLogger(OffsetsLogLoader.class);

    /** Pause before a store that failed is asked again. */
    private static final long STORE_PAUSE_MS = 1000;

    /** How often it is asked again in one load: others wait for the same thread. */
    private static final int STORE_RETRY_COUNT_MAX = 30;

    private final List<OffsetsPartition> partitions;
    private final Executor executor;
    private final int readLengthMax;
    private final LoadListener listener;
    private final GroupCoordinatorRecordSerde serde = new GroupCoordinatorRecordSerde();
    private final CountDownLatch closing = new CountDownLatch(1);

    /** Follows a load, on its thread. */
    interface LoadListener {
        /** All was replayed; the coordinator takes over when this returns. */
        void onReplayed(LoadedNames names);

        /** What is sent to the coordinator from now on reaches it after it took over. */
        void onLoaded(OffsetsPartition partition, LoadedNames names);
    }

    /**
     * @param readLengthMax bytes read at once
     */
    OffsetsLogLoader(
            List<OffsetsPartition> partitions,
            Executor executor,
            int readLengthMax,
            LoadListener listener) {
        this.partitions = partitions;
        this.executor = executor;
        this.readLengthMax = readLengthMax;
        this.listener = listener;
    }

    @Override
    public CompletableFuture<LoadSummary> load(
            TopicPartition tp, CoordinatorPlayback<CoordinatorRecord> playback) {
        CompletableFuture<LoadSummary> future = new CompletableFuture<>();
        OffsetsPartition partition = partitions.get(tp.partition());
        long startMs = System.currentTimeMillis();
        try {
            executor.execute(() -> load(partition, playback, startMs, future));
        } catch (RejectedExecutionException e) {
            future.completeExceptionally(e);
            partition.markLoaded();
        }
        return future;
    }

    private void load(
            OffsetsPartition partition,
            CoordinatorPlayback<CoordinatorRecord> playback,
            long startMs,
            CompletableFuture<LoadSummary> future) {
        try {
            long queueMs = System.currentTimeMillis() - startMs;
            Replay replay = new Replay(partition, playback);
            replay.run();
            listener.onReplayed(replay.names);
            long endMs = System.currentTimeMillis();
            future.complete(
                    new LoadSummary(startMs, endMs, queueMs, replay.recordCount, replay.byteCount));
            partition.markLoaded();
            listener.onLoaded(partition, replay.names);
        } catch (RuntimeException | Error e) {
            LOGGER.error(
                    "groups not loaded, they stay unavailable: partition={}", partition.id(), e);
            future.completeExceptionally(e);
            partition.markLoaded();
        }
    }

    /** One pass over one partition. */
    private final class Replay {
        private final OffsetsPartition partition;
        private final CoordinatorPlayback<CoordinatorRecord> playback;
        private final LoadedNames names = new LoadedNames();
        private long recordCount;
        private long byteCount;
        private int storeRetryCount;

        Replay(OffsetsPartition partition, CoordinatorPlayback<CoordinatorRecord> playback) {
            this.partition = partition;
            this.playback = playback;
        }

        void run() {
            partition.startOver();
            PartitionLog log = partition.log();
            long end = log.recordsEndOffset();
            new OffsetsLogReader(partition, readLengthMax, this::isStoreAskedAgain)
                    .read(log.logStartOffset(), end, this::onBatch);
            if (end > 0) { // the coordinator counts from 0, and takes no step of zero length
                playback.updateLastWrittenOffset(end);
                playback.updateLastCommittedOffset(end);
            }
        }

        /** Without the pause the store would be asked in a loop; ends at once when it is closed. */
        private boolean isStoreAskedAgain() {
            if (storeRetryCount++ == STORE_RETRY_COUNT_MAX) {
                return false;
            }
            LOGGER.warn("groups not loaded yet, the store failed: partition={}", partition.id());
            try {
                return !closing.await(STORE_PAUSE_MS, TimeUnit.MILLISECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return false;
            }
        }

        private void onBatch(MutableRecordBatch batch) {
            byteCount += batch.sizeInBytes();
            for (Record record : batch) {
                if (batch.isControlBatch()) {
                    onMarker(batch, record);
                } else {
                    onRecord(batch, record);
                }
            }
        }

        private void onMarker(MutableRecordBatch batch, Record record) {
            ControlRecordType type = ControlRecordType.parse(record.key());
            if (type == ControlRecordType.COMMIT || type == ControlRecordType.ABORT) {
                playback.replayEndTransactionMarker(
                        batch.producerId(),
                        batch.producerEpoch(),
                        type == ControlRecordType.COMMIT
                                ? TransactionResult.COMMIT
                                : TransactionResult.ABORT);
            }
        }

        private void onRecord(MutableRecordBatch batch, Record record) {
            recordCount++;
            CoordinatorRecord decoded;
            try {
                decoded = serde.deserialize(record.key(), record.value());
            } catch (Deserializer.UnknownRecordTypeException e) {
                LOGGER.warn(
                        "record of an unknown type ignored: partition={} offset={} type={}",
                        partition.id(),
                        record.offset(),
                        e.unknownType());
                return;
            } catch (RuntimeException e) {
                LOGGER.error(
                        "record that is none of a coordinator's ignored: partition={} offset={}",
                        partition.id(),
                        record.offset(),
                        e);
                return;
            }
            playback.replay(record.offset(), batch.producerId(), batch.producerEpoch(), decoded);
            names.onRecord(decoded);
        }
    }

    @Override
    public void close() {
        closing.countDown();
    }
}
