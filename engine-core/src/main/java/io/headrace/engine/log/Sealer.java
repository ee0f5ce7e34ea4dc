package io.headrace.engine.log;

import io.headrace.engine.Deadline;
import io.headrace.engine.EngineException;
import io.headrace.engine.Topic;
import io.headrace.engine.segment.SegmentFolder;
import io.headrace.engine.spi.JournalFailedException;
import io.headrace.engine.spi.MemoryStore;
import io.headrace.engine.spi.MetadataStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.IntSupplier;
import java.util.function.LongFunction;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves what lives out of files that are mostly dead, in the background: docs/design/sealing.md.
 * One thread, one pass at a time.
 *
 * <p>Owned by the engine; {@link #stop}, then {@link #awaitEnd}.
 */
final class Sealer {
    private static final Logger LOGGER = LoggerFactory.getLogger(Sealer.class);

    private final MetadataStore store;
    private final MemoryStore memory;
    private final LongFunction<@Nullable Topic> topics;
    private final IntSupplier leaderEpoch;
    private final DiskSpace space;
    private final SealPace pace;
    private final SealCounters counters = new SealCounters();
    private final @Nullable Compactor compactor;
    private final CutOutRows cutOutRows;

    private final List<ShardSealer> shards = new ArrayList<>();
    private final Background background;
    private final ScheduledExecutorService executor;

    private volatile boolean stopped;

    /**
     * @param topics null for one that is gone
     * @param compactor null if there are no compacted topics
     */
    Sealer(
            MetadataStore store,
            MemoryStore memory,
            LongFunction<@Nullable Topic> topics,
            IntSupplier leaderEpoch,
            DiskSpace space,
            long bytesPerSecond,
            @Nullable Compactor compactor,
            Background background) {
        this.store = store;
        this.memory = memory;
        this.topics = topics;
        this.leaderEpoch = leaderEpoch;
        this.space = space;
        this.compactor = compactor;
        this.cutOutRows = new CutOutRows(store, topics, leaderEpoch, () -> stopped);
        this.background = background;
        this.executor = background.schedule("headrace-sealer");
        this.pace = new SealPace(bytesPerSecond, () -> stopped, this::isSpaceShort);
    }

    /** Adds a shard whose projection has been recovered; before {@link #start}. */
    void add(Shard shard, Projector projector) throws IOException {
        byte[] highest = store.get(Rows.segmentKey(shard.id()));
        int segment = highest == null ? 0 : ByteBuffer.wrap(highest).getInt();
        shards.add(new ShardSealer(shard, projector, segment, cutOutRows, background));
    }

    void start(long tickMs) {
        executor.scheduleWithFixedDelay(this::tick, tickMs, tickMs, TimeUnit.MILLISECONDS);
    }

    private void tick() {
        look();
        for (ShardSealer shard : shards) {
            try {
                if (!stopped && shard.isSettled()) {
                    work(shard);
                }
            } catch (CancellationException e) {
                LOGGER.debug("sealing ends: {}", e.getMessage());
            } catch (JournalFailedException e) {
                LOGGER.error("sealing failed: journal={}", shard.shard().id(), e);
            } catch (IOException | EngineException e) {
                LOGGER.warn("sealing failed, tried again: journal={}", shard.shard().id(), e);
            } catch (RuntimeException | Error e) {
                // Whatever it is: the executor would drop the task without a word.
                LOGGER.error("sealing failed: journal={}", shard.shard().id(), e);
            }
        }
    }

    private void look() {
        if (compactor != null && !stopped) {
            try {
                compactor.look();
            } catch (RuntimeException e) {
                LOGGER.warn("nothing is compacted now, tried again", e);
            }
        }
    }

    /** One pass of either kind: what it does must be in the index before the next one begins. */
    private void work(ShardSealer shard) throws IOException {
        boolean worked =
                shard.isCompactionsTurn()
                        ? compact(shard) || seal(shard)
                        : seal(shard) || compact(shard);
        if (worked) {
            shard.nextTurn();
        }
    }

    private boolean isSpaceShort() {
        try {
            return space.isShort();
        } catch (IOException e) {
            return false; // nothing is sealed then
        }
    }

    /** What a pass may write. */
    private long roomBytes() {
        try {
            return space.spareBytes();
        } catch (IOException e) {
            LOGGER.warn("nothing is sealed while the disk does not say what is free", e);
            return 0;
        }
    }

    private boolean compact(ShardSealer shard) throws IOException {
        return compactor != null && compactor.compact(shard, pace, () -> stopped, this::roomBytes);
    }

    private boolean seal(ShardSealer shard) throws IOException {
        List<SealInput> inputs =
                shard.isDue() ? shard.choose(roomBytes(), isSpaceShort()) : List.of();
        if (inputs.isEmpty()) {
            return false;
        }
        try (SealBuffer blockBuffer = new SealBuffer(memory);
                SealBuffer batchBuffer = new SealBuffer(memory);
                SealPass pass =
                        new SealPass(shard.shard(), context(shard), blockBuffer, batchBuffer)) {
            boolean done = false;
            try {
                pass.run(inputs);
                counters.onSealed(pass.walkedCount());
                done = true;
            } finally {
                shard.onPass(pass, inputs);
                if (!done) {
                    counters.onFailed();
                }
            }
        }
        return true;
    }

    private SealPass.Context context(ShardSealer shard) {
        return new SealPass.Context(
                SealPass.BATCHES_MAX,
                store,
                topics,
                leaderEpoch,
                shard::nextSegment,
                pace,
                counters,
                () -> stopped);
    }

    /**
     * Deletions of what is dead, to be run once a checkpoint has been written; each says if it was
     * done.
     */
    List<BooleanSupplier> deletions() {
        List<BooleanSupplier> deletions = new ArrayList<>();
        for (ShardSealer shard : shards) {
            for (int segment : shard.deadSegments()) {
                deletions.add(() -> delete(shard, segment));
            }
        }
        return deletions;
    }

    private static boolean delete(ShardSealer shard, int segment) {
        SegmentFolder folder = shard.shard().segments();
        try {
            shard.delete(segment);
            return true;
        } catch (IOException e) {
            LOGGER.warn("dead segment cannot be deleted: file={}", folder.path(segment), e);
            return false;
        }
    }

    void forEachMetric(ObjLongConsumer<String> consumer) {
        counters.forEach(consumer);
        if (compactor != null) {
            compactor.forEachMetric(consumer);
        }
        consumer.accept(
                "headrace_segments", shards.stream().mapToLong(ShardSealer::segmentCount).sum());
        consumer.accept(
                "headrace_segment_disk_bytes",
                shards.stream().mapToLong(ShardSealer::segmentBytes).sum());
    }

    /** Begins nothing more; a pass that is under way gives up. */
    void stop() {
        stopped = true;
        executor.shutdown();
    }

    /** Waits for what is running, until the deadline; false if it still is. */
    boolean awaitEnd(Deadline deadline) {
        boolean ended = Threads.awaitTermination(executor, deadline);
        if (ended && compactor != null) {
            compactor.close();
        }
        return ended;
    }
}
