package io.headrace.engine.source.cache;

import java.util.concurrent.atomic.LongAdder;
import java.util.function.ObjLongConsumer;

/** What the cache did since it was made. */
final class CacheCounters {
    private final LongAdder[] visits = adders(Tier.values().length);
    private final LongAdder joined = new LongAdder();
    private final LongAdder prefetchesJoined = new LongAdder();
    final LongAdder storeLoads = new LongAdder();
    final LongAdder prefetched = new LongAdder();
    final LongAdder prefetchesUsed = new LongAdder();
    final LongAdder prefetchesWasted = new LongAdder();
    final LongAdder memoryEvictions = new LongAdder();
    final LongAdder memoryBypasses = new LongAdder();
    final LongAdder diskEvictions = new LongAdder();
    final LongAdder diskBypasses = new LongAdder();
    final LongAdder diskWritesSkipped = new LongAdder();
    final LongAdder diskReadBytes = new LongAdder();
    final LongAdder diskWrittenBytes = new LongAdder();
    final LongAdder diskFailures = new LongAdder();

    /** A block was read to its end. */
    void visited(Tier tier) {
        visits[tier.ordinal()].increment();
    }

    /** Somebody waits for a block that was on its way already. */
    void joined(boolean isPrefetch) {
        (isPrefetch ? prefetchesJoined : joined).increment();
    }

    static LongAdder[] adders(int count) {
        LongAdder[] adders = new LongAdder[count];
        for (int i = 0; i < count; i++) {
            adders[i] = new LongAdder();
        }
        return adders;
    }

    void forEach(ObjLongConsumer<String> consumer) {
        for (Tier tier : Tier.values()) {
            consumer.accept(
                    "headrace_source_block_reads_total{tier=\"" + tier.label() + "\"}",
                    visits[tier.ordinal()].sum());
        }
        consumer.accept("headrace_source_block_loads_total", storeLoads.sum());
        consumer.accept("headrace_source_block_joins_total", joined.sum());
        consumer.accept("headrace_source_prefetches_joined_total", prefetchesJoined.sum());
        consumer.accept("headrace_source_prefetches_total", prefetched.sum());
        consumer.accept("headrace_source_prefetches_used_total", prefetchesUsed.sum());
        consumer.accept("headrace_source_prefetches_wasted_total", prefetchesWasted.sum());
        String evictions = "headrace_source_cache_evictions_total";
        consumer.accept(evictions + "{tier=\"memory\"}", memoryEvictions.sum());
        consumer.accept(evictions + "{tier=\"disk\"}", diskEvictions.sum());
        String bypasses = "headrace_source_cache_bypasses_total";
        consumer.accept(bypasses + "{tier=\"memory\"}", memoryBypasses.sum());
        consumer.accept(bypasses + "{tier=\"disk\"}", diskBypasses.sum());
        consumer.accept("headrace_source_disk_writes_skipped_total", diskWritesSkipped.sum());
        consumer.accept("headrace_source_disk_read_bytes_total", diskReadBytes.sum());
        consumer.accept("headrace_source_disk_written_bytes_total", diskWrittenBytes.sum());
        consumer.accept("headrace_source_disk_failures_total", diskFailures.sum());
    }
}
