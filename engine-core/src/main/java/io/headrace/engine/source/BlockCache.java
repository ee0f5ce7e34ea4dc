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

    /** Takes over a block and the reference to it. */
    void add(LoadedBlock loaded) {
        SourceBlock block = loaded.block();
        SourceTopic topic = topics.apply(block.topicId());
        if (topic == null) {
            loaded.release(); // deleted meanwhile
            return;
        }
        partition(block.topicId(), block.partition()).add(cached(topic, loaded));
    }

    /** A loaded block as it is cached; its reference goes with it. */
    CachedBlock cached(SourceTopic topic, LoadedBlock loaded) {
        SourceBlock block = loaded.block();
        return CachedBlock.fromStore(
                block.firstOffset(),
                block.recordCount(),
                loaded.slab(),
                loaded.length(),
                tiers.hasDisk() ? topic.identity(block) : 0);
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
