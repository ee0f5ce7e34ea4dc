package io.headrace.bench.sources;

import static java.util.Objects.requireNonNull;

import io.headrace.bench.Folders;
import io.headrace.bench.kafkaload.ProcessStat;
import io.headrace.engine.Engine;
import io.headrace.engine.EngineContext;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicSpec;
import io.headrace.offheap.OffHeapContext;
import io.headrace.offheap.OffHeapMemoryStore;
import io.headrace.rocks.RocksMetadataStore;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Ten million objects of a made-up store, listed by an embedded engine: time, memory, disk. */
final class ListingPart implements Part {
    private static final int OBJECTS = 10_000_000;
    private static final long MEMORY_BUDGET = 256 << 20;
    private static final long POLL_MS = 50;

    @Override
    public Table measure(Workbench bench) throws Exception {
        int count = bench.options.scaled(OBJECTS);
        Table table =
                new Table(
                        "Listing a synthetic store",
                        "An embedded engine lists and journals made-up keys of 24 bytes, in pages"
                            + " of 1,000. Memory is what a full collection leaves on the heap, and"
                            + " the resident set, more than before the engine was launched.",
                        "objects",
                        "seconds",
                        "objects/s",
                        "heap bytes per object, idle",
                        "RSS, MB more",
                        "RocksDB, MB",
                        "journal, MB");
        Path data = bench.emptyFolder("engine");
        long heapBefore = heapBytes();
        long residentBefore = residentBytes();
        try (OffHeapMemoryStore memory =
                        new OffHeapMemoryStore(new OffHeapContext().budgetBytes(MEMORY_BUDGET));
                Engine engine = Engine.launch(context(data, memory, count))) {
            double seconds = list(engine, count);
            double heapPerObject = (double) (heapBytes() - heapBefore) / count;
            table.row(
                    "%,d".formatted(count),
                    "%.1f".formatted(seconds),
                    "%,.0f".formatted(count / seconds),
                    "%.2f".formatted(heapPerObject),
                    "%.0f".formatted((residentBytes() - residentBefore) / 1e6),
                    "%.1f".formatted(Folders.bytes(data.resolve("rocksdb")) / 1e6),
                    "%.1f".formatted(Folders.bytes(data.resolve("journal")) / 1e6));
        }
        return table;
    }

    private static EngineContext context(Path data, OffHeapMemoryStore memory, int count) {
        return new EngineContext()
                .directory(data)
                .memoryStore(memory)
                .metadataStoreFactory(RocksMetadataStore::open)
                .objectStore("synthetic://", new SyntheticStore(count));
    }

    /** Seconds until every object has its offset. */
    private static double list(Engine engine, int count) throws Exception {
        Map<String, String> configs =
                Map.of(
                        "headrace.source.uri",
                        "synthetic://" + SyntheticStore.FOLDER + "/",
                        "headrace.source.format",
                        "files");
        engine.catalog().create(List.of(new TopicSpec("listed", 1, configs)), false).get();
        long begin = System.nanoTime();
        Topic topic = requireNonNull(engine.catalog().find("listed"));
        PartitionLog log = requireNonNull(engine.partitionLog(topic, 0));
        while (log.highWatermark() < count) {
            Thread.sleep(POLL_MS);
        }
        return (System.nanoTime() - begin) / 1e9;
    }

    private static long heapBytes() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }

    private static long residentBytes() {
        return ProcessStat.residentBytes(ProcessHandle.current().pid());
    }
}
