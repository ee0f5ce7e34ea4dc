package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.deleteFolder;
import static io.headrace.server.engine.TestEngine.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.backup.RestoreMark;
import io.headrace.engine.spi.Disk;
import io.headrace.server.cli.JournalCommand;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** What a repair says to the next start: go on above all that can have been given out. */
class RepairMarkTest {
    private static final int EPOCHS_PER_YEAR = 31_536_000;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir Path data;

    /** Which a server's folder has, and is missed where it has not. */
    @BeforeEach
    void writeClusterId() throws IOException {
        Files.createFile(data.resolve("meta.properties"));
    }

    private int repair(String... options) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return new CommandLine(new JournalCommand())
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .setExecutionExceptionHandler(
                        (failure, command, result) -> {
                            err.append(failure.getMessage());
                            return 1;
                        })
                .execute(
                        Stream.concat(Stream.of("repair", data.toString()), Stream.of(options))
                                .toArray(String[]::new));
    }

    /** A topic of three records, the second of which is damaged, and no store that knows them. */
    private void damage() throws IOException {
        fill();
        deleteFolder(data.resolve("rocksdb"));
        flip("second");
    }

    private void fill() {
        try (TestEngine engine = new TestEngine(data, context -> context.journalCount(1))) {
            engine.create("t", 1, Map.of());
            for (String value : new String[] {"a", "second", "c"}) {
                append(engine.log("t", 0), batch(value));
            }
        }
    }

    private void flip(String value) throws IOException {
        List<Path> cycles;
        try (Stream<Path> files = Files.walk(data.resolve("journal/data-1"))) {
            cycles = files.filter(file -> file.toString().endsWith(".cq4")).toList();
        }
        for (Path cycle : cycles) {
            byte[] bytes = Files.readAllBytes(cycle);
            int at = indexOf(bytes, value.getBytes("UTF-8"));
            if (at >= 0) {
                bytes[at] ^= 1;
                Files.write(cycle, bytes);
                return;
            }
        }
        throw new AssertionError("not there: " + value);
    }

    private static int indexOf(byte[] bytes, byte[] wanted) {
        for (int at = 0; at <= bytes.length - wanted.length; at++) {
            if (Arrays.equals(bytes, at, at + wanted.length, wanted, 0, wanted.length)) {
                return at;
            }
        }
        return -1;
    }

    private RestoreMark mark() throws IOException {
        return Objects.requireNonNull(RestoreMark.read(data), "no mark");
    }

    @Test
    void itIsSaidBeforeAnythingIsDoneAndTheNextStartDoesIt() throws IOException {
        damage();
        assertEquals(1, repair());
        String said = out.toString();
        assertTrue(said.contains("the next start: takes leader epoch "), said);
        assertTrue(said.contains("lost: topic=t topicId=1 partition=0 offsets=1-1\n"), said);
        assertNull(RestoreMark.read(data));
        assertEquals(0, repair("--yes"), () -> err.toString() + out);
        RestoreMark mark = mark();
        String expected = "takes leader epoch " + mark.leaderEpoch() + " or a later one";
        assertTrue(out.toString().contains(expected), out::toString);
        assertTrue(out.toString().contains("at offset " + mark.floor()), out::toString);
        try (TestEngine engine = new TestEngine(data, context -> context.journalCount(1))) {
            assertEquals(mark.leaderEpoch(), engine.engine.leaderEpoch());
            assertEquals(mark.floor(), append(engine.log("t", 0), batch("new")));
        }
        assertNull(RestoreMark.read(data));
    }

    /** A checkpoint is what every start begins with, unless it has something newer. */
    @Test
    void whatACheckpointKnowsIsNoReasonToSkipOffsets() throws IOException {
        fill();
        int epoch;
        try (TestEngine engine = new TestEngine(data, context -> context.journalCount(1))) {
            engine.engine.backups().end(get(engine.engine.backups().begin()).id());
            append(engine.log("t", 0), batch("late"));
            epoch = engine.engine.leaderEpoch();
        }
        flip("second");
        assertEquals(0, repair("--yes"), () -> err.toString() + out);
        assertTrue(out.toString().contains("goes on with the offsets"), out::toString);
        assertNull(RestoreMark.read(data));
        try (TestEngine engine = new TestEngine(data, context -> context.journalCount(1))) {
            assertEquals(epoch + 1, engine.engine.leaderEpoch());
            assertEquals(4, append(engine.log("t", 0), batch("new")));
        }
        flip("late");
        assertEquals(0, repair("--yes"), () -> err.toString() + out);
        assertTrue(mark().leaderEpoch() > epoch + 1);
    }

    /** Of a restore, say, after which nobody has started. */
    @Test
    void aMarkThatNoStartHasTakenYetIsNotForgotten() throws IOException {
        damage();
        int later = RestoreMark.numberAt(System.currentTimeMillis()) + EPOCHS_PER_YEAR;
        RestoreMark before = RestoreMark.of("0-a", later, 1);
        RestoreMark.write(data, before, Disk.SYSTEM);
        assertEquals(0, repair("--yes"), () -> err.toString() + out);
        assertEquals(before.leaderEpoch(), mark().leaderEpoch());
        assertEquals(before.floor(), mark().floor());
    }

    /**
     * A repair that was broken off behind the mark, say, and what is left of the damage is known.
     */
    @Test
    void aMarkThatNoStartHasTakenYetIsSaidWhereNothingElseAsksForOne() throws IOException {
        fill();
        try (TestEngine engine = new TestEngine(data, context -> context.journalCount(1))) {
            engine.engine.backups().end(get(engine.engine.backups().begin()).id());
        }
        flip("second");
        RestoreMark before =
                RestoreMark.of("0-a", RestoreMark.numberAt(System.currentTimeMillis()), 1);
        RestoreMark.write(data, before, Disk.SYSTEM);
        assertEquals(0, repair("--yes"), () -> err.toString() + out);
        assertTrue(out.toString().contains("at offset " + before.floor()), out::toString);
        assertEquals(before, mark());
    }

    @Test
    void aClockBeforeTheRecordsThatAreLeftIsRefusedAndNothingIsChanged() throws IOException {
        damage();
        assertEquals(1, repair("--yes", "--number", "1000000"));
        assertTrue(err.toString().contains("the clock is before the time"), err::toString);
        assertNull(RestoreMark.read(data));
        try (Stream<Path> files = Files.list(data)) {
            assertFalse(files.anyMatch(file -> file.toString().contains("repair-")), "cut out");
        }
    }

    /** The next start takes an epoch above it, and so do all after it. */
    @Test
    void aNumberThatLeavesNoRoomForLeaderEpochsIsRefused() throws IOException {
        damage();
        assertEquals(1, repair("--yes", "--number", String.valueOf(Integer.MAX_VALUE)));
        assertTrue(err.toString().contains("allowed="), err::toString);
        assertNull(RestoreMark.read(data));
        int highest = RestoreMark.NUMBER_MAX;
        assertEquals(0, repair("--yes", "--number", String.valueOf(highest)));
        for (int start = 0; start < 2; start++) {
            try (TestEngine engine = new TestEngine(data, context -> context.journalCount(1))) {
                assertEquals(highest + start, engine.engine.leaderEpoch());
            }
        }
    }
}
