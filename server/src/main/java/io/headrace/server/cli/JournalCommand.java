package io.headrace.server.cli;

import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.journal.JournalScan;
import io.headrace.engine.journal.JournalScan.ScannedCycle;
import io.headrace.engine.journal.JournalScan.State;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code headrace journal dump|verify}: reads the journals of a data folder that is not in use. */
@Command(
        name = "journal",
        description = "Read the journals of a data folder while no server uses it.")
public final class JournalCommand implements Runnable {
    private static final String FOLDER = "journal";

    @Spec private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a verb is missing");
    }

    @Command(description = "Print every entry, one a line: where it is, and what it is.")
    void dump(
            @Parameters(paramLabel = "DATA", description = "The data folder (log.dirs).") Path data,
            @Option(
                            names = "--topic-id",
                            paramLabel = "ID",
                            description = "Only entries of this topic.")
                    @Nullable Long topicId,
            @Option(
                            names = "--partition",
                            paramLabel = "N",
                            description = "Only entries of this partition.")
                    @Nullable Integer partition)
            throws IOException {
        for (Path journal : journals(data)) {
            String name = journal.getFileName().toString();
            JournalScan.read(
                    journal,
                    (position, type, topic, number, baseOffset, leaderEpoch, timeMs, payload) -> {
                        boolean wanted =
                                (topicId == null || topicId == topic)
                                        && (partition == null || partition == number);
                        if (wanted) {
                            out().println(
                                            line(
                                                    name,
                                                    position,
                                                    type,
                                                    topic,
                                                    number,
                                                    baseOffset,
                                                    leaderEpoch,
                                                    timeMs,
                                                    payload));
                        }
                    });
        }
        out().flush();
    }

    private static String line(
            String journal,
            long position,
            EntryType type,
            long topicId,
            int partition,
            long baseOffset,
            int leaderEpoch,
            long appendTimeMs,
            ByteBuffer payload) {
        String records =
                type == EntryType.BATCH
                        ? " records="
                                + RecordBatch.recordCount(payload, payload.position())
                                + " appended="
                                + Instant.ofEpochMilli(appendTimeMs)
                        : "";
        return "%s cycle=%d offset=%d %s topicId=%d partition=%d baseOffset=%d%s leaderEpoch=%d bytes=%d"
                .formatted(
                        journal,
                        Journal.cycle(position),
                        Journal.fileOffset(position),
                        type.name().toLowerCase(Locale.ROOT),
                        topicId,
                        partition,
                        baseOffset,
                        records,
                        leaderEpoch,
                        payload.remaining());
    }

    @Command(
            description =
                    "Check every checksum; exits with 1 if bytes that had been synced are damaged.")
    void verify(
            @Parameters(paramLabel = "DATA", description = "The data folder (log.dirs).") Path data)
            throws IOException {
        long damaged = 0;
        for (Path journal : journals(data)) {
            List<ScannedCycle> cycles =
                    JournalScan.read(
                            journal,
                            (position, type, topic, number, offset, epoch, time, payload) -> {});
            cycles.forEach(cycle -> out().println(line(journal, cycle)));
            damaged += cycles.stream().filter(cycle -> cycle.state() == State.DAMAGED).count();
        }
        out().flush();
        if (damaged > 0) {
            throw new CommandException("damaged journal files: count=" + damaged);
        }
    }

    private static String line(Path journal, ScannedCycle cycle) {
        String why = cycle.reason().isEmpty() ? "" : "  (" + cycle.reason() + ")";
        return "%s cycle %d: %d entries, %d bytes, %s%s"
                .formatted(
                        journal.getFileName(),
                        cycle.cycle(),
                        cycle.entryCount(),
                        cycle.payloadBytes(),
                        cycle.state().name().toLowerCase(Locale.ROOT),
                        why);
    }

    private static List<Path> journals(Path data) throws IOException {
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
