package io.headrace.bench.sealing;

import static java.util.Objects.requireNonNull;

import io.headrace.engine.Engine;
import io.headrace.engine.EngineContext;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.offheap.OffHeapContext;
import io.headrace.offheap.OffHeapMemoryStore;
import io.headrace.rocks.RocksMetadataStore;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;

/** An engine with one data journal, and the calls that the benchmark makes of it. */
final class BenchEngine implements AutoCloseable {
    private static final int CREATED_TOGETHER = 1000;
    private static final int READ_LENGTH = 1 << 20;

    private final OffHeapMemoryStore memory =
            new OffHeapMemoryStore(new OffHeapContext().budgetBytes(256 << 20));
    final Engine engine;

    BenchEngine(Path folder, int cycleBytes) {
        engine =
                Engine.launch(
                        new EngineContext()
                                .directory(folder)
                                .memoryStore(memory)
                                .metadataStoreFactory(RocksMetadataStore::open)
                                .journalCount(1)
                                .journalCycleBytes(cycleBytes)
                                .diskReserveBytes(0));
    }

    /** Topics of that name and a number each, of one partition, whose records are kept. */
    List<Topic> create(String name, int count, boolean synced) throws Exception {
        Map<String, String> configs =
                Map.of("retention.ms", "-1", "flush.messages", synced ? "1" : "1000000");
        List<Topic> topics = new ArrayList<>();
        List<TopicSpec> specs = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            specs.add(new TopicSpec(name + "-" + i, 1, configs));
            if (specs.size() == CREATED_TOGETHER || i == count - 1) {
                engine.catalog()
                        .create(List.copyOf(specs), false)
                        .get()
                        .forEach(result -> topics.add(result.topic()));
                specs.clear();
            }
        }
        return topics;
    }

    PartitionLog log(String name) {
        return requireNonNull(engine.partitionLog(topic(name), 0), name);
    }

    Topic topic(String name) {
        return requireNonNull(engine.catalog().find(name), name);
    }

    /** A batch of one record that does not compress. */
    static ByteBuffer batch(int length) {
        byte[] value = new byte[length];
        new Random(length).nextBytes(value);
        ByteBuffer buffer = ByteBuffer.allocateDirect(length + 200);
        RecordBatchWriter writer =
                new RecordBatchWriter().begin(buffer, System.currentTimeMillis());
        writer.append(System.currentTimeMillis(), null, ByteBuffer.wrap(value));
        writer.end();
        return buffer.flip();
    }

    /** Appends, again if the engine says that it lags. */
    static long append(PartitionLog log, ByteBuffer batch) {
        long offset = log.append(batch);
        while (offset == PartitionLog.BACK_PRESSURED) {
            LockSupport.parkNanos(1_000_000);
            offset = log.append(batch);
        }
        if (offset < 0) {
            throw new IllegalStateException("append refused: status=" + offset);
        }
        return offset;
    }

    /** Reads a log from its beginning to its end, and checks each batch; returns its bytes. */
    static long readAll(PartitionLog log) {
        long bytes = 0;
        long offset = log.logStartOffset();
        while (offset < log.highWatermark()) {
            try (ReadResult result = read(log, offset)) {
                if (!(result instanceof RecordsLease lease)) {
                    throw new IllegalStateException("not read: " + result + " at " + offset);
                }
                for (int i = 0; i < lease.sliceCount(); i++) {
                    offset = check(lease.slice(i), offset);
                }
                bytes += lease.length();
            }
        }
        return bytes;
    }

    /** Reads the batch of that offset, as a reader at the tail does. */
    static void readOne(PartitionLog log, long offset) {
        try (ReadResult result = read(log, offset)) {
            if (!(result instanceof RecordsLease)) {
                throw new IllegalStateException("not read: " + result + " at " + offset);
            }
        }
    }

    private static ReadResult read(PartitionLog log, long offset) {
        ReadResult result = log.read(offset, READ_LENGTH);
        if (result != Unavailable.COLD) {
            return result;
        }
        CompletableFuture<ReadResult> loaded = new CompletableFuture<>();
        log.readCold(offset, READ_LENGTH, loaded::complete);
        return loaded.join();
    }

    private static long check(ByteBuffer slice, long expected) {
        long offset = expected;
        for (int at = 0; at < slice.limit(); at += RecordBatch.length(slice, at)) {
            if (RecordBatch.baseOffset(slice, at) != offset) {
                throw new IllegalStateException("records are missing: offset=" + offset);
            }
            offset = RecordBatch.lastOffset(slice, at) + 1;
        }
        return offset;
    }

    long metric(String name) {
        long[] found = new long[1];
        engine.metrics().forEach((key, value) -> found[0] += key.equals(name) ? value : 0);
        return found[0];
    }

    @Override
    public void close() {
        engine.close();
        memory.close();
    }
}
