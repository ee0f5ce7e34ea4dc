package io.headrace.objects;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.headrace.engine.Deadline;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicConfig;
import io.headrace.engine.Unavailable;
import io.headrace.engine.source.SourceLog;
import io.headrace.engine.source.SourceLogs;
import io.headrace.engine.source.StoreThreads;
import io.headrace.engine.source.cache.CacheContext;
import io.headrace.engine.spi.HeapMetadataStore;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.engine.spi.MetadataStore.Batch;
import io.headrace.engine.spi.ObjectStore;
import io.headrace.objects.format.BundledReaders;
import io.headrace.offheap.OffHeapContext;
import io.headrace.offheap.OffHeapMemoryStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;

/**
 * Source logs over a real store and real off-heap memory, with a journal in memory that survives
 * restarts.
 */
final class SourceFixture implements AutoCloseable {
    static final String ROOT = "file:///srv/data/";
    static final int LEADER_EPOCH = 7;
    private static final long DEADLINE_SECONDS = 20;

    /** After which a consumer asks again. */
    private static final long FETCH_WAIT_MS = 500;

    /** The projection lives in memory only; it is never flushed. */
    private static final Path NO_FOLDER = Path.of("target", "never-written");

    private final Map<String, ObjectStore> stores = new LinkedHashMap<>();
    final CountingStore store;
    final OffHeapMemoryStore memory =
            new OffHeapMemoryStore(
                    new OffHeapContext().budgetBytes(256 << 20).chunkBytes(8 << 20).conclude());
    private final List<Entry> journal = new ArrayList<>();
    private final Supplier<CacheContext> cache;
    private final AtomicLong appends = new AtomicLong();
    private volatile long failingAppend = -1;

    /** Runs on the thread that appends, before each entry. */
    volatile Runnable beforeAppend = () -> {};

    /** Runs when an entry is applied, before whoever appended it is told. */
    volatile Runnable whenApplied = () -> {};

    private MetadataStore metadata = HeapMetadataStore.open(NO_FOLDER);
    private ExecutorService cold;
    private ExecutorService syncer;
    private SourceLogs logs;

    private record Entry(long topicId, ByteBuffer payload) {}

    /** A record as a client decodes it. */
    record Decoded(
            long offset, long timestampMs, String key, byte[] value, Map<String, String> headers) {
        String text() {
            return new String(value, StandardCharsets.UTF_8);
        }
    }

    SourceFixture(ObjectStore delegate) {
        this(delegate, CacheContext::new);
    }

    /**
     * @param cache what each start gives the cache
     */
    SourceFixture(ObjectStore delegate, Supplier<CacheContext> cache) {
        this.cache = cache;
        store = new CountingStore(delegate);
        stores.put(ROOT, store);
        start();
    }

    private void start() {
        cold = Executors.newFixedThreadPool(4);
        syncer = Executors.newSingleThreadExecutor();
        StoreThreads threads = new StoreThreads(cold, cold, cold);
        logs =
                new SourceLogs(
                        this::append,
                        metadata,
                        memory,
                        cold,
                        store -> threads,
                        stores,
                        new BundledReaders(),
                        () -> LEADER_EPOCH,
                        cache.get());
    }

    private CompletableFuture<?> append(long topicId, ByteBuffer payload) {
        beforeAppend.run();
        if (appends.getAndIncrement() == failingAppend) {
            return CompletableFuture.failedFuture(new IOException("no space"));
        }
        ByteBuffer copy = ByteBuffer.allocate(payload.remaining()).put(payload.duplicate()).flip();
        return CompletableFuture.runAsync(
                () -> {
                    add(new Entry(topicId, copy));
                    whenApplied.run();
                },
                syncer);
    }

    private void add(Entry entry) {
        synchronized (journal) {
            journal.add(entry);
        }
        try (Batch batch = metadata.newBatch()) {
            SourceLogs.onEntry(entry.topicId(), entry.payload().duplicate(), batch);
            metadata.write(batch);
        }
    }

    /** The next append but so many fails, as if the disk were full. */
    void failAppendAfter(long count) {
        failingAppend = appends.get() + count;
    }

    boolean hasAppendFailed() {
        return appends.get() > failingAppend;
    }

    int entryCount() {
        synchronized (journal) {
            return journal.size();
        }
    }

    SourceLogs logs() {
        return logs;
    }

    static Topic topic(long id, int partitionCount, Map<String, String> configs) {
        return new Topic(id, "topic-" + id, partitionCount, configs, TopicConfig.DEFAULTS, 0);
    }

    static Topic topic(int partitionCount, String format) {
        return topic(
                1,
                partitionCount,
                Map.of("headrace.source.uri", ROOT, "headrace.source.format", format));
    }

    /**
     * Ends, and starts again with a replay of the journal, onto the projection as it was or onto an
     * empty one.
     */
    void restart(boolean isProjectionLost) {
        stop();
        if (isProjectionLost) {
            metadata = HeapMetadataStore.open(NO_FOLDER);
        }
        try (Batch batch = metadata.newBatch()) {
            for (Entry entry : journal) {
                SourceLogs.onEntry(entry.topicId(), entry.payload().duplicate(), batch);
            }
            metadata.write(batch);
        }
        start();
    }

    private void stop() {
        logs.close();
        end(cold);
        logs.awaitEnd(Deadline.afterMs(TimeUnit.SECONDS.toMillis(DEADLINE_SECONDS)));
        end(syncer);
    }

    private static void end(ExecutorService executor) {
        executor.shutdown();
        try {
            if (!executor.awaitTermination(DEADLINE_SECONDS, TimeUnit.SECONDS)) {
                throw new IllegalStateException("executor does not end");
            }
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }

    /** A counter or gauge of the source logs. */
    long metric(String series) {
        Map<String, Long> metrics = new LinkedHashMap<>();
        logs.forEachMetric(metrics::put);
        return metrics.get(series);
    }

    /** Reads on from an offset as a consumer does, until so many records came. */
    List<Decoded> read(SourceLog log, long fromOffset, int count) {
        List<Decoded> records = new ArrayList<>();
        long offset = fromOffset;
        while (records.size() < count) {
            try (ReadResult result = poll(log, offset, 256 << 10)) {
                if (!(result instanceof RecordsLease lease)) {
                    throw new AssertionError(result + " at " + offset + " of " + log);
                }
                for (Decoded decoded : decode(lease)) {
                    if (decoded.offset() >= offset) {
                        assertEquals(fromOffset + records.size(), decoded.offset());
                        records.add(decoded);
                    }
                }
                offset = lease.nextOffset();
            }
        }
        return records.subList(0, count);
    }

    /**
     * One read: warm, cold, or after waiting, as a consumer waits, who asks again after a while
     * whatever happens; never {@code CAUGHT_UP} or {@code COLD}.
     */
    ReadResult poll(SourceLog log, long offset, int lengthMax) {
        long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        ReadResult result = log.read(offset, lengthMax);
        while (result == Unavailable.CAUGHT_UP && System.nanoTime() < deadlineNanos) {
            isAtOffset(log, offset + 1, FETCH_WAIT_MS);
            result = log.read(offset, lengthMax);
        }
        if (result == Unavailable.CAUGHT_UP) {
            throw staysAt(log, offset + 1);
        }
        if (result == Unavailable.COLD) {
            CompletableFuture<ReadResult> loaded = new CompletableFuture<>();
            log.readCold(offset, lengthMax, loaded::complete);
            return get(loaded);
        }
        return result;
    }

    /** Waits for the high watermark, or a stall. */
    static void awaitOffset(SourceLog log, long highWatermark) {
        if (!isAtOffset(log, highWatermark, TimeUnit.SECONDS.toMillis(DEADLINE_SECONDS))) {
            throw staysAt(log, highWatermark);
        }
    }

    private static AssertionError staysAt(SourceLog log, long wanted) {
        return new AssertionError(
                "high watermark stays at " + log.highWatermark() + ", not " + wanted);
    }

    private static boolean isAtOffset(SourceLog log, long highWatermark, long waitMs) {
        CountDownLatch woken = new CountDownLatch(1);
        Runnable wake = woken::countDown;
        log.onHighWatermark(highWatermark, wake);
        try {
            return woken.await(waitMs, TimeUnit.MILLISECONDS);
        } catch (InterruptedException interrupted) {
            throw new AssertionError(interrupted);
        } finally {
            log.cancel(wake);
        }
    }

    static <T> T get(CompletableFuture<T> future) {
        try {
            return future.get(DEADLINE_SECONDS, TimeUnit.SECONDS);
        } catch (Exception failed) {
            throw new AssertionError(failed);
        }
    }

    static List<Decoded> decode(RecordsLease lease) {
        List<Decoded> records = new ArrayList<>();
        int length = 0;
        for (int i = 0; i < lease.sliceCount(); i++) {
            ByteBuffer slice = lease.slice(i).duplicate();
            length += slice.remaining();
            for (RecordBatch batch : MemoryRecords.readableRecords(slice).batches()) {
                batch.ensureValid();
                assertEquals(LEADER_EPOCH, batch.partitionLeaderEpoch());
                for (Record record : batch) {
                    records.add(decode(record));
                }
            }
        }
        assertEquals(length, lease.length());
        return records;
    }

    private static Decoded decode(Record record) {
        Map<String, String> headers = new LinkedHashMap<>();
        for (Header header : record.headers()) {
            headers.put(header.key(), new String(header.value(), StandardCharsets.UTF_8));
        }
        return new Decoded(
                record.offset(),
                record.timestamp(),
                record.hasKey() ? text(record.key()) : null,
                record.hasValue() ? bytes(record.value()) : null,
                headers);
    }

    private static String text(ByteBuffer buffer) {
        return new String(bytes(buffer), StandardCharsets.UTF_8);
    }

    private static byte[] bytes(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }

    @Override
    public void close() {
        stop();
        memory.close();
    }
}
