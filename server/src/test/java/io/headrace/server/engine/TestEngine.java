package io.headrace.server.engine;

import io.headrace.engine.Engine;
import io.headrace.engine.EngineContext;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.journal.CycleDocuments;
import io.headrace.engine.log.Background;
import io.headrace.engine.log.StorageEngine;
import io.headrace.engine.segment.SegmentFiles;
import io.headrace.kafka.KafkaRecordFilter;
import io.headrace.objects.format.BundledReaders;
import io.headrace.offheap.OffHeapContext;
import io.headrace.offheap.OffHeapMemoryStore;
import io.headrace.rocks.RocksMetadataStore;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** A whole engine over a folder, with the calls that tests make of it. */
final class TestEngine implements AutoCloseable {
    private static final int RECORD_OVERHEAD = 64;

    final OffHeapMemoryStore memory;
    final Engine engine;

    TestEngine(Path folder) {
        this(folder, context -> context);
    }

    TestEngine(Path folder, UnaryOperator<EngineContext> settings) {
        memory = memory();
        engine = StorageEngine.launch(context(folder, settings));
    }

    TestEngine(Path folder, UnaryOperator<EngineContext> settings, SegmentFiles segmentFiles) {
        memory = memory();
        engine = StorageEngine.launch(context(folder, settings), segmentFiles);
    }

    TestEngine(Path folder, UnaryOperator<EngineContext> settings, Background background) {
        memory = memory();
        EngineContext context = context(folder, settings);
        engine =
                StorageEngine.launch(
                        context,
                        SegmentFiles.of(context.disk()),
                        background,
                        CycleDocuments.CHRONICLE);
    }

    private static OffHeapMemoryStore memory() {
        return new OffHeapMemoryStore(new OffHeapContext().budgetBytes(64 << 20));
    }

    private EngineContext context(Path folder, UnaryOperator<EngineContext> settings) {
        return settings.apply(
                new EngineContext()
                        .directory(folder)
                        .memoryStore(memory)
                        .datasetReaders(new BundledReaders())
                        .recordFilter(new KafkaRecordFilter())
                        .metadataStoreFactory(RocksMetadataStore::open)
                        .journalCount(2)
                        .journalCycleBytes(1 << 20)
                        .diskReserveBytes(0)
                        .failureHandler(failure("engine")));
    }

    static Consumer<Throwable> failure(String what) {
        return cause -> {
            throw new AssertionError(what + " failed", cause);
        };
    }

    Topic create(String name, int partitions, Map<String, String> configs) {
        CatalogResult result =
                get(engine.catalog()
                                .create(List.of(new TopicSpec(name, partitions, configs)), false))
                        .get(0);
        if (result.topic() == null) {
            throw new AssertionError(result.toString());
        }
        return result.topic();
    }

    PartitionLog log(String topic, int partition) {
        Topic found = engine.catalog().find(topic);
        if (found == null) {
            throw new AssertionError("no topic " + topic);
        }
        PartitionLog log = engine.partitionLog(found, partition);
        if (log == null) {
            throw new AssertionError("no partition " + partition + " of " + found);
        }
        return log;
    }

    static <T> T get(CompletableFuture<T> future) {
        try {
            return future.get(20, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /** A batch of one record per value. */
    static ByteBuffer batch(String... values) {
        return batch(System.currentTimeMillis(), values);
    }

    static ByteBuffer batch(long timestampMs, String... values) {
        int length = RecordBatch.HEADER_LENGTH;
        for (String value : values) {
            length += value.length() + RECORD_OVERHEAD;
        }
        ByteBuffer buffer = ByteBuffer.allocateDirect(length);
        RecordBatchWriter writer = new RecordBatchWriter().begin(buffer, timestampMs);
        for (String value : values) {
            writer.append(
                    timestampMs, null, ByteBuffer.wrap(value.getBytes(StandardCharsets.UTF_8)));
        }
        writer.end();
        return buffer.flip();
    }

    /** Stamps a batch as an idempotent producer's. */
    static ByteBuffer ofProducer(ByteBuffer batch, long producerId, int epoch, int sequence) {
        batch.putLong(43, producerId).putShort(51, (short) epoch).putInt(53, sequence);
        batch.putInt(17, RecordBatch.computeCrc(batch, batch.position()));
        return batch;
    }

    /** Appends and waits until it is acknowledged. */
    static long append(PartitionLog log, ByteBuffer batch) {
        long baseOffset = log.append(batch);
        if (baseOffset >= 0) {
            awaitHighWatermark(log, baseOffset + RecordBatch.offsetCount(batch, batch.position()));
        }
        return baseOffset;
    }

    static void awaitHighWatermark(PartitionLog log, long offset) {
        CompletableFuture<Void> reached = new CompletableFuture<>();
        log.onHighWatermark(offset, () -> reached.complete(null));
        get(reached);
    }

    /** Reads until the high watermark; each as {@code offset:value}. */
    static List<String> readAll(PartitionLog log, long fromOffset) {
        List<String> records = new ArrayList<>();
        long offset = fromOffset;
        while (offset < log.highWatermark()) {
            try (ReadResult result = read(log, offset, 1 << 16)) {
                if (!(result instanceof RecordsLease lease)) {
                    throw new AssertionError(result + " at " + offset);
                }
                records.addAll(records(lease, offset)); // as clients leave out what they have
                offset = lease.nextOffset();
            }
        }
        return records;
    }

    /** Reads, from memory or from disk. */
    static ReadResult read(PartitionLog log, long offset, int lengthMax) {
        ReadResult result = log.read(offset, lengthMax);
        if (result != Unavailable.COLD) {
            return result;
        }
        CompletableFuture<ReadResult> loaded = new CompletableFuture<>();
        log.readCold(offset, lengthMax, loaded::complete);
        return get(loaded);
    }

    /** The records of what was read, from an offset on; each as {@code offset:value}. */
    static List<String> records(RecordsLease lease, long fromOffset) {
        List<String> records = new ArrayList<>();
        for (int i = 0; i < lease.sliceCount(); i++) {
            addRecords(lease.slice(i), lease.offsetShift(i), fromOffset, records);
        }
        return records;
    }

    private static void addRecords(
            ByteBuffer slice, long shift, long fromOffset, List<String> records) {
        int at = slice.position();
        while (at < slice.limit()) {
            int length = RecordBatch.length(slice, at);
            if (!RecordBatch.isIntact(slice.duplicate().position(at).limit(at + length))) {
                throw new AssertionError("unsound batch at " + at);
            }
            long offset = RecordBatch.baseOffset(slice, at) + shift;
            int count = RecordBatch.isControl(slice, at) ? 0 : RecordBatch.recordCount(slice, at);
            ByteBuffer body = slice.duplicate().position(at + RecordBatch.HEADER_LENGTH);
            for (int i = 0; i < count; i++) {
                addRecord(body, offset, fromOffset, records);
            }
            at += length;
        }
    }

    private static void addRecord(
            ByteBuffer body, long baseOffset, long fromOffset, List<String> records) {
        int end = (int) varint(body) + body.position();
        body.get();
        varint(body);
        long offset = baseOffset + varint(body);
        if (offset >= fromOffset) {
            records.add(offset + ":" + value(body));
        }
        body.position(end);
    }

    private static String value(ByteBuffer body) {
        long keyLength = varint(body);
        body.position(body.position() + (int) Math.max(0, keyLength));
        byte[] value = new byte[(int) varint(body)];
        body.get(value);
        return new String(value, StandardCharsets.UTF_8);
    }

    private static long varint(ByteBuffer buffer) {
        long zigzag = 0;
        int shift = 0;
        byte next;
        do {
            next = buffer.get();
            zigzag |= (long) (next & 0x7F) << shift;
            shift += 7;
        } while (next < 0);
        return (zigzag >>> 1) ^ -(zigzag & 1);
    }

    /** A counter or gauge of the engine; 0 if there is none of that name. */
    long metric(String name) {
        long[] found = new long[1];
        engine.metrics()
                .forEach(
                        (metric, value) -> {
                            if (metric.equals(name)) {
                                found[0] = value;
                            }
                        });
        return found[0];
    }

    interface Condition {
        boolean holds();
    }

    static void await(String what, Condition condition) {
        long deadline = System.nanoTime() + 20_000_000_000L;
        while (!holds(condition)) {
            if (System.nanoTime() >= deadline) {
                throw new AssertionError("not within 20 s: " + what);
            }
            LockSupport.parkNanos(10_000_000);
        }
    }

    private static boolean holds(Condition condition) {
        try {
            return condition.holds();
        } catch (UncheckedIOException e) {
            return false; // files go while it looks at them
        }
    }

    static void deleteFolder(Path folder) throws IOException {
        try (Stream<Path> paths = Files.walk(folder)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    @Override
    public void close() {
        engine.close();
        memory.close();
    }
}
