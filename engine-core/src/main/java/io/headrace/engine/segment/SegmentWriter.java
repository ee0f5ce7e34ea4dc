package io.headrace.engine.segment;

import io.headrace.engine.batch.RecordBatch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Writes one segment: batches partition by partition, each in order of offset, then {@link
 * #finish}. Under its own name the file appears whole, forced and read back, or not at all.
 *
 * <p>Used by one thread, which closes it.
 */
public final class SegmentWriter implements AutoCloseable {
    /** Longest block of more than one batch. */
    public static final int BLOCK_LENGTH_MAX = 1 << 20;

    /**
     * Bytes after which the file is forced in between: a force of all of it at the end would hold
     * up those of the journal for as long as the disk takes to write it.
     */
    private static final int FORCED_BYTES = 4 << 20;

    private final SegmentFolder folder;
    private final SegmentFiles files;
    private final int segment;
    private final Path temporary;
    private final FileChannel channel;
    private final SegmentGroup group;
    private final ByteBuffer blockBytes;
    private final List<SegmentRun> runs = new ArrayList<>();
    private final CRC32C crc = new CRC32C();

    private @Nullable SegmentRun run;
    private long blockOffset;
    private int batchCount;
    private long baseOffset;
    private long lastOffset;
    private long maxTimestampMs;
    private long datedMs;
    private int unforcedBytes;
    private boolean finished;

    /**
     * @param blockBytes of {@link #BLOCK_LENGTH_MAX} bytes; ours until {@link #close}
     */
    SegmentWriter(SegmentFolder folder, int segment, SegmentGroup group, ByteBuffer blockBytes)
            throws IOException {
        this.folder = folder;
        this.files = folder.files();
        this.segment = segment;
        this.group = group;
        this.blockBytes = blockBytes.clear();
        this.temporary = folder.temporary(segment);
        this.channel = files.create(temporary);
        this.blockOffset = SegmentFrame.HEADER_LENGTH;
    }

    /** Number of the segment. */
    public int segment() {
        return segment;
    }

    /** Bytes so far, without what the footer will add. */
    public long length() {
        return blockOffset + blockBytes.position();
    }

    /**
     * Appends a batch that the caller has checked: of the same partition as the one before and
     * behind it, or of the next partition.
     *
     * @param batch from position to limit; left as it was
     * @param dated what its age is counted from, in milliseconds since 1970
     * @return its offset in the file
     */
    public long append(long topicId, String topicName, int partition, ByteBuffer batch, long dated)
            throws IOException {
        beginRun(topicId, topicName, partition);
        int length = batch.remaining();
        if (blockBytes.position() + length > BLOCK_LENGTH_MAX) {
            endBlock();
        }
        long offset = this.length();
        note(batch, dated);
        if (length > BLOCK_LENGTH_MAX) {
            writeBlock(batch.duplicate(), length);
        } else {
            blockBytes.put(batch.duplicate());
        }
        return offset;
    }

    private void beginRun(long topicId, String topicName, int partition) throws IOException {
        SegmentRun current = run;
        if (current == null || current.topicId() != topicId || current.partition() != partition) {
            endBlock();
            run = new SegmentRun(topicId, topicName, partition, new ArrayList<>());
            runs.add(run);
        }
    }

    private void note(ByteBuffer batch, long dated) {
        int at = batch.position();
        if (batchCount++ == 0) {
            baseOffset = RecordBatch.baseOffset(batch, at);
            maxTimestampMs = -1;
            datedMs = Long.MIN_VALUE;
        }
        lastOffset = RecordBatch.lastOffset(batch, at);
        maxTimestampMs = Math.max(maxTimestampMs, RecordBatch.maxTimestamp(batch, at));
        datedMs = Math.max(datedMs, dated);
    }

    private void endBlock() throws IOException {
        if (batchCount > 0) {
            int length = blockBytes.position();
            writeBlock(blockBytes.flip(), length);
            blockBytes.clear();
        }
    }

    private void writeBlock(ByteBuffer bytes, int length) throws IOException {
        crc.reset();
        crc.update(bytes.duplicate());
        files.write(channel, bytes, blockOffset);
        SegmentBlock block =
                new SegmentBlock(
                        blockOffset,
                        length,
                        batchCount,
                        baseOffset,
                        lastOffset,
                        maxTimestampMs,
                        datedMs,
                        (int) crc.getValue());
        runs.get(runs.size() - 1).blocks().add(block);
        blockOffset += length;
        batchCount = 0;
        forceIfMany(length);
    }

    private void forceIfMany(int moreBytes) throws IOException {
        unforcedBytes += moreBytes;
        if (unforcedBytes >= FORCED_BYTES) {
            files.force(channel);
            unforcedBytes = 0;
        }
    }

    /**
     * Writes what the segment says of itself, forces all of it, reads it back, and gives it its
     * name. When this has returned, the segment survives a power cut.
     *
     * @param buffers as in {@link SegmentReader#forEachBatch}
     * @return the length of the file
     */
    public long finish(IntFunction<ByteBuffer> buffers) throws IOException {
        endBlock();
        ByteBuffer footer = new SegmentFooter(group, runs).encode();
        ByteBuffer trailer = SegmentFrame.trailer(blockOffset, footer, segment);
        long length = blockOffset + footer.remaining() + trailer.remaining();
        files.write(channel, header(), 0);
        files.write(channel, footer.duplicate(), blockOffset);
        files.write(channel, trailer, blockOffset + footer.remaining());
        files.force(channel);
        try (SegmentReader reader =
                SegmentReader.open(files, temporary, folder.journal(), segment)) {
            reader.verify(buffers);
        }
        files.rename(temporary, folder.path(segment));
        finished = true;
        files.forceDirectory(folder.path());
        return length;
    }

    private ByteBuffer header() {
        return SegmentFrame.header(folder.journal(), segment, group.retentionClass());
    }

    /** Lets go of the file; without {@link #finish}, nothing of it stays. */
    @Override
    public void close() throws IOException {
        channel.close();
        if (!finished) {
            files.delete(temporary);
        }
    }
}
