package io.headrace.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordFilter;
import io.headrace.engine.batch.UnreadableBatchException;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecords.RecordFilter.BatchRetention;
import org.apache.kafka.common.record.internal.MemoryRecords.RecordFilter.BatchRetentionResult;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.utils.internals.BufferSupplier;
import org.apache.kafka.common.utils.internals.ByteBufferOutputStream;
import org.apache.kafka.common.utils.internals.ByteUtils;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What is left of a batch is what Kafka's cleaner leaves, and no batch takes more memory than its
 * bytes do, whatever it says of itself.
 */
class KafkaRecordFilterTest {
    private static final int QUARTER = RecordCursor.LENGTH_MAX / 4;

    /** Far less than an object for each of what the batches here are full of. */
    private static final long ALLOCATED_MAX = 48 << 20;

    private static final int MANY = 4_000_000;

    private final KafkaRecordFilter filter = new KafkaRecordFilter();

    private interface Body {
        void writeTo(DataOutputStream out) throws IOException;
    }

    @Test
    void aBatchThatIsTooLongDecompressedIsNotTaken() {
        assertTrue(filter.isCompactable(quarters(3)));
        assertFalse(filter.isCompactable(quarters(4)));
    }

    /** As one from before its topic was compacted. */
    @Test
    void aBatchIsNotReadBeyondABound() {
        ByteBuffer left = filter.filter(quarters(3), (offset, key, hasValue) -> offset > 0, -1);
        assertNotNull(left);
        assertEquals(2, RecordBatch.recordCount(left, 0));
        assertUnreadable(quarters(4));
    }

    @Test
    void headersTakeNoMoreMemoryThanTheirBytes() throws IOException {
        ByteBuffer batch = batch(CompressionType.ZSTD, 2, KafkaRecordFilterTest::writeManyHeaders);
        assertTrue(batch.remaining() < 10_000);
        assertAllocatesLittle(() -> assertTrue(filter.isCompactable(batch)));
        assertAllocatesLittle(() -> filter.forEach(batch, (offset, key) -> {}));
        assertAllocatesLittle(
                () -> {
                    ByteBuffer left =
                            filter.filter(batch, (offset, key, hasValue) -> offset == 0, -1);
                    assertEquals(1, RecordBatch.recordCount(left, 0));
                    assertTrue(filter.isCompactable(left.putInt(23, 0))); // the last offset
                });
    }

    @Test
    void headersOfAPlainBatchTakeNoMemory() throws IOException {
        ByteBuffer batch = batch(CompressionType.NONE, 2, KafkaRecordFilterTest::writeManyHeaders);
        assertAllocatesLittle(() -> assertTrue(filter.isCompactable(batch)));
    }

    private static void writeManyHeaders(DataOutputStream out) throws IOException {
        ByteUtils.writeVarint(4 + 1 + 1 + ByteUtils.sizeOfVarint(MANY) + 2 * MANY, out);
        out.write(new byte[] {0, 0, 0, 2, 'k', 1}); // attributes, deltas, key, no value
        ByteUtils.writeVarint(MANY, out);
        for (int i = 0; i < MANY; i++) {
            out.write(new byte[] {0, 1}); // an empty key, no value
        }
        ByteUtils.writeVarint(7, out);
        out.write(new byte[] {0, 0, 2, 2, 'l', 1, 0});
    }

    @Test
    void smallRecordsTakeNoMoreMemoryThanTheirBytes() throws IOException {
        int count = MANY / 4;
        ByteBuffer batch =
                batch(
                        CompressionType.ZSTD,
                        count,
                        out -> {
                            for (int i = 0; i < count; i++) {
                                writeRecord(out, i, "k", "");
                            }
                        });
        assertAllocatesLittle(() -> assertTrue(filter.isCompactable(batch)));
        assertAllocatesLittle(
                () -> {
                    ByteBuffer left =
                            filter.filter(batch, (offset, key, hasValue) -> offset > 0, -1);
                    assertEquals(count - 1, RecordBatch.recordCount(left, 0));
                });
    }

    private static void writeRecord(DataOutputStream out, int place, String key, String value)
            throws IOException {
        int length = 2 + ByteUtils.sizeOfVarint(place) + 1 + key.length() + 1 + value.length() + 1;
        ByteUtils.writeVarint(length, out);
        out.write(new byte[] {0, 0});
        ByteUtils.writeVarint(place, out);
        ByteUtils.writeVarint(key.length(), out);
        out.writeBytes(key);
        ByteUtils.writeVarint(value.length(), out);
        out.writeBytes(value);
        ByteUtils.writeVarint(0, out);
    }

    /** Kafka's reader steps over what is there, and counts what is claimed. */
    @Test
    void aRecordThatClaimsLessThanItHasIsNotTaken() throws IOException {
        for (int claimed : new int[] {0, 5, 100}) {
            ByteBuffer batch =
                    batch(
                            CompressionType.ZSTD,
                            1,
                            out -> {
                                ByteUtils.writeVarint(claimed, out);
                                out.write(new byte[] {0, 0, 0, 2, 'k'});
                                ByteUtils.writeVarint(1000, out);
                                out.write(new byte[1000]);
                                ByteUtils.writeVarint(0, out);
                            });
            assertFalse(filter.isCompactable(batch));
            assertUnreadable(batch);
        }
    }

    /** What no consumer could read on behind is refused while its producer is there to be told. */
    @ParameterizedTest
    @MethodSource("brokenHeaders")
    void headersThatDoNotFitIntoTheirRecordAreNotTaken(byte[] headers) throws IOException {
        ByteBuffer batch =
                batch(
                        CompressionType.ZSTD,
                        2,
                        out -> {
                            ByteUtils.writeVarint(7 + headers.length, out);
                            out.write(new byte[] {0, 0, 0, 2, 'k', 2, 'v'});
                            out.write(headers);
                            writeRecord(out, 1, "l", "");
                        });
        assertThrows(
                InvalidRecordException.class,
                () -> batchOf(batch).forEach(each -> assertNotNull(each.headers())));
        assertFalse(filter.isCompactable(batch));
        filter.forEach(batch, (offset, key) -> {}); // it is as it is, from before
    }

    static List<byte[]> brokenHeaders() {
        return List.of(
                new byte[0],
                new byte[] {1}, // −1 of them
                new byte[] {2}, // one, which is not there
                new byte[] {2, 1, 1}, // without a name
                new byte[] {2, 2, 'h', 4, 0}, // a value of two bytes, of which there is one
                new byte[] {2, 4, 'h'},
                new byte[] {2, 2, 'h', 1, 0}, // and something behind it
                new byte[] {0, 0});
    }

    @ParameterizedTest
    @EnumSource(CompressionType.class)
    void headersOfAllKindsAreTaken(CompressionType codec) {
        Header[] headers = {
            new RecordHeader("", null),
            new RecordHeader("h", new byte[0]),
            new RecordHeader("h".repeat(40_000), new byte[40_000])
        };
        SimpleRecord record = new SimpleRecord(0, new byte[1], new byte[40_000], headers);
        ByteBuffer batch =
                MemoryRecords.withRecords(Compression.of(codec).build(), record, record).buffer();
        assertTrue(filter.isCompactable(batch));
    }

    @Test
    void whatIsClaimedAndNotThereTakesNoMemory() throws IOException {
        ByteBuffer batch =
                batch(
                        CompressionType.ZSTD,
                        1,
                        out -> {
                            ByteUtils.writeVarint(RecordCursor.LENGTH_MAX - 10, out);
                            out.write(new byte[] {0, 0, 0});
                            ByteUtils.writeVarint(RecordCursor.LENGTH_MAX - 100, out);
                        });
        assertAllocatesLittle(() -> assertFalse(filter.isCompactable(batch)));
        assertAllocatesLittle(() -> assertUnreadable(batch));
    }

    @Test
    void aSnappyChunkThatClaimsMoreThanItCanHaveTakesNoMemory() {
        ByteBuffer long32 = ByteBuffer.allocate(20).putLong(0x82534E4150505900L);
        long32.putInt(1).putInt(1).putInt(400 << 20).flip(); // a chunk of 400 MiB, not there
        assertSnappyRefused(long32);
        ByteBuffer expanding = ByteBuffer.allocate(40).putLong(0x82534E4150505900L);
        expanding.putInt(1).putInt(1).putInt(8);
        ByteUtils.writeUnsignedVarint(400 << 20, expanding); // which eight bytes cannot be
        expanding.position(28).flip();
        assertSnappyRefused(expanding);
        ByteBuffer headerless = ByteBuffer.allocate(40);
        ByteUtils.writeUnsignedVarint(400 << 20, headerless);
        headerless.position(8).flip();
        assertSnappyRefused(headerless);
    }

    private void assertSnappyRefused(ByteBuffer body) {
        ByteBuffer batch = batch(CompressionType.SNAPPY, body);
        assertAllocatesLittle(() -> assertFalse(filter.isCompactable(batch)));
        assertAllocatesLittle(() -> assertUnreadable(batch));
    }

    private static ByteBuffer batch(CompressionType codec, ByteBuffer body) {
        ByteBuffer batch =
                ByteBuffer.allocate(RecordBatch.HEADER_LENGTH + body.remaining())
                        .position(RecordBatch.HEADER_LENGTH)
                        .put(body)
                        .flip();
        BatchHeader.write(batch, codec, 1);
        return batch;
    }

    /** Java's reader calls itself for each of them. */
    @Test
    void gzipMembersWithNothingInThemDoNotEndTheStack() throws IOException {
        ByteArrayOutputStream member = new ByteArrayOutputStream();
        new GZIPOutputStream(member).close();
        ByteBuffer body = ByteBuffer.allocate(200_000 * member.size());
        while (body.hasRemaining()) {
            body.put(member.toByteArray());
        }
        ByteBuffer batch = batch(CompressionType.GZIP, body.flip());
        assertFalse(filter.isCompactable(batch));
        assertUnreadable(batch);
    }

    @ParameterizedTest
    @EnumSource(CompressionType.class)
    void aBatchWithOtherRecordsThanItSaysIsNotTaken(CompressionType codec) throws IOException {
        assertTrue(filter.isCompactable(batch(codec, 2, out -> writeRecords(out, 2))));
        assertFalse(filter.isCompactable(batch(codec, 2, out -> writeRecords(out, 1))));
        assertFalse(filter.isCompactable(batch(codec, 2, out -> writeRecords(out, 3))));
        assertFalse(filter.isCompactable(batch(codec, 1, out -> writeRecord(out, 1, "k", ""))));
        ByteBuffer keyless =
                MemoryRecords.withRecords(
                                Compression.of(codec).build(), new SimpleRecord(0, new byte[1]))
                        .buffer();
        assertFalse(filter.isCompactable(keyless));
    }

    private static void writeRecords(DataOutputStream out, int count) throws IOException {
        for (int i = 0; i < count; i++) {
            writeRecord(out, i, "key" + i, "value");
        }
    }

    @ParameterizedTest
    @EnumSource(CompressionType.class)
    void whatIsLeftIsWhatKafkasCleanerLeaves(CompressionType codec) {
        Random random = new Random(codec.id);
        for (int round = 0; round < 100; round++) {
            ByteBuffer batch = randomBatch(codec, random);
            long horizonMs = random.nextInt(1000);
            long salt = random.nextInt();
            RecordFilter.Selection selection =
                    (offset, key, hasValue) -> key != null && (salt >> offset & 1) == 0;
            ByteBuffer left = filter.filter(batch, selection, horizonMs);
            ByteBuffer expected = byKafka(batch, selection, horizonMs);
            if (expected == null || left == null) {
                assertNull(expected);
                assertNull(left);
            } else if (expected.equals(batch)) {
                assertSame(batch, left);
            } else {
                assertSameRecords(expected, left);
                assertTrue(RecordBatch.isIntact(left));
                // What was said of the tombstones stays.
                assertSameRecords(expected, filter.filter(left, selection, horizonMs + 1));
            }
        }
    }

    private static ByteBuffer randomBatch(CompressionType codec, Random random) {
        SimpleRecord[] records = new SimpleRecord[1 + random.nextInt(20)];
        for (int i = 0; i < records.length; i++) {
            byte[] key = random.nextInt(10) == 0 ? null : new byte[random.nextInt(40_000)];
            byte[] value = random.nextInt(3) == 0 ? null : new byte[random.nextInt(40_000)];
            if (key != null) {
                random.nextBytes(key);
            }
            Header[] headers = new Header[random.nextInt(3)];
            for (int j = 0; j < headers.length; j++) {
                headers[j] = new RecordHeader("h" + j, random.nextBoolean() ? null : new byte[j]);
            }
            records[i] = new SimpleRecord(random.nextInt(1 << 20), key, value, headers);
        }
        TimestampType type =
                random.nextBoolean() ? TimestampType.CREATE_TIME : TimestampType.LOG_APPEND_TIME;
        return MemoryRecords.withRecords(
                        RecordBatch.MAGIC,
                        7000,
                        Compression.of(codec).build(),
                        type,
                        9,
                        (short) 3,
                        5,
                        4,
                        false,
                        records)
                .buffer();
    }

    private static ByteBuffer byKafka(
            ByteBuffer batch, RecordFilter.Selection selection, long horizonMs) {
        MemoryRecords.RecordFilter cleaner =
                new MemoryRecords.RecordFilter(horizonMs, 0) {
                    @Override
                    protected BatchRetentionResult checkBatchRetention(
                            org.apache.kafka.common.record.internal.RecordBatch of) {
                        return new BatchRetentionResult(BatchRetention.DELETE_EMPTY, false);
                    }

                    @Override
                    protected boolean shouldRetainRecord(
                            org.apache.kafka.common.record.internal.RecordBatch of, Record record) {
                        return selection.isSelected(
                                record.offset(), record.key(), record.hasValue());
                    }
                };
        MemoryRecords.FilterResult result =
                MemoryRecords.readableRecords(batch.slice())
                        .filterTo(
                                cleaner,
                                ByteBuffer.allocate(1 << 20),
                                BufferSupplier.NO_CACHING,
                                Integer.MAX_VALUE);
        return result.messagesRetained() == 0 ? null : result.outputBuffer().duplicate().flip();
    }

    private static void assertSameRecords(ByteBuffer expected, ByteBuffer actual) {
        MutableRecordBatch left = batchOf(actual);
        MutableRecordBatch wanted = batchOf(expected);
        assertEquals(describe(wanted), describe(left));
        assertEquals(recordsOf(wanted), recordsOf(left));
    }

    private static MutableRecordBatch batchOf(ByteBuffer batch) {
        return MemoryRecords.readableRecords(batch.slice()).batches().iterator().next();
    }

    private static List<Object> describe(MutableRecordBatch batch) {
        batch.ensureValid();
        return List.of(
                batch.baseOffset(),
                batch.lastOffset(),
                batch.maxTimestamp(),
                batch.timestampType(),
                batch.compressionType(),
                batch.deleteHorizonMs(),
                batch.producerId(),
                batch.producerEpoch(),
                batch.baseSequence(),
                batch.lastSequence(),
                batch.partitionLeaderEpoch(),
                batch.countOrNull());
    }

    private static List<Object> recordsOf(MutableRecordBatch batch) {
        List<Object> records = new ArrayList<>();
        for (Record record : batch) {
            records.add(record.offset());
            records.add(record.timestamp());
            records.add(record.hasKey() ? record.key().duplicate() : "none");
            records.add(record.hasValue() ? record.value().duplicate() : "none");
            records.add(List.of(record.headers()));
        }
        return records;
    }

    private void assertUnreadable(ByteBuffer batch) {
        assertThrows(
                UnreadableBatchException.class, () -> filter.forEach(batch, (offset, key) -> {}));
        assertThrows(
                UnreadableBatchException.class,
                () -> filter.filter(batch, (offset, key, hasValue) -> false, -1));
    }

    private static void assertAllocatesLittle(Runnable step) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        step.run();
        long allocated = threads.getCurrentThreadAllocatedBytes() - before;
        assertTrue(allocated < ALLOCATED_MAX, "allocated=" + allocated);
    }

    private static ByteBuffer batch(CompressionType codec, int count, Body body)
            throws IOException {
        ByteBufferOutputStream output = new ByteBufferOutputStream(1024);
        output.position(RecordBatch.HEADER_LENGTH);
        try (DataOutputStream out =
                new DataOutputStream(
                        Compression.of(codec).build().wrapForOutput(output, RecordBatch.MAGIC))) {
            body.writeTo(out);
        }
        ByteBuffer batch = output.buffer().flip();
        BatchHeader.write(batch, codec, count);
        return batch;
    }

    /** Of records that have a quarter of what is taken, each. */
    private static ByteBuffer quarters(int count) {
        SimpleRecord[] records = new SimpleRecord[count];
        byte[] value = new byte[QUARTER];
        for (int i = 0; i < count; i++) {
            records[i] = new SimpleRecord(1000, new byte[] {(byte) i}, value);
        }
        Compression zstd = Compression.of(CompressionType.ZSTD).build();
        ByteBuffer batch = MemoryRecords.withRecords(zstd, records).buffer();
        assertTrue(batch.remaining() < 100_000);
        return batch;
    }
}
