package io.headrace.kafka;

import io.headrace.engine.batch.RecordBatch;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.utils.internals.BufferSupplier;
import org.apache.kafka.common.utils.internals.ByteUtils;
import org.jspecify.annotations.Nullable;

/**
 * Steps through the records of one batch as they come out of its codec. Kafka's own iterators make
 * an object of each record and each header, and believe what a record says of its length; a batch
 * of some kilobytes can hold millions of either, or gigabytes. Here nothing is made of a record but
 * a copy of its key, if that is asked for, and no more is decompressed than {@link #LENGTH_MAX}.
 * What is behind a record's value is its headers, which are stepped over if that is asked for.
 *
 * <p>For one thread. The batch is borrowed until {@link #close}. What is wrong inside of it is an
 * {@link IOException} or a {@link RuntimeException}, as the codec will have it.
 */
public final class RecordCursor implements AutoCloseable {
    /** What the records of a batch have together, decompressed, at most. */
    public static final int LENGTH_MAX = 64 << 20;

    /** What one chunk of snappy holds, at most: its reader has it in memory as a whole. */
    private static final int SNAPPY_CHUNK_MAX = 16 << 20;

    private static final int CHUNK_LENGTH = 16 << 10;
    private static final ByteBuffer NO_KEY = ByteBuffer.allocate(0);

    private final InputStream in;
    private final long baseOffset;
    private final long baseTimestampMs;

    /** Of all records, if it is the time of appending; −1 if they have their own. */
    private final long appendTimeMs;

    private final boolean readsKeys;
    private int recordsLeft;

    /** Of {@link #LENGTH_MAX}, not claimed by any record yet. */
    private int lengthLeft = LENGTH_MAX;

    private final byte[] chunk;
    private int at;
    private int limit;

    /** Bytes of the record that is looked at which have not been read: what it has to end with. */
    private int left;

    private byte attributes;
    private long timestampDelta;
    private int offsetDelta;
    private int keyLength;
    private ByteBuffer key = NO_KEY;
    private int valueLength;

    private RecordCursor(InputStream in, ByteBuffer batch, boolean readsKeys) {
        int begin = batch.position();
        this.in = in;
        this.baseOffset = RecordBatch.baseOffset(batch, begin);
        this.baseTimestampMs = RecordBatch.baseTimestamp(batch, begin);
        this.appendTimeMs =
                RecordBatch.isLogAppendTime(batch, begin)
                        ? RecordBatch.maxTimestamp(batch, begin)
                        : -1;
        this.recordsLeft = RecordBatch.recordCount(batch, begin);
        this.readsKeys = readsKeys;
        boolean isPlain = RecordBatch.compression(batch, begin) == CompressionType.NONE.id;
        this.chunk = new byte[isPlain ? Math.min(CHUNK_LENGTH, batch.remaining()) : CHUNK_LENGTH];
    }

    /**
     * Before the first record.
     *
     * @param batch one, whole, from position to limit
     * @param readsKeys whether keys are asked for, and not only whether there are any
     */
    public static RecordCursor open(ByteBuffer batch, boolean readsKeys) {
        ByteBuffer body = batch.slice();
        body.position(RecordBatch.HEADER_LENGTH);
        int codec = RecordBatch.compression(batch, batch.position());
        CompressionType type = CompressionType.forId(codec);
        if (type == CompressionType.SNAPPY) {
            SnappyChunks.requireHonest(body.slice(), SNAPPY_CHUNK_MAX);
        }
        InputStream in =
                Compression.of(type)
                        .build()
                        .wrapForInput(body, RecordBatch.MAGIC, BufferSupplier.NO_CACHING);
        return new RecordCursor(in, batch, readsKeys);
    }

    /** Goes on to the next record; false if there is none, and nothing else behind the last. */
    public boolean next() throws IOException {
        skipRest();
        if (recordsLeft <= 0) {
            requireEnd();
            return false;
        }
        recordsLeft--;
        beginRecord();
        attributes = read();
        timestampDelta = readVarlong();
        offsetDelta = readVarint();
        keyLength = readVarint();
        takeKey();
        valueLength = readVarint();
        requireLeft(valueLength);
        return true;
    }

    /**
     * Steps over the rest of the record, and looks whether its headers are as long as it is: a
     * consumer could not get by otherwise. Once, and nothing else is asked of the record then.
     */
    void requireHeaders() throws IOException {
        skip(Math.max(0, valueLength));
        int count = readVarint();
        if (count < 0) {
            throw new InvalidRecordException("record has no number of headers: count=" + count);
        }
        for (int i = 0; i < count; i++) {
            int nameLength = readVarint();
            if (nameLength < 0) {
                throw new InvalidRecordException("header has no name: length=" + nameLength);
            }
            skipWithin(nameLength);
            skipWithin(Math.max(0, readVarint()));
        }
        if (left > 0) {
            throw new InvalidRecordException("record is longer than its headers: left=" + left);
        }
    }

    private void skipWithin(int length) throws IOException {
        requireLeft(length);
        skip(length);
    }

    private void beginRecord() throws IOException {
        left = Integer.MAX_VALUE; // the length itself is not of the record
        int length = readVarint();
        int claimed = Integer.MAX_VALUE - left + length;
        if (length < 0 || claimed < 0 || claimed > lengthLeft) {
            throw new InvalidRecordException(
                    "records of a batch are too long, decompressed: length="
                            + length
                            + " bytesMax="
                            + LENGTH_MAX);
        }
        lengthLeft -= claimed;
        left = length;
    }

    private void takeKey() throws IOException {
        requireLeft(keyLength);
        if (keyLength > 0 && readsKeys) {
            readKey();
        } else {
            skip(Math.max(0, keyLength));
        }
    }

    /** Room is made for what comes, not for what is said to come. */
    private void readKey() throws IOException {
        int length = 0;
        while (length < keyLength) {
            int count = Math.min(keyLength - length, available());
            if (key.capacity() < length + count) {
                int capacity = Math.min(keyLength, Math.max(2 * key.capacity(), length + count));
                key = ByteBuffer.wrap(Arrays.copyOf(key.array(), capacity));
            }
            System.arraycopy(chunk, at, key.array(), length, count);
            at += count;
            left -= count;
            length += count;
        }
    }

    private void requireLeft(int length) {
        if (length > left) {
            throw new InvalidRecordException(
                    "record is shorter than what is in it: length=" + length + " left=" + left);
        }
    }

    private void requireEnd() throws IOException {
        if (recordsLeft < 0 || at < limit || fill() >= 0) {
            throw new InvalidRecordException("batch has other records than it says");
        }
    }

    public long offset() {
        return baseOffset + offsetDelta;
    }

    /** In milliseconds since 1970. */
    public long timestampMs() {
        return appendTimeMs >= 0 ? appendTimeMs : baseTimestampMs + timestampDelta;
    }

    /** In the batch's terms: relative to its base timestamp. */
    long timestampDelta() {
        return timestampDelta;
    }

    public boolean hasKey() {
        return keyLength >= 0;
    }

    /** Null if it has none; borrowed until {@link #next}. Only where keys are read. */
    @Nullable ByteBuffer key() {
        return hasKey() ? key.clear().limit(keyLength) : null;
    }

    boolean hasValue() {
        return valueLength >= 0;
    }

    /**
     * Writes the record, once. Only where keys are read.
     *
     * @param timestampShift by which the batch that it goes to has an earlier base timestamp
     */
    void writeTo(DataOutputStream out, long timestampShift) throws IOException {
        long delta = timestampDelta + timestampShift;
        int keyBytes = Math.max(0, keyLength);
        int length =
                Byte.BYTES
                        + ByteUtils.sizeOfVarlong(delta)
                        + ByteUtils.sizeOfVarint(offsetDelta)
                        + ByteUtils.sizeOfVarint(keyLength)
                        + keyBytes
                        + ByteUtils.sizeOfVarint(valueLength)
                        + left;
        ByteUtils.writeVarint(length, out);
        out.write(attributes);
        ByteUtils.writeVarlong(delta, out);
        ByteUtils.writeVarint(offsetDelta, out);
        ByteUtils.writeVarint(keyLength, out);
        out.write(key.array(), 0, keyBytes);
        ByteUtils.writeVarint(valueLength, out);
        while (left > 0) {
            int count = Math.min(left, available());
            out.write(chunk, at, count);
            at += count;
            left -= count;
        }
    }

    private void skipRest() throws IOException {
        skip(left);
    }

    private void skip(int length) throws IOException {
        int rest = length;
        while (rest > 0) {
            int count = Math.min(rest, available());
            at += count;
            rest -= count;
        }
        left -= length;
    }

    private int readVarint() throws IOException {
        long value = readVarlong();
        if (value != (int) value) {
            throw new InvalidRecordException("number is too large: value=" + value);
        }
        return (int) value;
    }

    private long readVarlong() throws IOException {
        long zigzag = 0;
        for (int shift = 0; shift < Long.SIZE; shift += 7) {
            byte next = read();
            zigzag |= (long) (next & 0x7F) << shift;
            if (next >= 0) {
                return zigzag >>> 1 ^ -(zigzag & 1);
            }
        }
        throw new InvalidRecordException("number does not end");
    }

    private byte read() throws IOException {
        requireLeft(1);
        available();
        left--;
        return chunk[at++];
    }

    /** How many bytes of the chunk are left, one at least. */
    private int available() throws IOException {
        while (at == limit) {
            if (fill() < 0) {
                throw new EOFException("batch ends within a record");
            }
        }
        return limit - at;
    }

    /** Reads on; −1 at the end. */
    private int fill() throws IOException {
        int count;
        try {
            count = in.read(chunk, 0, chunk.length);
        } catch (StackOverflowError e) { // gzip's reader calls itself for each empty member
            throw new IOException("compressed bytes have too many empty parts", e);
        }
        at = 0;
        limit = Math.max(0, count);
        return count;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
