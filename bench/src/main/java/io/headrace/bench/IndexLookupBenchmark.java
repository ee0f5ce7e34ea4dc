package io.headrace.bench;

import io.headrace.engine.spi.MetadataStore;
import io.headrace.rocks.RocksMetadataStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Looks up the batch that holds an offset, in an offset index of the form that the engine keeps:
 * rows of {@code (partition, last offset) → 28 bytes}, flushed, with the store's default memory.
 * Beside it a get of a row by its whole key, present and absent.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
public class IndexLookupBenchmark {
    private static final int BATCH_COUNT_PER_PARTITION = 1000;
    private static final int OFFSETS_PER_BATCH = 10;
    private static final int VALUE_LENGTH = 28;
    private static final int ROWS_PER_WRITE = 1000;

    /** Rows of the index: a thousand for each partition. */
    @Param({"10000", "1000000", "5000000"})
    public int rowCount;

    private Path folder;
    private MetadataStore store;

    /** Writes the index in order of time: each partition's next batch in turn. */
    @Setup
    public void setUp() throws IOException {
        folder = Files.createTempDirectory("index-lookup");
        store = RocksMetadataStore.open(folder);
        byte[] value = new byte[VALUE_LENGTH];
        try (MetadataStore.Batch batch = store.newBatch()) {
            for (int row = 0; row < rowCount; row++) {
                int partition = row % partitionCount();
                ThreadLocalRandom.current().nextBytes(value);
                batch.put(key(partition, lastOffset(row / partitionCount())), value);
                if (batch.count() == ROWS_PER_WRITE) {
                    store.write(batch);
                    batch.clear();
                }
            }
            store.write(batch);
        }
        store.flush();
    }

    private int partitionCount() {
        return rowCount / BATCH_COUNT_PER_PARTITION;
    }

    private static long lastOffset(int batchIndex) {
        return (batchIndex + 1L) * OFFSETS_PER_BATCH - 1;
    }

    private static byte[] key(int partition, long lastOffset) {
        return ByteBuffer.allocate(1 + Long.BYTES + Integer.BYTES + Long.BYTES)
                .put((byte) 'i')
                .putLong(partition)
                .putInt(0)
                .putLong(lastOffset)
                .array();
    }

    private int randomPartition() {
        return ThreadLocalRandom.current().nextInt(partitionCount());
    }

    private static int randomBatch() {
        return ThreadLocalRandom.current().nextInt(BATCH_COUNT_PER_PARTITION);
    }

    /** The batch that holds a random offset of a random partition. */
    @Benchmark
    public byte[] seekOffset() {
        long offset =
                lastOffset(randomBatch()) - ThreadLocalRandom.current().nextInt(OFFSETS_PER_BATCH);
        byte[] key = key(randomPartition(), offset);
        byte[] prefix = Arrays.copyOf(key, key.length - Long.BYTES);
        try (MetadataStore.Cursor cursor = store.cursor(prefix)) {
            if (!cursor.seek(key)) {
                throw new IllegalStateException("index has a hole: offset=" + offset);
            }
            return cursor.value();
        }
    }

    /** A row by its whole key. */
    @Benchmark
    public byte[] getRow() {
        byte[] row = store.get(key(randomPartition(), lastOffset(randomBatch())));
        if (row == null) {
            throw new IllegalStateException("index has a hole");
        }
        return row;
    }

    /** A row that is not there, between two that are. */
    @Benchmark
    public boolean getAbsentRow() {
        return store.get(key(randomPartition(), lastOffset(randomBatch()) - 1)) != null;
    }

    /** Deletes the index. */
    @TearDown
    public void tearDown() throws IOException {
        store.close();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
