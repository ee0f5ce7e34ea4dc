package io.headrace.kafka;

import io.headrace.engine.batch.RecordBatch;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageSizeAccumulator;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.record.internal.BaseRecords;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.requests.RequestHeader;
import org.apache.kafka.common.requests.ResponseHeader;

/**
 * Encodes one response as buffers for a gathering write: fields, and short record slices, into one
 * buffer of exactly the right length; long record slices as they lie in memory, without a copy.
 *
 * <p>Used once, by one thread.
 */
final class ResponseEncoder extends BufferWriter {
    /**
     * Shorter slices are copied together. Each separate part costs an entry of the outbound buffer
     * and of the iovec, some 100 ns, which is what copying a few KiB costs.
     */
    private static final int COPY_BELOW_BYTES = 8 * 1024;

    /** Of a batch, before all that its checksum covers: where it is, how long, of which epoch. */
    private static final int PLACE_BYTES = RecordBatch.LENGTH_OVERHEAD + Integer.BYTES;

    private final ByteBufAllocator allocator;
    private final List<ByteBuf> parts = new ArrayList<>(3);
    private int length;

    ResponseEncoder(ByteBufAllocator allocator) {
        super(Unpooled.EMPTY_BUFFER);
        this.allocator = allocator;
    }

    /** The parts in order, at least one; the caller releases them. */
    List<ByteBuf> encode(RequestHeader request, ApiMessage body) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ResponseHeader header = request.toResponseHeader();
        MessageSizeAccumulator size = new MessageSizeAccumulator();
        header.data().addSize(size, cache, header.headerVersion());
        body.addSize(size, cache, request.apiVersion());
        length = Integer.BYTES + size.totalSize();
        int recordsLength = size.totalSize() - size.sizeExcludingZeroCopy();
        fields = allocator.directBuffer(length - Math.max(0, recordsLength - COPY_BELOW_BYTES));
        try {
            fields.writeInt(size.totalSize());
            write(header.data(), cache, header.headerVersion());
            write(body, cache, request.apiVersion());
            finish();
        } catch (Throwable e) {
            parts.forEach(ByteBuf::release);
            fields.release();
            throw e;
        }
        return parts;
    }

    /** Length of the response on the wire, in bytes. */
    int length() {
        return length;
    }

    private void write(Message message, ObjectSerializationCache cache, short version) {
        message.write(this, cache, version);
    }

    /** Hands the fields written since the last time over as a part of their own. */
    private void endFields() {
        if (fields.isReadable()) {
            parts.add(fields.readRetainedSlice(fields.readableBytes()));
        }
    }

    private void finish() {
        if (parts.isEmpty()) {
            parts.add(fields);
        } else {
            endFields();
            fields.release(); // its slices hold references of their own
        }
    }

    @Override
    public void writeRecords(BaseRecords records) {
        if (records instanceof LeasedRecords leased) {
            for (int i = 0; i < leased.sliceCount(); i++) {
                if (leased.leaderEpoch(i) >= 0 || leased.offsetShift(i) != 0) {
                    writePlaced(leased.slice(i), leased.offsetShift(i), leased.leaderEpoch(i));
                } else {
                    writeSlice(leased.slice(i));
                }
            }
        } else if (records instanceof MemoryRecords memory) {
            writeSlice(memory.buffer());
        } else {
            throw new IllegalArgumentException("records of " + records.getClass());
        }
    }

    /**
     * Batches of another log, with offsets that are not theirs.
     *
     * @param leaderEpoch −1 for those that they have
     */
    private void writePlaced(ByteBuffer slice, long shift, int leaderEpoch) {
        for (int at = slice.position(); at < slice.limit(); ) {
            int batchLength = RecordBatch.length(slice, at);
            fields.writeLong(RecordBatch.baseOffset(slice, at) + shift);
            fields.writeInt(batchLength - RecordBatch.LENGTH_OVERHEAD);
            fields.writeInt(leaderEpoch < 0 ? RecordBatch.leaderEpoch(slice, at) : leaderEpoch);
            writeSlice(slice.slice(at + PLACE_BYTES, batchLength - PLACE_BYTES));
            at += batchLength;
        }
    }

    /** Puts parts that are encoded already between the fields; they stay their owner's. */
    void writeParts(List<ByteBuf> encoded) {
        endFields();
        encoded.forEach(part -> parts.add(part.retainedDuplicate()));
    }

    private void writeSlice(ByteBuffer slice) {
        if (slice.remaining() < COPY_BELOW_BYTES) {
            fields.writeBytes(slice.duplicate());
        } else {
            endFields();
            parts.add(Unpooled.wrappedBuffer(slice.duplicate()));
        }
    }
}
