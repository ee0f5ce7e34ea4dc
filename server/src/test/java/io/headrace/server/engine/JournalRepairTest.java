package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.deleteFolder;
import static io.headrace.server.engine.TestEngine.readAll;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineException;
import io.headrace.engine.journal.JournalLosses;
import io.headrace.engine.journal.JournalLosses.Gaps;
import io.headrace.engine.journal.JournalLosses.Loss;
import io.headrace.engine.journal.JournalRepair;
import io.headrace.engine.journal.JournalRepair.Repaired;
import io.headrace.engine.journal.JournalScan;
import io.headrace.engine.journal.JournalScan.Damage;
import io.headrace.engine.journal.JournalScan.ScannedCycle;
import io.headrace.engine.journal.JournalScan.State;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.testing.FaultyDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A repair costs what is damaged and nothing else, and keeps it. */
class JournalRepairTest {
    private static final int BATCHES = 20;

    @TempDir Path folder;

    private Path journal;
    private Path side;
    private final List<Long> positions = new ArrayList<>();
    private Path cycle;
    private long topicId;

    /** Two partitions in turn, one record a batch; and no store that knows of them. */
    @BeforeEach
    void fill() throws IOException {
        Path data = folder.resolve("data");
        journal = data.resolve("journal/data-1");
        side = folder.resolve("side");
        try (TestEngine engine = new TestEngine(data, context -> context.journalCount(1))) {
            topicId = engine.create("t", 2, Map.of()).id();
            for (int i = 0; i < BATCHES; i++) {
                append(engine.log("t", i % 2), batch("value-" + i));
            }
        }
        deleteFolder(data.resolve("rocksdb"));
        cycle =
                JournalScan.read(
                                journal,
                                (position, type, id, number, offset, epoch, time, payload) -> {
                                    if (type == EntryType.BATCH) {
                                        positions.add(position);
                                    }
                                })
                        .get(0)
                        .path();
        assertEquals(BATCHES, positions.size());
    }

    private TestEngine start() {
        return new TestEngine(folder.resolve("data"), context -> context.journalCount(1));
    }

    @Test
    void aDamagedPayloadCostsItsBatch() throws IOException {
        byte[] before = Files.readAllBytes(cycle);
        flip(at(6) + Journal.ENVELOPE_LENGTH + 70);
        byte[] damagedBytes = Files.readAllBytes(cycle);
        assertThrows(EngineException.class, this::start);
        assertEquals(List.of(lost(0, 3, 4)), losses());
        List<Repaired> repaired = JournalRepair.run(journal, side);
        assertEquals(1, repaired.size());
        Damage damage = repaired.get(0).damage();
        assertArrayEquals(damagedBytes, Files.readAllBytes(repaired.get(0).kept()));
        byte[] after = Files.readAllBytes(cycle);
        assertEquals(before.length, after.length);
        int changed = Arrays.mismatch(before, after);
        assertTrue(changed >= damage.fromOffset(), "changed at " + changed);
        assertEquals(State.SOUND, scan().get(0).state());
        assertEquals(damage.length(), scan().get(0).cutOutBytes());
        assertRead(6);
    }

    /** Nothing of the partition is before it, as where retention has taken that. */
    @Test
    void aLossThatBeginsAPartitionEndsAtItsNextBatch() throws IOException {
        flip(at(0) + Journal.ENVELOPE_LENGTH + 70);
        flip(at(2) + Journal.ENVELOPE_LENGTH + 70);
        flip(at(3) + Journal.ENVELOPE_LENGTH + 70);
        assertEquals(List.of(lost(0, 0, 2), lost(1, 1, 2)), losses());
    }

    private Loss lost(int partition, long fromOffset, long toOffset) {
        return new Loss(EntryType.BATCH, topicId, partition, fromOffset, toOffset, Gaps.NONE);
    }

    /** As one that was sealed: what it had is in a segment, and nothing is known of it here. */
    @Test
    void aLossThatEndsBehindAFileThatIsGoneIsOneAtMost() throws IOException {
        try (TestEngine engine = start()) {
            appendFiles(engine);
            append(engine.log("t", 0), batch("behind"));
        }
        flip(at(18) + Journal.ENVELOPE_LENGTH + 70);
        assertEquals(List.of(lost(0, 9, 10)), losses());
        List<ScannedCycle> cycles = scan();
        Files.delete(cycles.get(cycles.size() / 2).path());
        assertEquals(List.of(lostAtMost(9, 10, new Gaps(false, true))), losses());
    }

    private Loss lostAtMost(long fromOffset, long toOffset, Gaps gaps) {
        return new Loss(EntryType.BATCH, topicId, 0, fromOffset, toOffset, gaps);
    }

    /** What was before the damage may be in a segment as well, and so may be both. */
    @Test
    void aLossThatBeginsBeforeAFileThatIsGoneIsOneAtMostThere() throws IOException {
        try (TestEngine engine = start()) {
            append(engine.log("t", 0), batch("before"));
            appendFiles(engine);
            append(engine.log("t", 0), batch("damage me"));
            appendFiles(engine);
            append(engine.log("t", 0), batch("behind"));
        }
        List<Path> files = scan().stream().map(ScannedCycle::path).toList();
        int damaged = damage(files, "damage me");
        assertEquals(List.of(lost(0, 11, 12)), losses());
        Files.delete(files.get(damaged - 1));
        assertEquals(List.of(lostAtMost(11, 12, new Gaps(true, false))), lossesOfFirst());
        Files.delete(files.get(damaged + 1));
        assertEquals(List.of(lostAtMost(11, 12, new Gaps(true, true))), lossesOfFirst());
    }

    /** Of the partition that the files in between have nothing of. */
    private List<Loss> lossesOfFirst() throws IOException {
        return losses().stream().filter(loss -> loss.partition() == 0).toList();
    }

    /** Turns a bit of the text where it stands in one of the files, and says which that is. */
    private static int damage(List<Path> files, String text) throws IOException {
        for (int i = 0; i < files.size(); i++) {
            int at = Files.readString(files.get(i), ISO_8859_1).indexOf(text);
            if (at >= 0) {
                FaultyDisk.flip(files.get(i), 8L * at);
                return i;
            }
        }
        throw new AssertionError("not found: " + text);
    }

    /** Of another partition, so many that there are some files of them alone. */
    private static void appendFiles(TestEngine engine) {
        for (int i = 0; i < 30; i++) {
            append(engine.log("t", 1), batch("x".repeat(100_000)));
        }
    }

    @Test
    void damagedEnvelopesCostTheirBatchesAndAreTold() throws IOException {
        flip(at(7));
        flip(at(8));
        flip(at(11) - 4); // a document's header
        assertThrows(EngineException.class, this::start);
        assertEquals(List.of(lost(1, 3, 4), lost(0, 4, 5), lost(1, 5, 6)), losses());
        assertEquals(2, JournalRepair.run(journal, side).size());
        assertRead(7, 8, 11);
    }

    @Test
    void aTailThatIsCutOffIsMadeUpFor() throws IOException {
        byte[] bytes = Files.readAllBytes(cycle);
        Files.write(cycle, Arrays.copyOf(bytes, (int) at(17) + 10));
        assertThrows(EngineException.class, this::start);
        assertEquals(1, JournalRepair.run(journal, side).size());
        assertEquals(bytes.length, Files.size(cycle));
        assertRead(17, 18, 19);
    }

    /** The damage is of no length: the file ends between two documents, where it must not. */
    @Test
    void anEndOfCycleHeaderThatIsCutOffIsWrittenAgain() throws IOException {
        try (TestEngine engine = start()) {
            for (int i = 0; i < 20; i++) {
                append(engine.log("t", 0), batch("x".repeat(100_000)));
            }
        }
        List<ScannedCycle> sound = scan();
        Path ended = sound.get(sound.size() - 2).path();
        byte[] bytes = Files.readAllBytes(ended);
        for (int cut = 1; cut <= Integer.BYTES; cut++) {
            Files.write(ended, Arrays.copyOf(bytes, bytes.length - cut));
            assertEquals(State.DAMAGED, scan().get(sound.size() - 2).state());
            assertEquals(1, JournalRepair.run(journal, side.resolve("cut-" + cut)).size());
            assertArrayEquals(bytes, Files.readAllBytes(ended));
        }
    }

    @Test
    void nothingIsDoneToASoundJournalNorToOneThatIsOpen() throws IOException {
        byte[] before = Files.readAllBytes(cycle);
        assertEquals(List.of(), JournalRepair.run(journal, side));
        assertArrayEquals(before, Files.readAllBytes(cycle));
        try (TestEngine engine = start()) {
            assertThrows(EngineException.class, () -> JournalRepair.run(journal, side));
            assertTrue(JournalScan.isOpen(journal));
            List<ScannedCycle> open =
                    JournalScan.readOnly(
                            journal, (position, type, id, number, offset, epoch, time, load) -> {});
            assertEquals(State.IN_USE, open.get(open.size() - 1).state());
            append(engine.log("t", 0), batch("more"));
        }
        assertTrue(!JournalScan.isOpen(journal));
    }

    private long at(int batch) {
        return Journal.fileOffset(positions.get(batch));
    }

    private void flip(long offset) throws IOException {
        byte[] bytes = Files.readAllBytes(cycle);
        bytes[(int) offset] ^= 0x10;
        Files.write(cycle, bytes);
    }

    private List<ScannedCycle> scan() throws IOException {
        return JournalScan.read(
                journal, (position, type, id, number, offset, epoch, time, payload) -> {});
    }

    private List<Loss> losses() throws IOException {
        JournalLosses losses =
                new JournalLosses((position, type, id, number, offset, epoch, time, payload) -> {});
        JournalScan.read(journal, losses);
        return losses.losses();
    }

    /** Starts, and reads everything but what was in these batches. */
    private void assertRead(Integer... lost) {
        List<List<String>> expected = List.of(new ArrayList<>(), new ArrayList<>());
        for (int i = 0; i < BATCHES; i++) {
            if (!Arrays.asList(lost).contains(i)) {
                expected.get(i % 2).add(i / 2 + ":value-" + i);
            }
        }
        try (TestEngine engine = start()) {
            assertEquals(expected.get(0), readAll(engine.log("t", 0), 0));
            assertEquals(expected.get(1), readAll(engine.log("t", 1), 0));
        }
    }
}
