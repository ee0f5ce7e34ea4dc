package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.deleteFolder;
import static io.headrace.server.engine.TestEngine.get;
import static io.headrace.server.engine.TestEngine.read;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineContext;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.testing.FaultyDisk;
import io.headrace.engine.testing.LeakCheck;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What outlives its journal files is moved into segments, and stays what it was. */
class SealingTest {
    private static final long HOUR_MS = 3_600_000;
    private static final String FILLING = "x".repeat(60_000);

    @TempDir Path folder;
    @RegisterExtension final LeakCheck leaks = new LeakCheck();

    @Test
    void whatOutlivesItsNeighboursStaysByteForByte() throws IOException {
        Map<String, byte[]> before;
        try (TestEngine engine = engine()) {
            keep(engine, "acme.year", 3);
            keep(engine, "other", 1);
            fillInterleaved(engine, 150, "acme.year", "other");
            before = contents(engine);
            awaitSealed(engine);
            assertSame(before, contents(engine));
        }
        try (TestEngine engine = engine()) {
            assertSame(before, contents(engine));
        }
        deleteFolder(folder.resolve("rocksdb"));
        try (TestEngine engine = engine()) {
            assertSame(before, contents(engine));
            assertEquals(100, append(engine.log("acme.year", 0), batch("more")));
        }
    }

    @Test
    void anEngineWithoutMetadataStoreFindsWhatWasSealedSinceTheCheckpoint() throws IOException {
        Map<String, byte[]> before = Map.of();
        for (int round = 0; round < 3; round++) {
            try (TestEngine engine = engine()) {
                if (round == 0) {
                    keep(engine, "kept", 2);
                }
                fillInterleaved(engine, 150, "kept");
                awaitSealed(engine);
                before = contents(engine);
            }
            deleteFolder(folder.resolve("rocksdb"));
        }
        try (TestEngine engine = engine()) {
            assertSame(before, contents(engine));
        }
    }

    @Test
    void whatIsDeletedFreesItsSegments() throws IOException {
        try (TestEngine engine = engine()) {
            keep(engine, "first", 1);
            Topic second = keep(engine, "second", 1);
            fillInterleaved(engine, 150, "first", "second");
            awaitSealed(engine);
            assertTrue(segmentBytes() > 0);
            get(engine.log("first", 0).deleteRecords(200));
            get(engine.engine.catalog().delete(List.of(second.id())));
            await("rewritten", () -> segmentBytes() < 60_000);
            assertEquals(50, contents(engine).size());
            get(engine.log("first", 0).deleteRecords(-1));
            // One that is being written anew is not counted yet.
            await(
                    "segments gone",
                    () -> engine.metric("headrace_segments") == 0 && segmentBytes() == 0);
        }
    }

    @Test
    void whatIsDeletedWhileItIsBeingSealedStaysDeleted() throws IOException {
        try (TestEngine engine = engine()) {
            keep(engine, "kept", 1);
            for (int round = 0; round < 10; round++) {
                fillInterleaved(engine, 100, "kept");
                if (round == 0) { // later ones may find too little that is half dead
                    await("sealing", () -> engine.metric("headrace_sealing_read_bytes_total") > 0);
                }
                get(engine.log("kept", 0).deleteRecords(round * 200L + 120));
            }
            awaitSealed(engine);
            assertEquals(1920, engine.log("kept", 0).logStartOffset());
            assertEquals(40, contents(engine).size());
        }
        try (TestEngine engine = engine()) {
            assertEquals(1920, engine.log("kept", 0).logStartOffset());
            assertEquals(40, contents(engine).size());
        }
    }

    @Test
    void smallSegmentsAreMerged() throws IOException {
        try (TestEngine engine = engine()) {
            keep(engine, "kept", 1);
            int rounds = 20;
            for (int round = 0; round < rounds; round++) {
                fillInterleaved(engine, 100, "kept");
                awaitSealed(engine);
            }
            // They are of two sizes, at most, and fewer than eight of each are left alone.
            await("merged", () -> segments().size() < 16);
            assertEquals(rounds * 100, contents(engine).size());
        }
    }

    @Test
    void aDamagedBatchIsNotSealedAndHoldsUpNoOther() throws IOException {
        try (TestEngine engine = engine()) {
            keep(engine, "kept", 1);
            append(engine.log("kept", 0), batch("damage me"));
            fillInterleaved(engine, 1, "kept");
        }
        flip(folder.resolve("journal/data-1"), ".cq4", "damage me");
        try (TestEngine engine = engine()) {
            fillInterleaved(engine, 150, "kept");
            awaitJournalFiles(6);
            await("noticed", () -> engine.metric("headrace_sealing_damaged_files_total") > 0);
            assertEquals(Unavailable.CORRUPT, read(engine.log("kept", 0), 0, 1000));
            assertEquals(151, contents(engine.log("kept", 0), 1).size());
        }
    }

    @Test
    void aBatchThatRotsWhereNobodyLooksIsNotSealed() throws IOException {
        try (TestEngine engine = engine()) {
            keep(engine, "kept", 1);
            append(engine.log("kept", 0), batch("damage me"));
            flip(folder.resolve("journal/data-1"), ".cq4", "damage me");
            fillInterleaved(engine, 150, "kept");
            await("noticed", () -> engine.metric("headrace_sealing_damaged_files_total") > 0);
            awaitJournalFiles(6);
        }
        try (TestEngine engine = engine()) {
            assertEquals(Unavailable.CORRUPT, read(engine.log("kept", 0), 0, 1000));
            assertEquals(150, contents(engine.log("kept", 0), 1).size());
        }
    }

    /** Between the look at what lives and the copying of it. */
    @Test
    void aBatchThatRotsWhileItIsSealedIsNotSealed() throws IOException {
        HaltingFiles rotting =
                new HaltingFiles(HaltingFiles.Step.NEVER) {
                    private boolean isDone;

                    @Override
                    public FileChannel create(Path file) throws IOException {
                        if (!isDone) {
                            flip(folder.resolve("journal/data-1"), ".cq4", "damage me");
                            isDone = true;
                        }
                        return super.create(file);
                    }
                };
        try (TestEngine engine = new TestEngine(folder, SealingTest::settings, rotting)) {
            keep(engine, "kept", 1);
            append(engine.log("kept", 0), batch("damage me"));
            fillInterleaved(engine, 150, "kept");
            await("noticed", () -> engine.metric("headrace_sealing_damaged_files_total") > 0);
            awaitJournalFiles(6);
        }
        try (TestEngine engine = engine()) {
            assertEquals(Unavailable.CORRUPT, read(engine.log("kept", 0), 0, 1000));
            assertEquals(150, contents(engine.log("kept", 0), 1).size());
        }
    }

    @Test
    void aDamagedSegmentIsNamedAndNotServed() throws IOException {
        Map<String, byte[]> before;
        try (TestEngine engine = engine()) {
            keep(engine, "kept", 2);
            append(engine.log("kept", 0), batch("damage me"));
            fillInterleaved(engine, 150, "kept");
            awaitSealed(engine);
            before = contents(engine.log("kept", 1), 0);
        }
        flip(folder.resolve("segments/data-1"), ".segment", "damage me");
        try (TestEngine engine = engine()) {
            assertEquals(Unavailable.CORRUPT, read(engine.log("kept", 0), 0, 1000));
            assertSame(before, contents(engine.log("kept", 1), 0));
            assertEquals(75, contents(engine.log("kept", 0), 1).size());
        }
    }

    @Test
    void aMissingSegmentTakesNothingElseWithIt() throws IOException {
        try (TestEngine engine = engine()) {
            keep(engine, "kept", 1);
            fillInterleaved(engine, 150, "kept");
            awaitSealed(engine);
        }
        Files.delete(segments().get(0));
        try (TestEngine engine = engine()) {
            assertEquals(Unavailable.CORRUPT, read(engine.log("kept", 0), 0, 1000));
            keep(engine, "another", 1);
            fillInterleaved(engine, 10, "another");
            assertEquals(10, contents(engine.log("another", 0), 0).size());
        }
    }

    @Test
    void nothingIsSealedIntoTheRoomOfTheNextCheckpoint() {
        FaultyDisk disk = new FaultyDisk(folder, 1);
        try (TestEngine engine = new TestEngine(folder, context -> settings(context).disk(disk))) {
            keep(engine, "year", 1);
            Topic going = keep(engine, "hour", 1);
            fillInterleaved(engine, 150, "year");
            // Less than a checkpoint needs.
            disk.usableBytes(8 << 20);
            get(engine.engine.catalog().delete(List.of(going.id())));
            LockSupport.parkNanos(1_000_000_000); // many turns of the sealer
            assertEquals(List.of(), segments());
            disk.usableBytes(Long.MAX_VALUE);
            awaitSealed(engine);
        }
    }

    /** Half of each file is deleted, once nothing more can be appended. */
    @ParameterizedTest
    @CsvSource({"60, 1, 4", "100, 8, 1"})
    void aDiskFullOfHalfDeadFilesHasSpaceAgainByItself(int diskMiB, int cycleMiB, int reserveMiB)
            throws IOException {
        FaultyDisk disk = new FaultyDisk(folder, 1);
        disk.capacityBytes((long) diskMiB << 20);
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context ->
                                settings(context)
                                        .disk(disk)
                                        .journalCycleBytes(cycleMiB << 20)
                                        .diskReserveBytes(reserveMiB << 20))) {
            PartitionLog kept = engine.log(keep(engine, "kept", 1).name(), 0);
            PartitionLog going = engine.log(keep(engine, "going", 1).name(), 0);
            ByteBuffer half = batch("y".repeat(25_000));
            ByteBuffer more = batch("z".repeat(35_000));
            int count = 0;
            while (append(kept, half) >= 0 && append(going, more) >= 0) {
                count++;
            }
            assertTrue(count > 300, "refused after " + count);
            Map<String, byte[]> before = contents(kept, 0);
            get(going.deleteRecords(-1));
            await("accepted again", () -> kept.append(half) >= 0);
            Map<String, byte[]> after = contents(kept, 0);
            after.keySet().retainAll(before.keySet());
            assertSame(before, after);
        }
    }

    @Test
    void aPassThatHasBegunHurriesOnceTheDiskIsShort() throws IOException {
        FaultyDisk disk = new FaultyDisk(folder, 1);
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context ->
                                settings(context)
                                        .disk(disk)
                                        .diskReserveBytes(100 << 20)
                                        .sealingBytesPerSecond(1 << 20))) {
            keep(engine, "year", 1);
            Topic going = keep(engine, "hour", 1);
            fillInterleaved(engine, 700, "year");
            get(engine.engine.catalog().delete(List.of(going.id())));
            await("begun", () -> engine.metric("headrace_sealing_read_bytes_total") > 0);
            disk.usableBytes(120 << 20);
            awaitSealed(engine); // which would take 40 s
        }
    }

    private TestEngine engine() {
        return new TestEngine(folder, SealingTest::settings);
    }

    private static EngineContext settings(EngineContext context) {
        return context.journalCount(1).retentionCheckIntervalMs(50);
    }

    private static Topic keep(TestEngine engine, String name, int partitions) {
        return engine.create(name, partitions, Map.of("retention.ms", "-1"));
    }

    /** Appends short batches of two records to the topics among long ones that are dead at once. */
    private static void fillInterleaved(TestEngine engine, int count, String... topics) {
        Topic filling = engine.engine.catalog().find("hour");
        if (filling == null) {
            engine.create("hour", 1, Map.of("retention.ms", String.valueOf(HOUR_MS)));
        }
        long old = System.currentTimeMillis() - 2 * HOUR_MS;
        for (int i = 0; i < count; i++) {
            append(engine.log("hour", 0), batch(old, FILLING));
            for (String topic : topics) {
                Topic found = engine.engine.catalog().find(topic);
                int partition = i % found.partitionCount();
                append(engine.log(topic, partition), batch(topic + " " + i, "y".repeat(i)));
            }
        }
    }

    private void awaitSealed(TestEngine engine) {
        awaitJournalFiles(5);
        assertTrue(engine.metric("headrace_sealing_files_total") > 0);
        assertEquals(0, engine.metric("headrace_sealing_failures_total"));
    }

    private void awaitJournalFiles(int count) {
        await("journal files", () -> files("journal/data-1", ".cq4").size() <= count);
    }

    private List<Path> segments() {
        return files("segments/data-1", ".segment");
    }

    private long segmentBytes() {
        return segments().stream().mapToLong(SealingTest::length).sum();
    }

    private static long length(Path file) {
        return file.toFile().length();
    }

    private List<Path> files(String path, String extension) {
        try (Stream<Path> files = Files.walk(folder.resolve(path))) {
            return files.filter(file -> file.toString().endsWith(extension)).sorted().toList();
        } catch (UncheckedIOException e) {
            return files(path, extension); // deleted on the way
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** Every batch of every kept topic. */
    private static Map<String, byte[]> contents(TestEngine engine) {
        Map<String, byte[]> found = new TreeMap<>();
        for (Topic topic : engine.engine.catalog().list("", 100)) {
            for (int i = 0; !topic.name().equals("hour") && i < topic.partitionCount(); i++) {
                PartitionLog log = engine.log(topic.name(), i);
                found.putAll(contents(log, log.logStartOffset()));
            }
        }
        return found;
    }

    private static Map<String, byte[]> contents(PartitionLog log, long fromOffset) {
        Map<String, byte[]> found = new TreeMap<>();
        long offset = fromOffset;
        while (offset < log.highWatermark()) {
            try (ReadResult result = read(log, offset, 1 << 16)) {
                assertFalse(result instanceof Unavailable, result + " at " + offset);
                RecordsLease lease = (RecordsLease) result;
                for (int i = 0; i < lease.sliceCount(); i++) {
                    addBatches(log, lease.slice(i), found);
                }
                offset = lease.nextOffset();
            }
        }
        return found;
    }

    private static void addBatches(PartitionLog log, ByteBuffer slice, Map<String, byte[]> found) {
        ByteBuffer rest = slice.duplicate();
        while (rest.hasRemaining()) {
            int at = rest.position();
            byte[] bytes = new byte[RecordBatch.length(rest, at)];
            long offset = RecordBatch.baseOffset(rest, at);
            rest.get(bytes);
            found.put(log.topic().name() + "-" + log.partition() + "/" + offset, bytes);
        }
    }

    private static void assertSame(Map<String, byte[]> expected, Map<String, byte[]> found) {
        assertEquals(expected.keySet(), found.keySet());
        List<String> different = new ArrayList<>();
        expected.forEach(
                (key, bytes) -> {
                    if (!Arrays.equals(bytes, found.get(key))) {
                        different.add(key);
                    }
                });
        assertEquals(List.of(), different);
    }

    /** Flips a bit of the text where it stands in one of the files. */
    private void flip(Path in, String extension, String text) throws IOException {
        for (Path file : files(folder.relativize(in).toString(), extension)) {
            byte[] bytes = Files.readAllBytes(file);
            int at = indexOf(bytes, text.getBytes(StandardCharsets.US_ASCII));
            if (at >= 0) {
                try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                    channel.write(ByteBuffer.wrap(new byte[] {(byte) (bytes[at] ^ 1)}), at);
                }
                return;
            }
        }
        throw new AssertionError("not found: " + text);
    }

    private static int indexOf(byte[] bytes, byte[] text) {
        for (int at = 0; at + text.length <= bytes.length; at++) {
            if (Arrays.mismatch(bytes, at, at + text.length, text, 0, text.length) < 0) {
                return at;
            }
        }
        return -1;
    }
}
