package io.headrace.engine.segment;

import io.headrace.engine.batch.RecordBatch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Reads a segment whole or by blocks, and trusts nothing that its checksums do not cover. Header,
 * trailer and footer are checked when it is opened, each block when it is read.
 *
 * <p>Used by one thread, which closes it.
 */
public final class SegmentReader implements AutoCloseable {
    private final SegmentFiles files;
    private final Path path;
    private final FileChannel channel;
    private final long length;
    private final SegmentFooter footer;

    /** Takes the batches of a block. */
    @FunctionalInterface
    public interface BatchHandler {
        /**
         * @param offset of the batch in the file
         * @param batch from position to limit; borrowed until this returns
         */
        void onBatch(SegmentRun run, long offset, ByteBuffer batch);
    }

    private SegmentReader(
            SegmentFiles files, Path path, FileChannel channel, int journal, int segment)
            throws IOException {
        this.files = files;
        this.path = path;
        this.channel = channel;
        this.length = channel.size();
        if (length < SegmentFrame.HEADER_LENGTH + SegmentFrame.TRAILER_LENGTH) {
            throw corrupt("file is too short", length);
        }
        ByteBuffer header = read(0, SegmentFrame.HEADER_LENGTH);
        refuse(SegmentFrame.headerFault(header, journal, segment), 0);
        long trailerOffset = length - SegmentFrame.TRAILER_LENGTH;
        ByteBuffer trailer = read(trailerOffset, SegmentFrame.TRAILER_LENGTH);
        refuse(SegmentFrame.trailerFault(trailer, segment, length), trailerOffset);
        this.footer = readFooter(trailer, SegmentFrame.retentionClass(header));
    }

    /**
     * Opens a segment.
     *
     * @throws CorruptSegmentException if it is not that segment, or damaged where it says what is
     *     in it
     */
    static SegmentReader open(SegmentFiles files, Path path, int journal, int segment)
            throws IOException {
        FileChannel channel = files.open(path);
        try {
            return new SegmentReader(files, path, channel, journal, segment);
        } catch (IOException | RuntimeException | Error e) {
            channel.close();
            throw e;
        }
    }

    private SegmentFooter readFooter(ByteBuffer trailer, int retentionClass) throws IOException {
        long offset = SegmentFrame.footerOffset(trailer);
        ByteBuffer bytes = read(offset, SegmentFrame.footerLength(trailer));
        if (SegmentFrame.crc(bytes, 0, bytes.limit()) != SegmentFrame.footerCrc(trailer)) {
            throw corrupt("footer fails its checksum", offset);
        }
        try {
            SegmentFooter decoded = SegmentFooter.decode(bytes, retentionClass);
            requireContiguous(decoded, offset);
            return decoded;
        } catch (IllegalArgumentException e) {
            throw corrupt(String.valueOf(e.getMessage()), offset);
        }
    }

    private void requireContiguous(SegmentFooter decoded, long footerOffset) throws IOException {
        long expected = SegmentFrame.HEADER_LENGTH;
        for (SegmentRun run : decoded.runs()) {
            for (SegmentBlock block : run.blocks()) {
                if (block.offset() != expected || block.length() < RecordBatch.HEADER_LENGTH) {
                    throw corrupt("blocks do not join", block.offset());
                }
                expected += block.length();
            }
        }
        if (expected != footerOffset) {
            throw corrupt("blocks do not reach the footer", expected);
        }
    }

    /** What is in it. */
    public SegmentFooter footer() {
        return footer;
    }

    /** Bytes of the file. */
    public long length() {
        return length;
    }

    /**
     * Hands over every batch, in the order of the file.
     *
     * @param buffers gives a buffer of position 0 and that limit, ours until the next call
     * @throws CorruptSegmentException at the first block that is not what was written
     */
    public void forEachBatch(IntFunction<ByteBuffer> buffers, BatchHandler handler)
            throws IOException {
        for (SegmentRun run : footer.runs()) {
            for (SegmentBlock block : run.blocks()) {
                handOver(run, block, readBlock(block, buffers), handler);
            }
        }
    }

    /**
     * Reads every byte and compares it with the checksums.
     *
     * @param buffers as in {@link #forEachBatch}
     */
    public void verify(IntFunction<ByteBuffer> buffers) throws IOException {
        forEachBatch(buffers, (run, offset, batch) -> {});
    }

    private ByteBuffer readBlock(SegmentBlock block, IntFunction<ByteBuffer> buffers)
            throws IOException {
        ByteBuffer bytes = readUnchecked(block, buffers);
        if (!isSound(block, bytes)) {
            throw corrupt("block fails its checksum", block.offset());
        }
        return bytes;
    }

    /** The bytes of a block, whatever they are. */
    ByteBuffer readUnchecked(SegmentBlock block, IntFunction<ByteBuffer> buffers)
            throws IOException {
        ByteBuffer bytes = buffers.apply(block.length());
        files.read(channel, bytes, block.offset());
        return bytes.flip();
    }

    /** Whether the bytes of a block are those that were written. */
    static boolean isSound(SegmentBlock block, ByteBuffer bytes) {
        return SegmentFrame.crc(bytes, 0, bytes.limit()) == block.crc();
    }

    private void handOver(SegmentRun run, SegmentBlock block, ByteBuffer bytes, BatchHandler into)
            throws IOException {
        int at = 0;
        int count = 0;
        while (at < block.length()) {
            int batchLength =
                    at + RecordBatch.HEADER_LENGTH <= block.length()
                            ? RecordBatch.length(bytes, at)
                            : 0;
            if (batchLength < RecordBatch.HEADER_LENGTH || batchLength > block.length() - at) {
                throw corrupt("batches do not fill the block", block.offset() + at);
            }
            into.onBatch(
                    run,
                    block.offset() + at,
                    bytes.duplicate().limit(at + batchLength).position(at));
            at += batchLength;
            count++;
        }
        if (count != block.batchCount()) {
            throw corrupt("block has another count of batches", block.offset());
        }
    }

    private ByteBuffer read(long offset, int count) throws IOException {
        ByteBuffer bytes = SegmentFrame.allocate(count);
        files.read(channel, bytes, offset);
        return bytes.flip();
    }

    private void refuse(@Nullable String fault, long offset) throws IOException {
        if (fault != null) {
            throw corrupt(fault, offset);
        }
    }

    private CorruptSegmentException corrupt(String reason, long offset) {
        return new CorruptSegmentException(reason, path, offset);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
