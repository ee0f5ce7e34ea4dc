package io.headrace.engine.source;

import io.headrace.engine.Deadline;
import io.headrace.engine.source.cache.BlockTiers;
import io.headrace.engine.source.cache.CachedBlock;
import io.headrace.engine.source.cache.PartitionBlocks;
import java.util.function.LongFunction;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;

/** The cache, in the terms of sources. Thread-safe. Owned by {@link SourceLogs}. */
final class BlockCache {
    private final BlockTiers tiers;
    private final LongFunction<@Nullable SourceTopic> topics;

    /**
     * @param topics in use, by id
     */
    BlockCache(BlockTiers tiers, LongFunction<@Nullable SourceTopic> topics) {
        this.tiers = tiers;
        this.topics = topics;
    }

    /** A partition's blocks: the same object as long as its topic is there. */
    PartitionBlocks partition(long topicId, int partition) {
        return tiers.partition(topicId, partition);
    }

    /**
     * Takes over a block and the reference to it. What was framed before the topic was altered is
     * not kept.
     */
    void add(LoadedBlock loaded) {
        SourceBlock block = loaded.block();
        SourceTopic topic = topics.apply(block.topicId());
        if (topic == null || topic.spec() != loaded.spec()) {
            loaded.release(); // deleted or altered meanwhile
            return;
        }
        PartitionBlocks blocks = partition(block.topicId(), block.partition());
        blocks.add(cached(topic, loaded));
        if (topic.spec() != loaded.spec()) {
            blocks.drop(block.firstOffset()); // altering it found nothing to drop
        }
    }

    /** A loaded block as it is cached; its reference goes with it. */
    CachedBlock cached(SourceTopic topic, LoadedBlock loaded) {
        SourceBlock block = loaded.block();
        return CachedBlock.fromStore(
                block.firstOffset(),
                block.recordCount(),
                loaded.slab(),
                loaded.length(),
                tiers.hasDisk() ? identity(topic, loaded) : 0);
    }

    /** Gives the reference back if there is none: its objects are gone, as the topic is deleted. */
    private static long identity(SourceTopic topic, LoadedBlock loaded) {
        boolean isDone = false;
        try {
            long identity = topic.identity(loaded.block(), loaded.spec());
            isDone = true;
            return identity;
        } finally {
            if (!isDone) {
                loaded.release();
            }
        }
    }

    /** Drops blocks of at least so many bytes, if there are as many: memory is short. */
    void release(long length) {
        tiers.releaseMemory(length);
    }

    /** Has the limits of the SSD looked at. */
    void trim() {
        tiers.trim();
    }

    /** Drops the block that holds an offset. */
    void drop(long topicId, int partition, long offset) {
        partition(topicId, partition).drop(offset);
    }

    /** Drops all blocks of a topic. */
    void dropTopic(long topicId) {
        tiers.dropTopic(topicId);
    }

    void forEachMetric(ObjLongConsumer<String> consumer) {
        tiers.forEachMetric(consumer);
    }

    /** Drops everything in memory, and keeps nothing from now on; waits for nothing. */
    void close() {
        tiers.stop();
    }

    /** Waits for what is being written. */
    void awaitEnd(Deadline deadline) {
        tiers.awaitEnd(deadline);
    }
}
