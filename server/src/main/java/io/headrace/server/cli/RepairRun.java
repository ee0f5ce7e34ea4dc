package io.headrace.server.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.engine.backup.DataLock;
import io.headrace.engine.backup.RestoreMark;
import io.headrace.engine.journal.JournalLosses;
import io.headrace.engine.journal.JournalRepair;
import io.headrace.engine.journal.JournalRepair.Repaired;
import io.headrace.engine.journal.JournalScan;
import io.headrace.engine.journal.JournalScan.ScannedCycle;
import io.headrace.engine.log.CheckpointProgress;
import io.headrace.engine.log.GivenOut;
import io.headrace.engine.log.TopicNames;
import io.headrace.engine.segment.SegmentScan;
import io.headrace.engine.segment.SegmentScan.ScannedSegment;
import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.Journal;
import io.headrace.rocks.RocksMetadataStore;
import io.headrace.server.admin.Json;
import io.headrace.server.show.Units;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Repairs the journals of one data folder, or says what it would do. */
final class RepairRun {
    private static final DateTimeFormatter STAMP =
            DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);

    private final Path data;
    private final @Nullable Integer number;
    private final PrintWriter out;
    private final boolean isJson;
    private final Disk disk;
    private final GivenOut givenOut = new GivenOut();

    /** Whether all that is damaged is known to every start without the journals. */
    private boolean isKnown = true;

    private final StringWriter report = new StringWriter();
    private final List<ObjectNode> found = new ArrayList<>();

    /**
     * @param number by which the folder goes on above what may have been given out; null for the
     *     clock's
     */
    RepairRun(Path data, @Nullable Integer number, PrintWriter out, boolean isJson) {
        this(data, number, out, isJson, Disk.SYSTEM);
    }

    /** As the other, writing to that disk. */
    RepairRun(Path data, @Nullable Integer number, PrintWriter out, boolean isJson, Disk disk) {
        this.data = data;
        this.number = number;
        this.out = out;
        this.isJson = isJson;
        this.disk = disk;
    }

    void run(boolean isYes) throws IOException {
        FileChannel lock = DataLock.hold(data);
        try {
            runLocked(isYes);
        } finally {
            lock.close();
        }
    }

    private void runLocked(boolean isYes) throws IOException {
        List<Path> damaged = damagedJournals();
        boolean isSegmentDamaged = describeSegments();
        boolean isFileMissing = describeMissing();
        if (damaged.isEmpty()) {
            if (!isFileMissing) {
                line("nothing to repair: no journal is damaged: folder=" + data);
            }
            print(report.toString());
            failIfLeft(isSegmentDamaged, isFileMissing);
            return;
        }
        Instant now = Instant.now();
        @Nullable RestoreMark mark = isKnown ? RestoreMark.read(data) : mark(now);
        describe(mark);
        if (!isYes) {
            print(report.toString());
            throw new CommandException(
                    "nothing was changed: what is named above would be cut out; have a backup, then"
                            + " add --yes",
                    CommandException.DAMAGED);
        }
        Path side = sideFolder(now);
        disk.createFolder(side);
        disk.forceFolder(data);
        // First, so that a repair that is broken off does not leave offsets to be given twice.
        if (mark != null) {
            RestoreMark.write(data, mark, disk);
        }
        List<Repaired> repaired = new ArrayList<>();
        for (Path journal : damaged) {
            repaired.addAll(JournalRepair.run(journal, side, disk));
        }
        repaired.forEach(each -> note(each));
        disk.replace(
                side.resolve("REPAIR.txt"), report.toString().getBytes(StandardCharsets.UTF_8));
        print(report.toString());
        out.flush();
        if (!damagedJournals().isEmpty()) {
            throw new CommandException(
                    "still damaged, restore a backup: folder=" + data, CommandException.DAMAGED);
        }
        failIfLeft(isSegmentDamaged, isFileMissing);
    }

    /** Above all that is left, and not below a mark that no start has taken yet. */
    private RestoreMark mark(Instant now) throws IOException {
        int chosen = number == null ? RestoreMark.numberAt(now.toEpochMilli()) : number;
        return RestoreMark.of("repair", chosen, givenOut.lowestNumber())
                .andAlso(RestoreMark.read(data));
    }

    private void describe(@Nullable RestoreMark mark) {
        if (mark == null) {
            line(
                    "the next start: goes on with the offsets and ids that it would take anyway;"
                            + " the newest checkpoint has all that was where it is damaged but the"
                            + " records");
            return;
        }
        line(
                ("the next start: takes leader epoch %d or a later one, and in every partition of"
                                + " every topic goes on at offset %d or behind, since nobody knows"
                                + " what was where it is damaged; topic ids and producer ids too")
                        .formatted(mark.leaderEpoch(), mark.floor()));
        found.add(Json.object().put("epoch", mark.leaderEpoch()).put("floor", mark.floor()));
    }

    /** What no repair mends makes it fail, whatever else it has mended. */
    private void failIfLeft(boolean isSegmentDamaged, boolean isFileMissing) {
        if (isFileMissing) {
            throw new CommandException(
                    "files are missing, which no repair makes up for: bring those named above back,"
                            + " or restore a backup: folder="
                            + data,
                    CommandException.DAMAGED);
        }
        if (isSegmentDamaged) {
            throw new CommandException(
                    "segments are not repaired, the server starts with those named above and"
                            + " serves what is sound in them: folder="
                            + data,
                    CommandException.DAMAGED);
        }
    }

    /** What is wrong with segments goes to the report; whether anything is. */
    private boolean describeSegments() throws IOException {
        PrintWriter writer = new PrintWriter(report);
        boolean isDamaged = false;
        for (ScannedSegment each :
                SegmentScan.read(data, (journal, segment, run, offset, batch) -> {})) {
            if (!each.damages().isEmpty()) {
                isDamaged = true;
                SegmentReport.print(each, writer);
                found.addAll(SegmentReport.json(each));
            }
        }
        writer.flush();
        return isDamaged;
    }

    /** Files that are not there go to the report; whether there are any. */
    private boolean describeMissing() throws IOException {
        List<Path> missing = JournalCommand.missing(data);
        for (Path file : missing) {
            line(JournalCommand.line(JournalCommand.MISSING, file));
            found.add(JournalCommand.json(JournalCommand.MISSING, file));
        }
        return !missing.isEmpty();
    }

    private void note(Repaired repaired) {
        line(
                "cut out: %s; the file as it was: %s"
                        .formatted(
                                Units.count(repaired.damage().length(), "byte"), repaired.kept()));
        found.add(
                Json.object()
                        .put("cutOut", repaired.damage().path().toString())
                        .put("offset", repaired.damage().fromOffset())
                        .put("bytes", repaired.damage().length())
                        .put("keptIn", repaired.kept().toString()));
    }

    /** The journals to be repaired; what is wrong with them goes to the report. */
    private List<Path> damagedJournals() throws IOException {
        TopicNames names = TopicNames.read(data, RocksMetadataStore::readCheckpoint);
        CheckpointProgress progress =
                CheckpointProgress.read(data, RocksMetadataStore::readCheckpoint);
        List<Path> damaged = new ArrayList<>();
        for (Path journal : JournalCommand.journals(data)) {
            JournalLosses losses = new JournalLosses(givenOut);
            List<ScannedCycle> cycles = JournalScan.read(journal, losses);
            cycles.removeIf(cycle -> cycle.damages().isEmpty());
            isKnown &= isKnown(journal, cycles, progress);
            if (!cycles.isEmpty()) {
                damaged.add(journal);
                describe(
                        new CycleReport(String.valueOf(journal.getFileName()), names),
                        cycles,
                        losses);
            }
        }
        return damaged;
    }

    private static boolean isKnown(
            Path journal, List<ScannedCycle> cycles, CheckpointProgress progress) {
        String name = String.valueOf(journal.getFileName());
        return cycles.stream()
                .flatMap(cycle -> cycle.damages().stream())
                .allMatch(
                        damage ->
                                progress.covers(
                                        name, Journal.position(damage.cycle(), damage.toOffset())));
    }

    private void describe(
            CycleReport cycleReport, List<ScannedCycle> cycles, JournalLosses losses) {
        PrintWriter writer = new PrintWriter(report);
        cycles.forEach(cycle -> cycleReport.print(cycle, writer));
        cycleReport.print(losses.losses(), writer);
        writer.flush();
        cycles.forEach(cycle -> found.add(cycleReport.json(cycle)));
        found.addAll(cycleReport.json(losses.losses()));
        line(
                "  records at the end of a partition that has nothing behind the damage cannot be"
                        + " told: see the offsets that its clients know");
    }

    private void line(String text) {
        report.append(text).append('\n');
    }

    private void print(String text) {
        if (isJson) {
            found.forEach(each -> out.print(Json.text(each)));
        } else {
            out.print(text);
        }
        out.flush();
    }

    /**
     * Where damaged files are kept: named by the time, or by the first second after it that is
     * free.
     */
    private Path sideFolder(Instant now) {
        Instant named = now;
        while (Files.exists(data.resolve("repair-" + STAMP.format(named)))) {
            named = named.plusSeconds(1);
        }
        return data.resolve("repair-" + STAMP.format(named));
    }
}
