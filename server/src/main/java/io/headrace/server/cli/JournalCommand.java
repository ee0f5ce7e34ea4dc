package io.headrace.server.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.engine.journal.JournalFiles;
import io.headrace.engine.journal.JournalLosses;
import io.headrace.engine.journal.JournalScan;
import io.headrace.engine.journal.JournalScan.ScannedCycle;
import io.headrace.engine.journal.JournalScan.State;
import io.headrace.engine.log.MissingFiles;
import io.headrace.engine.log.TopicNames;
import io.headrace.engine.segment.SegmentScan;
import io.headrace.engine.segment.SegmentScan.ScannedSegment;
import io.headrace.rocks.RocksMetadataStore;
import io.headrace.server.admin.Json;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code headrace journal dump|verify|repair}: the journals of a data folder, and what was sealed
 * of them.
 */
@Command(name = "journal", description = "Read, check and repair the journals of a data folder.")
public final class JournalCommand implements Runnable {
    private static final String FOLDER = "journal";
    private static final String CLUSTER_ID = "meta.properties";

    /** State of a file that is not there. */
    static final String MISSING = "missing";

    private static final String IN_USE =
            "headrace: a server has the folder open: what it is writing now is not looked at";

    @Spec private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a verb is missing");
    }

    @Command(
            description =
                    "Print every entry of the journals and every batch of the segments, one a line:"
                            + " where it is, and what it is. Also of a folder that a server uses.")
    void dump(
            @Parameters(paramLabel = "DATA", description = "The data folder (log.dirs).") Path data,
            @Option(
                            names = "--topic",
                            paramLabel = "NAME",
                            description = "Only entries of this topic.")
                    @Nullable String topic,
            @Option(
                            names = "--topic-id",
                            paramLabel = "ID",
                            description = "Only entries of the topic with this id.")
                    @Nullable Long topicId,
            @Option(
                            names = "--partition",
                            paramLabel = "N",
                            description = "Only entries of this partition.")
                    @Nullable Integer partition,
            @Option(names = "--json", description = "An object per entry, for programs.")
                    boolean isJson)
            throws IOException {
        List<Path> journals = journals(data);
        TopicNames names = TopicNames.read(data, RocksMetadataStore::readCheckpoint);
        EntryPrinter printer = new EntryPrinter(out(), names, isJson);
        EntryPrinter.Filter filter =
                (id, name, number) ->
                        (topicId == null || topicId == id)
                                && (topic == null || topic.equals(name))
                                && (partition == null || partition == number);
        long damaged = 0;
        for (Path journal : journals) {
            noteIfOpen(journal);
            JournalScan.Handler wanted = printer.of(String.valueOf(journal.getFileName()), filter);
            damaged += damagedCount(JournalScan.readOnly(journal, wanted));
        }
        damaged += damagedSegments(SegmentScan.read(data, printer.ofSegments(filter)));
        out().flush();
        failIfDamaged(damaged);
    }

    @Command(
            description = {
                "Check every checksum of journals, segments and checkpoints, and that no file is"
                        + " missing, also of a folder that a server uses. Not looked at: what is"
                        + " in rocksdb/.",
                "Exits with 3 if bytes that had been synced are damaged or missing, naming each"
                        + " place and, as far as it can be told, the records that were there."
            })
    void verify(
            @Parameters(paramLabel = "DATA", description = "The data folder (log.dirs).") Path data,
            @Option(names = "--json", description = "An object per file, for programs.")
                    boolean isJson)
            throws IOException {
        List<Path> journals = journals(data);
        TopicNames names = TopicNames.read(data, RocksMetadataStore::readCheckpoint);
        long damaged = 0;
        for (Path journal : journals) {
            noteIfOpen(journal);
            JournalLosses losses = new JournalLosses(EntryPrinter.NONE);
            List<ScannedCycle> cycles = JournalScan.readOnly(journal, losses);
            CycleReport report = new CycleReport(String.valueOf(journal.getFileName()), names);
            if (isJson) {
                cycles.forEach(cycle -> out().print(Json.text(report.json(cycle))));
                for (ObjectNode loss : report.json(losses.losses())) {
                    out().print(Json.text(loss));
                }
            } else {
                cycles.forEach(cycle -> report.print(cycle, out()));
                report.print(losses.losses(), out());
            }
            damaged += damagedCount(cycles);
        }
        damaged += verifySegments(data, isJson) + verifyCheckpoints(data, isJson);
        damaged += verifyFiles(data, isJson);
        out().flush();
        failIfDamaged(damaged);
    }

    private long verifySegments(Path data, boolean isJson) throws IOException {
        List<ScannedSegment> segments =
                SegmentScan.read(data, (journal, segment, run, offset, batch) -> {});
        for (ScannedSegment each : segments) {
            if (isJson) {
                SegmentReport.json(each).forEach(json -> out().print(Json.text(json)));
            } else {
                SegmentReport.print(each, out());
            }
        }
        return damagedSegments(segments);
    }

    private long verifyCheckpoints(Path data, boolean isJson) throws IOException {
        List<CheckpointReport> checkpoints = CheckpointReport.read(data);
        for (CheckpointReport each : checkpoints) {
            if (isJson) {
                out().print(Json.text(each.json()));
            } else {
                each.print(out());
            }
        }
        return checkpoints.stream().filter(each -> !each.isSound()).count();
    }

    /** What a start asks for beside: that files are there, and the journals' small ones sound. */
    private long verifyFiles(Path data, boolean isJson) throws IOException {
        List<Path> missing = missing(data);
        List<Path> unsound = new ArrayList<>();
        for (Path journal : journals(data)) {
            unsound.addAll(JournalFiles.unsoundMarks(journal));
        }
        missing.forEach(file -> say(MISSING, file, isJson));
        unsound.forEach(file -> say("damaged", file, isJson));
        return missing.size() + unsound.size();
    }

    private void say(String state, Path file, boolean isJson) {
        if (isJson) {
            out().print(Json.text(json(state, file)));
        } else {
            out().println(line(state, file));
        }
    }

    /** What {@code verify} and {@code repair} say of a file as a whole. */
    static String line(String state, Path file) {
        return state + ": file=" + file;
    }

    /** As {@link #line}, for programs. */
    static ObjectNode json(String state, Path file) {
        return Json.object().put("file", file.toString()).put("state", state);
    }

    /** Files that are not there, as far as the newest checkpoint tells, and should be. */
    static List<Path> missing(Path data) throws IOException {
        List<Path> missing =
                new ArrayList<>(MissingFiles.find(data, RocksMetadataStore::readCheckpoint));
        Path clusterId = data.resolve(CLUSTER_ID);
        if (!Files.exists(clusterId)) {
            missing.add(clusterId);
        }
        return missing;
    }

    private static long damagedSegments(List<ScannedSegment> segments) {
        return segments.stream().filter(each -> !each.damages().isEmpty()).count();
    }

    private static long damagedCount(List<ScannedCycle> cycles) {
        return cycles.stream().filter(cycle -> cycle.state() == State.DAMAGED).count();
    }

    private static void failIfDamaged(long count) {
        if (count > 0) {
            throw new CommandException("damaged files: count=" + count, CommandException.DAMAGED);
        }
    }

    @Command(
            description = {
                "Cut out what is damaged, so that the server starts again.",
                "What is cut out is copied to a folder beside the journals first. Offsets, ids and"
                        + " leader epochs go on above all that can have been given out. Without"
                        + " --yes it only says what it would do.",
                "Exits with 3 if anything stays that it cannot mend: segments that are damaged, and"
                        + " files that are missing, which it names."
            })
    void repair(
            @Parameters(paramLabel = "DATA", description = "The data folder (log.dirs).") Path data,
            @Option(names = "--yes", description = "Do it.") boolean isYes,
            @Option(
                            names = "--number",
                            paramLabel = "N",
                            description =
                                    "Takes the place of the clock, if that is wrong: a number above"
                                            + " every leader epoch that this cluster has had.")
                    @Nullable Integer number,
            @Option(names = "--json", description = "For programs.") boolean isJson)
            throws IOException {
        journals(data);
        new RepairRun(data, number, out(), isJson).run(isYes);
    }

    private void noteIfOpen(Path journal) throws IOException {
        if (JournalScan.isOpen(journal)) {
            PrintWriter err = spec.commandLine().getErr();
            err.println(IN_USE + ": journal=" + journal.getFileName());
            err.flush();
        }
    }

    /** The folders of the journals of a data folder. */
    static List<Path> journals(Path data) throws IOException {
        Path folder = data.resolve(FOLDER);
        if (!Files.isDirectory(folder)) {
            throw new CommandException("not a data folder, it has no journals: folder=" + data);
        }
        try (Stream<Path> children = Files.list(folder)) {
            return children.filter(Files::isDirectory).sorted().toList();
        }
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}
