package io.headrace.engine.segment;

import io.headrace.engine.batch.RecordBatch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Reads the segments of a data folder batch by batch with all checksums, and changes nothing: for
 * tools, also while a server has the folder. Past damage it goes on with the next sound batch.
 *
 * <p>Used by one thread, once.
 */
public final class SegmentScan {
    private static final Pattern JOURNAL = Pattern.compile("data-([0-9]{1,4})");
    private static final Pattern SEGMENT = Pattern.compile("([0-9]{10})\\.segment");

    private static final String BLOCK_FAULT = "block fails its checksum";

    private final Handler handler;
    private final List<ScannedSegment> scanned = new ArrayList<>();
    private ByteBuffer buffer = ByteBuffer.allocateDirect(0);

    /** Of the segment that is being read. */
    private List<Damage> damages = new ArrayList<>();

    private long batchCount;

    /** Takes what is found, in order of journal, segment and place. */
    @FunctionalInterface
    public interface Handler {
        /**
         * A sound batch.
         *
         * @param offset in the file
         * @param batch from position to limit; borrowed until this returns
         */
        void onBatch(int journal, int segment, SegmentRun run, long offset, ByteBuffer batch);

        /** A stretch that is not what was written. */
        default void onDamage(int journal, int segment, Damage damage) {}
    }

    /**
     * A stretch of a segment that is not what was written.
     *
     * @param offset of its first byte in the file
     * @param length in bytes
     * @param run that it belongs to; null if what would say so is damaged
     * @param fromOffset of the first record that may have been there
     * @param toOffset behind the last one
     */
    public record Damage(
            Path path,
            long offset,
            long length,
            String reason,
            @Nullable SegmentRun run,
            long fromOffset,
            long toOffset) {}

    /**
     * One segment.
     *
     * @param batchCount sound batches
     * @param length of the file
     */
    public record ScannedSegment(
            Path path,
            int journal,
            int segment,
            long batchCount,
            long length,
            List<Damage> damages) {}

    private SegmentScan(Handler handler) {
        this.handler = handler;
    }

    /**
     * Reads all segments of a data folder.
     *
     * @param data the data folder; it may have none
     */
    public static List<ScannedSegment> read(Path data, Handler handler) throws IOException {
        SegmentScan scan = new SegmentScan(handler);
        for (Path folder : children(data.resolve("segments"))) {
            Matcher journal = JOURNAL.matcher(String.valueOf(folder.getFileName()));
            if (journal.matches()) {
                scan.readJournal(folder, Integer.parseInt(journal.group(1)));
            }
        }
        return scan.scanned;
    }

    private static List<Path> children(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> paths = Files.list(folder)) {
            return paths.sorted().toList();
        }
    }

    private void readJournal(Path folder, int journal) throws IOException {
        for (Path path : children(folder)) {
            Matcher segment = SEGMENT.matcher(String.valueOf(path.getFileName()));
            if (segment.matches()) {
                try {
                    readSegment(path, journal, Integer.parseInt(segment.group(1)));
                } catch (NoSuchFileException e) {
                    // The server has deleted it meanwhile: nothing in it was alive.
                }
            }
        }
    }

    private void readSegment(Path path, int journal, int segment) throws IOException {
        damages = new ArrayList<>();
        batchCount = 0;
        long length = Files.size(path);
        try (SegmentReader reader =
                SegmentReader.open(SegmentFiles.SYSTEM, path, journal, segment)) {
            for (SegmentRun run : reader.footer().runs()) {
                for (SegmentBlock block : run.blocks()) {
                    new BlockScan(path, journal, segment, run, block).read(reader);
                }
            }
        } catch (CorruptSegmentException e) {
            add(
                    journal,
                    segment,
                    new Damage(path, e.offset(), length - e.offset(), e.reason(), null, -1, -1));
        }
        scanned.add(
                new ScannedSegment(
                        path, journal, segment, batchCount, length, List.copyOf(damages)));
    }

    private void add(int journal, int segment, Damage damage) {
        damages.add(damage);
        handler.onDamage(journal, segment, damage);
    }

    private ByteBuffer bufferOf(int length) {
        if (buffer.capacity() < length) {
            buffer = ByteBuffer.allocateDirect(length);
        }
        return buffer.clear().limit(length);
    }

    /** One block, whose batches are looked at one by one if its checksum does not hold. */
    private final class BlockScan {
        private final Path path;
        private final int journal;
        private final int segment;
        private final SegmentRun run;
        private final SegmentBlock block;

        /** Where the records go on that were not met yet. */
        private long nextOffset;

        BlockScan(Path path, int journal, int segment, SegmentRun run, SegmentBlock block) {
            this.path = path;
            this.journal = journal;
            this.segment = segment;
            this.run = run;
            this.block = block;
            this.nextOffset = block.baseOffset();
        }

        void read(SegmentReader reader) throws IOException {
            ByteBuffer bytes = reader.readUnchecked(block, SegmentScan.this::bufferOf);
            int damageCount = damages.size();
            int at = 0;
            while (at < block.length()) {
                int length = soundLength(bytes, at);
                if (length > 0) {
                    handOver(bytes, at, length);
                    at += length;
                } else {
                    int next = resync(bytes, at + 1);
                    addDamage(bytes, at, next);
                    at = next;
                }
            }
            if (damages.size() == damageCount && !SegmentReader.isSound(block, bytes)) {
                // In what no batch's own checksum covers: its offset, its epoch.
                add(damage(0, block.length(), block.baseOffset(), block.lastOffset() + 1));
            }
        }

        private void handOver(ByteBuffer bytes, int at, int length) {
            ByteBuffer batch = bytes.duplicate().limit(at + length).position(at);
            handler.onBatch(journal, segment, run, block.offset() + at, batch);
            batchCount++;
            nextOffset = RecordBatch.lastOffset(bytes, at) + 1;
        }

        /** Length of the batch that begins there; 0 if it is not sound, or not of this block. */
        private int soundLength(ByteBuffer bytes, int at) {
            if (at + RecordBatch.HEADER_LENGTH > block.length()) {
                return 0;
            }
            int length = RecordBatch.length(bytes, at);
            boolean fits =
                    length >= RecordBatch.HEADER_LENGTH
                            && length <= block.length() - at
                            && RecordBatch.baseOffset(bytes, at) >= nextOffset
                            && RecordBatch.lastOffset(bytes, at) <= block.lastOffset();
            return fits && RecordBatch.isIntact(bytes.duplicate().limit(at + length).position(at))
                    ? length
                    : 0;
        }

        private int resync(ByteBuffer bytes, int from) {
            int at = from;
            while (at < block.length() && soundLength(bytes, at) == 0) {
                at++;
            }
            return at;
        }

        private void addDamage(ByteBuffer bytes, int at, int next) {
            long toOffset =
                    next < block.length()
                            ? RecordBatch.baseOffset(bytes, next)
                            : block.lastOffset() + 1;
            add(damage(at, next - at, nextOffset, toOffset));
        }

        private Damage damage(int at, int length, long fromOffset, long toOffset) {
            return new Damage(
                    path, block.offset() + at, length, BLOCK_FAULT, run, fromOffset, toOffset);
        }

        private void add(Damage damage) {
            SegmentScan.this.add(journal, segment, damage);
        }
    }
}
