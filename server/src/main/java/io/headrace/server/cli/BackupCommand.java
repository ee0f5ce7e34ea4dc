package io.headrace.server.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.engine.Backups.Cut;
import io.headrace.engine.backup.BackupManifest;
import io.headrace.engine.backup.BackupReader;
import io.headrace.engine.backup.BackupWriter;
import io.headrace.engine.backup.BackupWriter.Written;
import io.headrace.engine.journal.JournalScan;
import io.headrace.engine.journal.JournalScan.ScannedCycle;
import io.headrace.engine.journal.JournalScan.State;
import io.headrace.engine.segment.SegmentScan;
import io.headrace.server.admin.Json;
import io.headrace.server.show.Units;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code headrace backup create|verify}: of a running server, into a folder. */
@Command(
        name = "backup",
        description = "Back up a running server into a folder; headrace restore brings it back.")
public final class BackupCommand implements Runnable {
    @Spec private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a verb is missing");
    }

    @Command(
            description =
                    "Copy one moment of a running server. Run it on the server's machine: it reads"
                            + " the data folder itself.")
    void create(
            @Mixin AdminOptions admin,
            @Parameters(paramLabel = "FOLDER", description = "Is made; must not be there yet.")
                    Path folder,
            @Option(
                            names = "--base",
                            paramLabel = "OLD",
                            description =
                                    "An earlier backup on the same file system: what has not"
                                            + " changed since takes no space again.")
                    @Nullable Path base,
            @Option(
                            names = "--copy",
                            description =
                                    "Copy every file, also where a second name for it would do.")
                    boolean isCopy,
            @Option(names = "--json", description = "For programs.") boolean isJson)
            throws IOException, InterruptedException {
        BackupWriter.checkTarget(folder);
        Written written;
        List<DamagedFile> damaged;
        try (HeldCut held = HeldCut.begin(admin)) {
            Cut cut = held.cut();
            BackupProgress progress = new BackupProgress(out(), isJson, cut, held::check);
            BackupWriter writer =
                    new BackupWriter(cut, held.clusterId(), folder, base, !isCopy, progress);
            try {
                writer.copy();
                held.confirm();
                held.release(); // what follows needs the copies only
                progress.onCopied();
                damaged = damaged(writer.partial());
                written = writer.complete();
            } catch (IOException | RuntimeException e) {
                writer.abandon();
                held.check(); // says why files are missing
                throw e;
            }
            progress.end();
        }
        print(folder, written, damaged, isJson);
    }

    /**
     * A file of the data folder that is damaged.
     *
     * @param path within the folder
     * @param what of it, as {@code key=value}
     */
    private record DamagedFile(Path path, String what) {
        String name(Path folder) {
            return "file=" + folder.resolve(path) + " " + what;
        }
    }

    /** Bytes that rot in the data folder are copied as they are: it has to be said. */
    private static List<DamagedFile> damaged(Path folder) throws IOException {
        List<DamagedFile> damaged = new ArrayList<>();
        for (Path journal : JournalCommand.journals(folder)) {
            for (ScannedCycle cycle : JournalScan.readOnly(journal, EntryPrinter.NONE)) {
                if (cycle.state() == State.DAMAGED) {
                    add(
                            damaged,
                            folder.relativize(cycle.path()),
                            "position=" + cycle.endPosition(),
                            cycle.reason());
                }
            }
        }
        SegmentScan.read(folder, (journal, segment, run, offset, batch) -> {}).stream()
                .flatMap(scanned -> scanned.damages().stream())
                .forEach(
                        damage ->
                                add(
                                        damaged,
                                        folder.relativize(damage.path()),
                                        "offset=" + damage.offset(),
                                        damage.reason()));
        return damaged;
    }

    private static void add(List<DamagedFile> damaged, Path path, String where, String reason) {
        damaged.add(new DamagedFile(path, where + " reason=" + reason.replace(' ', '_')));
    }

    private void print(Path folder, Written written, List<DamagedFile> damaged, boolean isJson) {
        BackupManifest manifest = written.manifest();
        if (isJson) {
            ObjectNode json = json(folder, manifest);
            json.put("copiedBytes", written.copiedBytes());
            json.put("linkedBytes", written.linkedBytes());
            ArrayNode list = json.putArray("damaged");
            damaged.forEach(file -> list.add(file.name(folder)));
            out().print(Json.text(json));
        } else {
            out().println(
                            "backup complete: %s, %s (%s copied, %s linked)"
                                    .formatted(
                                            folder,
                                            Units.count(manifest.files().size(), "file"),
                                            Units.bytes(written.copiedBytes()),
                                            Units.bytes(written.linkedBytes())));
        }
        out().flush();
        if (!damaged.isEmpty()) {
            throw new CommandException(
                    "the backup is a faithful copy of damaged files; what is sound in them can be"
                            + " restored: "
                            + String.join(
                                    "; ", damaged.stream().map(file -> file.name(folder)).toList()),
                    CommandException.DAMAGED);
        }
    }

    private static void show(Live live, boolean isJson, long bytes) {
        if (!isJson) {
            live.line(Units.bytes(bytes) + " checked so far");
        }
    }

    @Command(description = "Read every byte of a backup and compare it with its checksums.")
    void verify(
            @Parameters(paramLabel = "FOLDER") Path folder,
            @Option(names = "--json", description = "For programs.") boolean isJson)
            throws IOException {
        Live live = Live.on(out());
        AtomicLong bytes = new AtomicLong();
        BackupManifest manifest =
                BackupReader.verify(folder, count -> show(live, isJson, bytes.addAndGet(count)));
        live.end();
        if (isJson) {
            out().print(Json.text(json(folder, manifest)));
        } else {
            out().println(
                            "backup is sound: %s, %s, %s, made %s"
                                    .formatted(
                                            folder,
                                            Units.count(manifest.files().size(), "file"),
                                            Units.bytes(manifest.totalBytes()),
                                            Instant.ofEpochSecond(manifest.madeAtS())));
        }
        out().flush();
    }

    private static ObjectNode json(Path folder, BackupManifest manifest) {
        return Json.object()
                .put("folder", folder.toString())
                .put("id", manifest.id())
                .put("cluster", manifest.clusterId())
                .put("made", Instant.ofEpochSecond(manifest.madeAtS()).toString())
                .put("epoch", manifest.leaderEpoch())
                .put("files", manifest.files().size())
                .put("bytes", manifest.totalBytes());
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}
