package io.headrace.engine.segment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.segment.SegmentScan.Damage;
import io.headrace.engine.segment.SegmentScan.ScannedSegment;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is damaged in a segment is told exactly, and all else is read. */
class SegmentScanTest {
    private static final int JOURNAL = 2;
    private static final int BATCHES = 5;
    private static final int LAST_OFFSET_DELTA_AT = 23;

    @TempDir Path data;

    private Path file;

    /** Where each batch begins, and behind the last one where the footer does. */
    private final List<Long> offsets = new ArrayList<>();

    private final List<Long> read = new ArrayList<>();

    /**
     * One partition, two records a batch, and a hole of eight offsets behind each; the last batch
     * has lost a record to compaction.
     */
    @BeforeEach
    void write() throws IOException {
        SegmentFolder folder =
                SegmentFolder.open(data.resolve("segments"), JOURNAL, SegmentFiles.SYSTEM);
        ByteBuffer block = ByteBuffer.allocateDirect(SegmentWriter.BLOCK_LENGTH_MAX);
        SegmentGroup group = new SegmentGroup("persistent", "", 0);
        try (SegmentWriter writer = folder.begin(1, group, block)) {
            long length = 0;
            for (int i = 0; i < BATCHES; i++) {
                ByteBuffer batch = batch(i * 10L, i < BATCHES - 1 ? 2 : 1);
                length = batch.remaining();
                offsets.add(writer.append(7, "seven", 1, batch, 1000));
            }
            offsets.add(offsets.get(BATCHES - 1) + length);
            writer.finish(ByteBuffer::allocateDirect);
        }
        file = folder.path(1);
    }

    private static ByteBuffer batch(long baseOffset, int recordCount) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(500);
        RecordBatchWriter writer = new RecordBatchWriter().begin(buffer, 1_000);
        for (int i = 0; i < recordCount; i++) {
            writer.append(1_000, null, ByteBuffer.wrap(new byte[60]));
        }
        writer.end();
        buffer.putInt(LAST_OFFSET_DELTA_AT, 1);
        RecordBatch.seal(buffer, 0);
        RecordBatch.baseOffset(buffer, 0, baseOffset);
        RecordBatch.leaderEpoch(buffer, 0, 4);
        return buffer.flip();
    }

    @Test
    void aSoundSegmentIsReadWhole() throws IOException {
        ScannedSegment scanned = scan();
        assertEquals(List.of(), scanned.damages());
        assertEquals(List.of(0L, 10L, 20L, 30L, 40L), read);
        assertEquals(BATCHES, scanned.batchCount());
        assertEquals(Files.size(file), scanned.length());
    }

    @Test
    void aDamagedBatchCostsItselfAlone() throws IOException {
        flip(offsets.get(2) + RecordBatch.HEADER_LENGTH + 9);
        Damage damage = onlyDamage(scan());
        assertEquals(List.of(0L, 10L, 30L, 40L), read);
        assertEquals(offsets.get(2), damage.offset());
        assertEquals(offsets.get(3) - offsets.get(2), damage.length());
        assertEquals("seven", Objects.requireNonNull(damage.run()).topicName());
        assertEquals(12, damage.fromOffset());
        assertEquals(30, damage.toOffset());
    }

    @Test
    void aDamagedLengthCostsNothingBehindIt() throws IOException {
        flip(offsets.get(3) + 11);
        flip(offsets.get(4) + 40);
        Damage damage = onlyDamage(scan());
        assertEquals(List.of(0L, 10L, 20L), read);
        assertEquals(offsets.get(3), damage.offset());
        assertEquals(22, damage.fromOffset());
        assertEquals(42, damage.toOffset());
    }

    @Test
    void everyChangedByteIsTold() throws IOException {
        byte[] sound = Files.readAllBytes(file);
        for (int at = 0; at < sound.length; at++) {
            flip(at);
            assertFalse(scan().damages().isEmpty(), "byte " + at);
            Files.write(file, sound);
        }
    }

    @Test
    void withoutAFooterNobodyKnowsWhatIsLost() throws IOException {
        flip(offsets.get(BATCHES) + 3);
        Damage damage = onlyDamage(scan());
        assertEquals(List.of(), read);
        assertEquals(offsets.get(BATCHES), damage.offset());
        assertNull(damage.run());
    }

    private void flip(long at) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        bytes[(int) at] ^= 1;
        Files.write(file, bytes);
    }

    private ScannedSegment scan() throws IOException {
        read.clear();
        List<ScannedSegment> all =
                SegmentScan.read(
                        data,
                        (journal, segment, run, offset, batch) -> {
                            assertEquals(JOURNAL, journal);
                            assertEquals(1, segment);
                            read.add(RecordBatch.baseOffset(batch, batch.position()));
                        });
        assertEquals(1, all.size());
        return all.get(0);
    }

    private static Damage onlyDamage(ScannedSegment scanned) {
        assertEquals(1, scanned.damages().size(), scanned.toString());
        return scanned.damages().get(0);
    }
}
