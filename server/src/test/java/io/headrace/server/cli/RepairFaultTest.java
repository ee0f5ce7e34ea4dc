package io.headrace.server.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.backup.RestoreMark;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.journal.ChronicleJournal;
import io.headrace.engine.journal.JournalContext;
import io.headrace.engine.journal.JournalScan;
import io.headrace.engine.journal.JournalScan.State;
import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.testing.EachCall;
import io.headrace.engine.testing.FaultyDisk;
import io.headrace.engine.testing.FaultyDisk.Fault;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Each call to the disk fails in turn while a data folder with two damaged journals is repaired.
 * What was cut out may have been given out: wherever a hole is, the mark for the next start is too,
 * after the process has ended there as after the power went.
 */
class RepairFaultTest {
    private static final List<String> JOURNALS = List.of("data-1", "data-2");
    private static final int ENTRIES = 5;
    private static final int DAMAGED = 2;

    @TempDir Path folder;

    private Path damaged() {
        return folder.resolve("damaged");
    }

    @BeforeEach
    void fill() throws IOException {
        for (String name : JOURNALS) {
            Path path = damaged().resolve("journal").resolve(name);
            long position = 0;
            try (Journal journal =
                    ChronicleJournal.open(
                            new JournalContext()
                                    .folder(path)
                                    .cycleBytes(1 << 20)
                                    .diskReserveBytes(0))) {
                for (int i = 0; i < ENTRIES; i++) {
                    long appended = journal.append(EntryType.BATCH, 7, 0, i, 1, batch());
                    position = i == DAMAGED ? appended : position;
                }
            }
            FaultyDisk.overwrite(
                    cycle(damaged(), name), Journal.fileOffset(position) + 100, (byte) 0xAA);
        }
    }

    private static ByteBuffer batch() {
        ByteBuffer buffer = ByteBuffer.allocateDirect(1000);
        RecordBatchWriter writer = new RecordBatchWriter().begin(buffer, 1_000);
        writer.append(1_000, null, ByteBuffer.allocate(500));
        writer.end();
        return buffer.flip();
    }

    private static Path cycle(Path data, String journal) throws IOException {
        try (Stream<Path> files = Files.walk(data.resolve("journal").resolve(journal))) {
            return files.filter(file -> file.toString().endsWith(".cq4")).findFirst().orElseThrow();
        }
    }

    @Test
    void whereverSomethingIsCutOutTheNextStartIsToldToGoOnAboveIt() throws IOException {
        int calls = EachCall.withEveryFault(this::live);
        assertTrue(calls > 20, "calls " + calls);
    }

    private boolean live(int call, Fault fault) throws IOException {
        Path run = folder.resolve(fault + "-" + call);
        Path data = Files.createDirectories(run.resolve("data"));
        FaultyDisk.copy(damaged().resolve("journal"), data.resolve("journal"));
        Files.createFile(data.resolve("meta.properties"));
        FaultyDisk disk = new FaultyDisk(data, call);
        disk.forceAll();
        disk.at(call, fault);
        boolean isDone = isDone(data, disk);
        check(data, isDone);
        Path left = run.resolve("left");
        disk.afterPowerCut(left, new Random(call));
        check(left, isDone);
        return disk.isReached();
    }

    private static boolean isDone(Path data, Disk disk) {
        StringWriter said = new StringWriter();
        try {
            new RepairRun(data, null, new PrintWriter(said), false, disk).run(true);
        } catch (IOException e) {
            return false;
        }
        assertTrue(said.toString().contains("lost: "), said::toString);
        return true;
    }

    private void check(Path data, boolean isDone) throws IOException {
        for (String name : JOURNALS) {
            byte[] before = Files.readAllBytes(cycle(damaged(), name));
            byte[] after = Files.readAllBytes(cycle(data, name));
            if (isDone) {
                assertEquals(State.SOUND, scan(data.resolve("journal").resolve(name)));
            }
            if (!Arrays.equals(before, after)) {
                assertNotNull(RestoreMark.read(data), "a hole, and no mark");
                assertTrue(isKept(data, name), "not kept");
            } else {
                assertTrue(!isDone, "the repair is gone");
            }
        }
    }

    private static State scan(Path journal) throws IOException {
        return JournalScan.readOnly(
                        journal, (position, type, id, number, at, epoch, time, payload) -> {})
                .get(0)
                .state();
    }

    private static boolean isKept(Path data, String journal) throws IOException {
        try (Stream<Path> files = Files.walk(data)) {
            return files.map(file -> data.relativize(file).toString())
                    .anyMatch(name -> name.matches("repair-.*/" + journal + "/.*[.]cq4"));
        }
    }
}
