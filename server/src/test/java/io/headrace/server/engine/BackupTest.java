package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.get;
import static io.headrace.server.engine.TestEngine.readAll;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.Backups;
import io.headrace.engine.Backups.Cut;
import io.headrace.engine.Backups.CutFile;
import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.PartitionLog.EpochEnd;
import io.headrace.engine.Topic;
import io.headrace.engine.backup.BackupReader;
import io.headrace.engine.backup.BackupWriter;
import io.headrace.engine.backup.BackupWriter.Written;
import io.headrace.engine.backup.RestoreMark;
import io.headrace.engine.testing.FaultyDisk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What docs/design/backup.md promises, on a whole engine. */
class BackupTest {
    private static final String CLUSTER = "cluster";
    private static final Map<String, String> UNSYNCED = Map.of("flush.messages", "1000000");
    private static final Map<String, String> HYBRID =
            Map.of("headrace.storage.mode", "hybrid", "headrace.spill.ms", "60000");
    private static final Map<String, String> MEMORY = Map.of("headrace.storage.mode", "memory");

    private static final String PASSES = "headrace_producer_expiry_passes_total";

    @TempDir Path folder;

    private Path data() {
        return folder.resolve("data");
    }

    private Path backup() {
        return folder.resolve("backup");
    }

    private Path restored() {
        return folder.resolve("restored");
    }

    @Test
    void whatWasAcknowledgedBeforeIsThereAndWhatCameLaterIsNot() throws Exception {
        try (TestEngine engine = new TestEngine(data())) {
            engine.create("synced", 1, Map.of());
            engine.create("unsynced", 1, UNSYNCED);
            append(engine.log("synced", 0), batch("a", "b"));
            append(engine.log("unsynced", 0), batch("c"));
            Cut cut = get(engine.engine.backups().begin());
            append(engine.log("synced", 0), batch("late"));
            engine.create("late", 1, Map.of());
            write(cut, backup(), null, true);
            engine.engine.backups().end(cut.id());
        }
        restore();
        try (TestEngine engine = new TestEngine(restored())) {
            assertEquals(List.of("0:a", "1:b"), readAll(engine.log("synced", 0), 0));
            assertEquals(List.of("0:c"), readAll(engine.log("unsynced", 0), 0));
            assertEquals(2, engine.engine.catalog().topicCount());
        }
    }

    /** Also what only memory holds when the cut is asked for. */
    @Test
    void whatAHybridTopicHadAcknowledgedBeforeIsThereAndNoOffsetIsGivenTwice() throws Exception {
        try (TestEngine engine = new TestEngine(data())) {
            engine.create("h", 1, HYBRID);
            append(engine.log("h", 0), batch("a", "b"));
            append(engine.log("h", 0), batch("c"));
            Cut cut = get(engine.engine.backups().begin());
            append(engine.log("h", 0), batch("late"));
            write(cut, backup(), null, true);
            engine.engine.backups().end(cut.id());
        }
        RestoreMark mark = restore();
        try (TestEngine engine = new TestEngine(restored())) {
            PartitionLog log = engine.log("h", 0);
            assertEquals(List.of("0:a", "1:b", "2:c"), readAll(log, 0));
            assertEquals(3, log.highWatermark());
            assertEquals(mark.floor(), append(log, batch("new")));
            assertEquals(List.of(mark.floor() + ":new"), readAll(log, 3));
        }
    }

    /** Also what nobody else waits for: the power may go as soon as somebody copies it. */
    @Test
    void aCutIsToldOnceAllThatItNamesOfTheJournalsIsForced() throws Exception {
        FaultyDisk disk = new FaultyDisk(data(), 1);
        try (TestEngine engine =
                new TestEngine(data(), context -> context.journalCount(1).disk(disk))) {
            engine.create("t", 1, UNSYNCED);
            for (int i = 0; i < 40; i++) { // into the second cycle
                assertEquals(i, engine.log("t", 0).append(batch("x".repeat(50_000))));
            }
            Cut cut = get(engine.engine.backups().begin());
            Path left = folder.resolve("left");
            disk.afterPowerCut(left, new Random(1));
            long bytes = 0;
            for (CutFile file : cut.files()) {
                if (file.path().startsWith("journal")) {
                    assertArrayEquals(begin(data(), file), begin(left, file), file::toString);
                    bytes += file.length();
                }
            }
            assertTrue(bytes > 40 * 50_000, "bytes " + bytes);
            engine.engine.backups().end(cut.id());
        }
    }

    private static byte[] begin(Path folder, CutFile file) throws IOException {
        byte[] bytes = Files.readAllBytes(folder.resolve(file.path()));
        assertTrue(bytes.length >= file.length(), file::toString);
        return Arrays.copyOf(bytes, (int) file.length());
    }

    /** Also of what was sealed after the checkpoint: its index rows come from the journal. */
    @Test
    void whatWasSealedIsThere() throws Exception {
        List<String> before;
        try (TestEngine engine =
                new TestEngine(
                        data(), context -> context.journalCount(1).retentionCheckIntervalMs(50))) {
            engine.create("kept", 1, Map.of("retention.ms", "-1"));
            engine.create("hour", 1, Map.of("retention.ms", "3600000"));
            long oldMs = System.currentTimeMillis() - 7_200_000;
            for (int i = 0; i < 150; i++) {
                append(engine.log("hour", 0), batch(oldMs, "x".repeat(60_000)));
                append(engine.log("kept", 0), batch("kept " + i));
            }
            await("sealed", () -> engine.metric("headrace_segments") > 0);
            before = readAll(engine.log("kept", 0), 0);
            writeCut(engine, backup(), null, true);
        }
        assertTrue(Files.isDirectory(backup().resolve("segments/data-1")));
        restore();
        try (TestEngine engine = new TestEngine(restored(), context -> context.journalCount(1))) {
            assertEquals(before, readAll(engine.log("kept", 0), 0));
        }
    }

    @Test
    void aRestoredFolderGivesNothingOutASecondTime() throws Exception {
        int epoch;
        try (TestEngine engine = new TestEngine(data())) {
            engine.create("synced", 1, Map.of());
            engine.create("empty", 1, Map.of());
            engine.create("memory", 1, MEMORY);
            append(engine.log("synced", 0), batch("a", "b"));
            epoch = engine.engine.leaderEpoch();
            writeCut(engine, backup(), null, true);
        }
        RestoreMark mark = restore();
        for (int start = 0; start < 2; start++) {
            try (TestEngine engine = new TestEngine(restored())) {
                assertEquals(mark.leaderEpoch() + start, engine.engine.leaderEpoch());
                PartitionLog log = engine.log("synced", 0);
                assertEquals(new EpochEnd(epoch, 2), log.endOffsetForEpoch(epoch));
                assertEquals(mark.floor() + start, append(log, batch("new")));
                assertEquals(mark.floor() + start, append(engine.log("empty", 0), batch("new")));
                assertEquals(mark.floor() + start, append(engine.log("memory", 0), batch("new")));
                Topic created = engine.create("new-" + start, 1, Map.of());
                assertTrue(created.id() >= mark.floor(), "topic id " + created.id());
                assertEquals(0, append(engine.log(created.name(), 0), batch("first")));
                long producerId = get(engine.engine.catalog().allocateProducerIds(1));
                assertTrue(producerId >= mark.floor(), "producer id " + producerId);
            }
        }
        try (TestEngine engine = new TestEngine(restored())) {
            List<String> records = readAll(engine.log("synced", 0), 0);
            assertEquals("0:a,1:b", String.join(",", records.subList(0, 2)));
            assertEquals(mark.floor() + ":new", records.get(2));
            assertEquals(4, records.size());
        }
    }

    /** Each of two partitions, in journals of their own, says how far it had seen the other. */
    @Test
    void noJournalKnowsWhatAnotherHasNotGot() throws Exception {
        try (TestEngine engine = new TestEngine(data())) {
            Topic a = engine.create("a", 1, Map.of());
            Topic b = engine.create("b", 1, Map.of());
            assertFalse(a.journal() == b.journal(), "one journal");
            PartitionLog[] logs = {engine.log("a", 0), engine.log("b", 0)};
            AtomicBoolean done = new AtomicBoolean();
            Thread[] writers = {
                referring(logs[0], logs[1], done), referring(logs[1], logs[0], done)
            };
            for (int i = 0; i < 5; i++) {
                long before = logs[0].highWatermark();
                await("records", () -> logs[0].highWatermark() > before + 200);
                Path target = folder.resolve("backup-" + i);
                writeCut(engine, target, null, true);
            }
            done.set(true);
            for (Thread writer : writers) {
                writer.join();
            }
        }
        for (int i = 0; i < 5; i++) {
            Path target = folder.resolve("restored-" + i);
            BackupReader.restore(folder.resolve("backup-" + i), target, number(), bytes -> {});
            try (TestEngine engine = new TestEngine(target)) {
                checkReferences(engine.log("a", 0), engine.log("b", 0));
                checkReferences(engine.log("b", 0), engine.log("a", 0));
            }
        }
    }

    private static Thread referring(PartitionLog from, PartitionLog to, AtomicBoolean done) {
        Thread writer =
                new Thread(
                        () -> {
                            while (!done.get()) {
                                append(from, batch(String.valueOf(to.highWatermark())));
                            }
                        });
        writer.start();
        return writer;
    }

    private static void checkReferences(PartitionLog from, PartitionLog to) {
        List<String> records = readAll(from, 0);
        assertFalse(records.isEmpty());
        for (int i = 0; i < records.size(); i++) {
            String[] parts = records.get(i).split(":");
            assertEquals(i, Long.parseLong(parts[0]), "offsets are dense");
            assertTrue(
                    Long.parseLong(parts[1]) <= to.highWatermark(),
                    records.get(i) + " was written having seen more than " + to.highWatermark());
        }
    }

    @Test
    void filesStayWhileTheyAreHeldAndGoAfterwards() throws Exception {
        try (TestEngine engine =
                new TestEngine(data(), context -> context.retentionCheckIntervalMs(200))) {
            engine.create("kept", 1, Map.of());
            Topic gone = engine.create("gone", 1, Map.of());
            ByteBuffer batch = batch("x".repeat(60_000));
            for (int i = 0; i < 60; i++) {
                append(engine.log("gone", 0), batch);
            }
            Backups backups = engine.engine.backups();
            Cut cut = get(backups.begin());
            get(engine.engine.catalog().delete(List.of(gone.id())));
            // Housekeeping has been there, and would have deleted.
            long passes = engine.metric(PASSES);
            await("housekeeping", () -> engine.metric(PASSES) > passes + 2);
            for (Backups.CutFile file : cut.files()) {
                assertTrue(Files.exists(data().resolve(file.path())), file.toString());
            }
            ExecutionException second =
                    assertThrows(
                            ExecutionException.class,
                            () -> backups.begin().get(20, TimeUnit.SECONDS));
            assertTrue(second.getCause().getMessage().contains(cut.id()), second.toString());
            backups.renew(cut.id());
            long before = cycleFiles();
            backups.end(cut.id());
            await("space", () -> cycleFiles() < before);
            assertThrows(EngineException.class, () -> backups.renew(cut.id()));
        }
    }

    private long cycleFiles() {
        try (Stream<Path> files = Files.walk(data().resolve("journal"))) {
            return files.filter(file -> file.toString().endsWith(".cq4")).count();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void aFlippedByteIsNamedAndNothingIsWritten() throws Exception {
        try (TestEngine engine = new TestEngine(data())) {
            engine.create("t", 1, Map.of());
            append(engine.log("t", 0), batch("a"));
            writeCut(engine, backup(), null, false);
        }
        List<Path> files;
        try (Stream<Path> paths = Files.walk(backup())) {
            files =
                    paths.filter(file -> Files.isRegularFile(file) && file.toFile().length() > 0)
                            .toList();
        }
        for (Path file : files) {
            flip(file);
            EngineException refused = assertThrows(EngineException.class, this::restore);
            assertTrue(
                    refused.getMessage().contains(backup().relativize(file).toString()),
                    file + " is not in " + refused.getMessage());
            assertFalse(Files.exists(restored()), "something was written");
            flip(file);
        }
        Files.delete(files.get(0));
        assertThrows(EngineException.class, this::restore);
    }

    private static void flip(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length / 2] ^= 1;
        Files.write(file, bytes);
    }

    @Test
    void aRestoreThatWasBrokenOffIsRefusedAndCanBeRunAgain() throws Exception {
        try (TestEngine engine = new TestEngine(data())) {
            engine.create("t", 1, Map.of());
            append(engine.log("t", 0), batch("a"));
            writeCut(engine, backup(), null, true);
        }
        restore();
        Files.move(
                restored().resolve(RestoreMark.RESTORED),
                restored().resolve(RestoreMark.RESTORING));
        EngineException refused =
                assertThrows(EngineException.class, () -> new TestEngine(restored()));
        assertTrue(refused.getMessage().contains("not finished"), refused.getMessage());
        restore();
        try (TestEngine engine = new TestEngine(restored())) {
            assertEquals(List.of("0:a"), readAll(engine.log("t", 0), 0));
        }
        EngineException full = assertThrows(EngineException.class, this::restore);
        assertTrue(full.getMessage().startsWith("data folder is not empty"), full.getMessage());
    }

    @Test
    void anIncrementSharesWhatHasNotChanged() throws Exception {
        Path second = folder.resolve("second");
        try (TestEngine engine = new TestEngine(data())) {
            engine.create("t", 1, Map.of());
            ByteBuffer batch = batch("x".repeat(60_000));
            for (int i = 0; i < 60; i++) {
                append(engine.log("t", 0), batch);
            }
            Written first = writeCut(engine, backup(), null, false);
            assertEquals(0, first.linkedBytes());
            append(engine.log("t", 0), batch("last"));
            Written then = writeCut(engine, second, backup(), false);
            assertTrue(then.linkedBytes() > 2 << 20, "linked " + then.linkedBytes());
            assertTrue(
                    then.copiedBytes() < first.copiedBytes() / 2, "copied " + then.copiedBytes());
        }
        BackupReader.verify(second, bytes -> {});
        TestEngine.deleteFolder(backup());
        BackupReader.restore(second, restored(), number(), bytes -> {});
        try (TestEngine engine = new TestEngine(restored())) {
            assertEquals(61, readAll(engine.log("t", 0), 0).size());
        }
    }

    /** After a restore there are two lives of one cluster, whose files have the same names. */
    @Test
    void anIncrementTakesNothingFromTheOtherLifeOfARestoredFolder() throws Exception {
        Path first = folder.resolve("first");
        Path other = folder.resolve("other");
        try (TestEngine engine = new TestEngine(data())) {
            engine.create("t", 1, Map.of());
            writeCut(engine, first, null, false);
        }
        BackupReader.restore(first, restored(), number(), bytes -> {});
        fillAndBackUp(data(), "x", other, null);
        fillAndBackUp(restored(), "y", backup(), other);
        Path again = folder.resolve("again");
        BackupReader.restore(backup(), again, number() + 1, bytes -> {});
        try (TestEngine engine = new TestEngine(again)) {
            List<String> records = readAll(engine.log("t", 0), 0);
            assertEquals(60, records.size());
            for (String record : records) {
                assertTrue(record.endsWith("y"), "a record of the other life: " + record);
            }
        }
    }

    private static void fillAndBackUp(Path data, String value, Path target, @Nullable Path base)
            throws IOException {
        try (TestEngine engine = new TestEngine(data)) {
            ByteBuffer batch = batch(value.repeat(60_000));
            for (int i = 0; i < 60; i++) {
                append(engine.log("t", 0), batch);
            }
            writeCut(engine, target, base, false);
        }
    }

    @Test
    void anIncrementHasTheNoteThatBelongsToItsOwnCheckpoint() throws Exception {
        Path second = folder.resolve("second");
        try (TestEngine engine = new TestEngine(data())) {
            writeCut(engine, backup(), null, false);
            writeCut(engine, second, backup(), false);
        }
        String note = "journal/trimmed.properties";
        assertEquals("version=1\ncheckpoint=1\n", Files.readString(backup().resolve(note)));
        assertEquals("version=1\ncheckpoint=2\n", Files.readString(second.resolve(note)));
    }

    @Test
    void anIncrementDoesNotTakeWhatRottedInTheEarlierBackup() throws Exception {
        Path second = folder.resolve("second");
        try (TestEngine engine = new TestEngine(data())) {
            engine.create("t", 1, Map.of());
            ByteBuffer batch = batch("x".repeat(60_000));
            for (int i = 0; i < 60; i++) {
                append(engine.log("t", 0), batch);
            }
            writeCut(engine, backup(), null, false);
            try (Stream<Path> files = Files.walk(backup().resolve("journal"))) {
                for (Path file : files.filter(each -> each.toString().endsWith(".cq4")).toList()) {
                    flip(file);
                }
            }
            writeCut(engine, second, backup(), false);
        }
        BackupReader.restore(second, restored(), number(), bytes -> {});
        try (TestEngine engine = new TestEngine(restored())) {
            assertEquals(60, readAll(engine.log("t", 0), 0).size());
        }
    }

    /** An attempt on a full disk would stop the metadata store. */
    @Test
    void withoutRoomForACheckpointThereIsNoCut() {
        FaultyDisk disk = new FaultyDisk(data(), 1);
        try (TestEngine engine = new TestEngine(data(), context -> context.disk(disk))) {
            disk.usableBytes(1 << 20);
            ExecutionException refused =
                    assertThrows(
                            ExecutionException.class,
                            () -> engine.engine.backups().begin().get(20, TimeUnit.SECONDS));
            assertTrue(
                    refused.getCause().getMessage().startsWith("no room for a backup"),
                    refused.toString());
            disk.usableBytes(Long.MAX_VALUE);
            Backups backups = engine.engine.backups();
            backups.end(get(backups.begin()).id());
        }
    }

    @Test
    void aClockBeforeTheBackupIsRefused() throws Exception {
        try (TestEngine engine = new TestEngine(data())) {
            writeCut(engine, backup(), null, true);
        }
        EngineException refused =
                assertThrows(
                        EngineException.class,
                        () -> BackupReader.restore(backup(), restored(), 1, bytes -> {}));
        assertTrue(refused.getMessage().contains("--number"), refused.getMessage());
    }

    /** What is copied, linked, and taken from an earlier backup, whatever was read for that. */
    @Test
    void whatIsToldOfTheFilesThatAreThereAddsUpToTheBackup() throws Exception {
        try (TestEngine engine = new TestEngine(data())) {
            engine.create("t", 1, Map.of());
            append(engine.log("t", 0), batch("a"));
            writeCut(engine, backup(), null, true);
            Cut cut = get(engine.engine.backups().begin());
            Told told = new Told();
            Path second = folder.resolve("second");
            BackupWriter writer = new BackupWriter(cut, CLUSTER, second, backup(), false, told);
            writer.copy();
            assertEquals(cut.files().stream().mapToLong(file -> file.length()).sum(), told.files);
            told.read = 0;
            writer.complete();
            assertEquals(told.files, told.read);
            engine.engine.backups().end(cut.id());
        }
    }

    private static final class Told implements BackupWriter.Progress {
        long read;
        long files;

        @Override
        public void onBytes(long bytes) {
            read += bytes;
        }

        @Override
        public void onFile(long length) {
            files += length;
        }
    }

    private static Written write(Cut cut, Path target, @Nullable Path base, boolean mayLink)
            throws IOException {
        BackupWriter writer = new BackupWriter(cut, CLUSTER, target, base, mayLink, bytes -> {});
        writer.copy();
        return Objects.requireNonNull(writer.complete());
    }

    private static Written writeCut(
            TestEngine engine, Path target, @Nullable Path base, boolean mayLink)
            throws IOException {
        Cut cut = get(engine.engine.backups().begin());
        try {
            return write(cut, target, base, mayLink);
        } finally {
            engine.engine.backups().end(cut.id());
        }
    }

    private RestoreMark restore() throws IOException {
        return BackupReader.restore(backup(), restored(), number(), bytes -> {});
    }

    private static int number() {
        return RestoreMark.numberAt(System.currentTimeMillis());
    }
}
