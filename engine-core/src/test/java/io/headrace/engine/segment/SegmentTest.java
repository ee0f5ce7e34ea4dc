package io.headrace.engine.segment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.segment.FaultySegmentFiles.Fault;
import io.headrace.engine.spi.ColdFile;
import io.headrace.engine.testing.FaultyDisk;
import io.headrace.engine.testing.LeakCheck;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A segment holds what was put in, or says that it does not. */
class SegmentTest {
    private static final int JOURNAL = 3;
    private static final SegmentGroup GROUP = new SegmentGroup("persistent", "acme", 7);
    private static final IntFunction<ByteBuffer> BUFFERS = ByteBuffer::allocateDirect;

    @TempDir Path root;
    @RegisterExtension final LeakCheck leaks = new LeakCheck();

    private record Stored(long topicId, int partition, ByteBuffer batch) {}

    @Test
    void whatIsPutInIsFoundByTheFooterAndByRanges() throws IOException {
        List<Stored> stored = new ArrayList<>();
        for (int partition = 0; partition < 3; partition++) {
            long offset = 1000;
            for (int i = 0; i < 30; i++) {
                stored.add(new Stored(7, partition, batch(100_000, offset, 2 + i % 3)));
                offset += 10; // sealed logs may have holes
            }
        }
        SegmentFolder folder = open(SegmentFiles.SYSTEM);
        List<Long> offsets = write(folder, 1, stored);
        try (SegmentReader reader = folder.read(1)) {
            assertEquals(GROUP, reader.footer().group());
            assertEquals(90, reader.footer().batchCount());
            assertEquals(3, reader.footer().runs().size());
            SegmentRun second = reader.footer().runs().get(1);
            assertEquals("topic-7", second.topicName());
            assertEquals(1, second.partition());
            assertTrue(second.blocks().size() > 2, "blocks " + second.blocks().size());
            SegmentBlock last = second.blocks().get(second.blocks().size() - 1);
            assertEquals(1000 + 290 + 3, last.lastOffset());
            assertEquals(5000 + last.lastOffset(), last.datedMs());
            List<Stored> read = new ArrayList<>();
            reader.forEachBatch(
                    BUFFERS,
                    (run, offset, batch) -> {
                        assertEquals(offsets.get(read.size()), offset);
                        read.add(new Stored(run.topicId(), run.partition(), copy(batch)));
                    });
            assertEquals(stored, read);
        }
        try (ColdFile file = folder.openCold(1)) {
            for (int i = 0; i < stored.size(); i += 7) {
                ByteBuffer batch = ByteBuffer.allocate(stored.get(i).batch.remaining());
                file.read(offsets.get(i), batch);
                assertEquals(stored.get(i).batch, batch.flip());
            }
        }
    }

    @Test
    void theNameOfAFolderThatAKilledStartMadeIsForced() throws IOException {
        Files.createDirectories(root.resolve("segments/data-" + JOURNAL));
        FaultySegmentFiles files = new FaultySegmentFiles();
        SegmentFolder.open(root.resolve("segments"), JOURNAL, files);
        assertEquals(List.of(root.resolve("segments"), root), files.forcedFolders);
    }

    @Test
    void aBatchLongerThanABlockIsABlock() throws IOException {
        List<Stored> stored =
                List.of(
                        new Stored(1, 0, batch(10, 0, 1)),
                        new Stored(1, 0, batch(3 << 20, 1, 1)),
                        new Stored(1, 0, batch(10, 2, 1)),
                        new Stored(2, 0, batch(2 << 20, 0, 1)));
        SegmentFolder folder = open(SegmentFiles.SYSTEM);
        write(folder, 1, stored);
        try (SegmentReader reader = folder.read(1)) {
            List<SegmentRun> runs = reader.footer().runs();
            assertEquals(List.of(3, 1), runs.stream().map(run -> run.blocks().size()).toList());
            List<ByteBuffer> read = new ArrayList<>();
            reader.forEachBatch(BUFFERS, (run, offset, batch) -> read.add(copy(batch)));
            assertEquals(stored.stream().map(Stored::batch).toList(), read);
        }
    }

    @Test
    void everyChangedByteIsNoticed() throws IOException {
        SegmentFolder folder = open(SegmentFiles.SYSTEM);
        write(folder, 1, some());
        byte[] sound = Files.readAllBytes(folder.path(1));
        Random random = new Random(5);
        for (int at = 0; at < sound.length; at++) {
            byte[] damaged = sound.clone();
            damaged[at] ^= (byte) (1 << random.nextInt(8));
            Files.write(folder.path(1), damaged);
            CorruptSegmentException e =
                    assertThrows(
                            CorruptSegmentException.class, () -> verify(folder, 1), "byte " + at);
            assertTrue(e.getMessage().contains("file=" + folder.path(1) + " offset="), "" + e);
        }
    }

    @Test
    void aSegmentCutAnywhereIsNoticed() throws IOException {
        SegmentFolder folder = open(SegmentFiles.SYSTEM);
        write(folder, 1, some());
        byte[] sound = Files.readAllBytes(folder.path(1));
        for (int length = 0; length < sound.length; length++) {
            Files.write(folder.path(1), Arrays.copyOf(sound, length));
            assertThrows(CorruptSegmentException.class, () -> verify(folder, 1), "at " + length);
        }
    }

    @Test
    void anotherSegmentsFileIsNoticed() throws IOException {
        SegmentFolder folder = open(SegmentFiles.SYSTEM);
        write(folder, 1, some());
        Files.move(folder.path(1), folder.path(2));
        assertThrows(CorruptSegmentException.class, () -> verify(folder, 2));
        SegmentFolder other = SegmentFolder.open(root.resolve("segments"), 4, SegmentFiles.SYSTEM);
        Files.move(folder.path(2), other.path(1));
        assertThrows(CorruptSegmentException.class, () -> verify(other, 1));
    }

    /** Whatever goes wrong on the way, the segment is whole under its name, or not there. */
    @ParameterizedTest
    @EnumSource(Fault.class)
    void whicheverCallGoesWrongASegmentIsWholeOrNotThere(Fault fault) throws IOException {
        FaultySegmentFiles files = new FaultySegmentFiles();
        SegmentFolder folder = open(files);
        files.calls = 0;
        write(folder, 1, some());
        int calls = files.calls;
        assertTrue(calls >= 10, "calls " + calls);
        files.fault = fault;
        for (int call = 1; call <= calls; call++) {
            int segment = 1 + call;
            files.calls = 0;
            files.faultyCall = call;
            files.lost = false;
            boolean written = isWritten(folder, segment);
            files.faultyCall = Integer.MAX_VALUE;
            assertEquals(fault == Fault.LOSE && !files.lost, written, "call " + call);
            SegmentFolder next = open(SegmentFiles.SYSTEM);
            if (next.exists(segment)) {
                verify(next, segment);
            }
            try (Stream<Path> children = Files.list(next.path())) {
                assertEquals(next.numbers().size(), children.count(), "left-overs");
            }
        }
    }

    private boolean isWritten(SegmentFolder folder, int segment) {
        try {
            write(folder, segment, some());
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    /** However the names and sectors fall that were not forced. */
    @Test
    void aFinishedSegmentSurvivesAPowerCutAndTheOneBehindItDoesNoHarm() throws IOException {
        for (int seed = 0; seed < 50; seed++) {
            Path before = Files.createDirectories(root.resolve("before-" + seed));
            Path after = root.resolve("after-" + seed);
            FaultyDisk disk = new FaultyDisk(before, seed);
            SegmentFolder folder =
                    SegmentFolder.open(before.resolve("segments"), JOURNAL, SegmentFiles.of(disk));
            write(folder, 1, some());
            ByteBuffer block = ByteBuffer.allocateDirect(SegmentWriter.BLOCK_LENGTH_MAX);
            try (SegmentWriter next = folder.begin(2, GROUP, block)) {
                next.append(1, "topic-1", 0, batch(100, 0, 1), 5000);
                disk.afterPowerCut(after, new Random(seed));
            }
            SegmentFolder found =
                    SegmentFolder.open(after.resolve("segments"), JOURNAL, SegmentFiles.SYSTEM);
            assertEquals(List.of(1), found.numbers(), "seed " + seed);
            verify(found, 1);
        }
    }

    @Test
    void onlySegmentsAreListed() throws IOException {
        SegmentFolder folder = open(SegmentFiles.SYSTEM);
        write(folder, 12, some());
        Files.createFile(folder.path().resolve("0000000013.tmp"));
        Files.createFile(folder.path().resolve("notes.txt"));
        assertEquals(List.of(12), open(SegmentFiles.SYSTEM).numbers());
        assertEquals(GROUP.retentionClass(), folder.retentionClass(12));
        assertTrue(Files.exists(folder.path().resolve("notes.txt")), "it is not ours");
    }

    private SegmentFolder open(SegmentFiles files) throws IOException {
        return SegmentFolder.open(root.resolve("segments"), JOURNAL, files);
    }

    private static List<Stored> some() {
        return List.of(
                new Stored(1, 0, batch(100, 5, 1)),
                new Stored(1, 0, batch(150, 6, 2)),
                new Stored(2, 1, batch(120, 0, 1)));
    }

    private static List<Long> write(SegmentFolder folder, int segment, List<Stored> batches)
            throws IOException {
        List<Long> offsets = new ArrayList<>();
        ByteBuffer block = ByteBuffer.allocateDirect(SegmentWriter.BLOCK_LENGTH_MAX);
        try (SegmentWriter writer = folder.begin(segment, GROUP, block)) {
            for (Stored each : batches) {
                offsets.add(
                        writer.append(
                                each.topicId,
                                "topic-" + each.topicId,
                                each.partition,
                                each.batch,
                                5000 + RecordBatch.lastOffset(each.batch, 0)));
            }
            long length = writer.finish(BUFFERS);
            assertEquals(length, Files.size(folder.path(segment)));
        }
        return offsets;
    }

    private static void verify(SegmentFolder folder, int segment) throws IOException {
        try (SegmentReader reader = folder.read(segment)) {
            reader.verify(BUFFERS);
        }
    }

    private static ByteBuffer copy(ByteBuffer batch) {
        return ByteBuffer.allocate(batch.remaining()).put(batch.duplicate()).flip();
    }

    private static ByteBuffer batch(int valueLength, long baseOffset, int records) {
        byte[] value = new byte[valueLength / records];
        new Random(baseOffset).nextBytes(value);
        ByteBuffer buffer = ByteBuffer.allocateDirect(valueLength + 100 * records);
        RecordBatchWriter writer = new RecordBatchWriter().begin(buffer, 1_000);
        for (int i = 0; i < records; i++) {
            writer.append(1_000, null, ByteBuffer.wrap(value));
        }
        writer.end();
        RecordBatch.baseOffset(buffer, 0, baseOffset);
        RecordBatch.leaderEpoch(buffer, 0, 4);
        return buffer.flip();
    }
}
