package io.headrace.engine.log;

import io.headrace.engine.EngineMetrics;
import io.headrace.engine.source.SourceLogs;
import io.headrace.engine.spi.MemoryStore;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.engine.view.ViewLogs;
import java.util.List;
import java.util.function.ObjLongConsumer;

/** Reads the engine's counters where they are kept. */
final class EngineGauges implements EngineMetrics {
    private final StorageEngine engine;
    private final MemoryStore memory;
    private final MetadataStore store;
    private final List<Shard> shards;
    private final ColdReader coldReader;
    private final SourceLogs sources;
    private final ViewLogs views;
    private final Unions unions;
    private final Maintenance maintenance;
    private final ProducerExpiry producerExpiry;
    private final Sealer sealer;
    private final DiskSpace space;
    private final RetentionClock retentionClock;

    EngineGauges(
            StorageEngine engine,
            MemoryStore memory,
            MetadataStore store,
            List<Shard> shards,
            ColdReader coldReader,
            SourceLogs sources,
            ViewLogs views,
            Unions unions,
            Maintenance maintenance,
            ProducerExpiry producerExpiry,
            Sealer sealer,
            DiskSpace space,
            RetentionClock retentionClock) {
        this.engine = engine;
        this.memory = memory;
        this.store = store;
        this.shards = shards;
        this.coldReader = coldReader;
        this.sources = sources;
        this.views = views;
        this.unions = unions;
        this.maintenance = maintenance;
        this.producerExpiry = producerExpiry;
        this.sealer = sealer;
        this.space = space;
        this.retentionClock = retentionClock;
    }

    @Override
    public void forEach(ObjLongConsumer<String> consumer) {
        consumer.accept("headrace_topics", engine.catalog().topicCount());
        consumer.accept("headrace_active_partitions", engine.activeLogCount());
        consumer.accept("headrace_leader_epoch", engine.leaderEpoch());
        consumer.accept("headrace_metadata_store_memory_bytes", store.memoryBytes());
        consumer.accept("headrace_cold_reads_waiting", coldReader.waiting());
        consumer.accept("headrace_journal_appended_bytes_total", sum(Shard::appendedBytes));
        consumer.accept("headrace_journal_unsynced_bytes", sum(Shard::unsyncedBytes));
        consumer.accept("headrace_journal_unindexed_bytes", sum(Shard::unindexedBytes));
        consumer.accept("headrace_journal_syncs_total", sum(Shard::syncCount));
        consumer.accept("headrace_journal_sync_nanoseconds_total", sum(Shard::syncTimeNs));
        consumer.accept(
                "headrace_journal_disk_bytes", sum(shard -> shard.journal().lengthOnDisk()));
        consumer.accept("headrace_disk_free_bytes", space.freeBytes());
        consumer.accept("headrace_disk_kept_bytes", space.keptBytes());
        consumer.accept("headrace_appends_refused_total", sum(Shard::refusedCount));
        consumer.accept(
                "headrace_spilled_bytes_total", sum(shard -> shard.spiller().spilledBytes()));
        consumer.accept("headrace_spill_turns_total", sum(shard -> shard.spiller().turnCount()));
        consumer.accept("headrace_spill_late_total", sum(shard -> shard.spiller().lateCount()));
        consumer.accept("headrace_producers_expired_total", producerExpiry.expiredCount());
        consumer.accept("headrace_producer_expiry_passes_total", producerExpiry.passCount());
        consumer.accept("headrace_retention_passes_total", maintenance.retentionPassCount());
        consumer.accept("headrace_retention_clock_lag_milliseconds", retentionClock.lagMs());
        sealer.forEachMetric(consumer);
        sources.forEachMetric(consumer);
        views.forEachMetric(consumer);
        unions.forEachMetric(consumer);
    }

    private interface Gauge {
        long of(Shard shard);
    }

    private long sum(Gauge gauge) {
        long sum = 0;
        for (Shard shard : shards) {
            sum += gauge.of(shard);
        }
        return sum;
    }

    @Override
    public void forEachOffHeapTag(ObjLongConsumer<String> consumer) {
        memory.forEachTag(consumer);
    }
}
