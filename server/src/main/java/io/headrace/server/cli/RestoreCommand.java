package io.headrace.server.cli;

import io.headrace.engine.backup.BackupReader;
import io.headrace.engine.backup.RestoreMark;
import io.headrace.server.admin.Json;
import io.headrace.server.show.Units;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code headrace restore}: makes a data folder of a backup. */
@Command(
        name = "restore",
        description = {
            "Make a data folder of a backup, while no server uses it.",
            "Every byte of the backup is checked before anything is written. Offsets, ids and"
                + " leader epochs go on above all that can have been given out since the backup."
        })
public final class RestoreCommand implements Runnable {
    @Spec private CommandSpec spec;

    @Parameters(paramLabel = "BACKUP", description = "A folder that headrace backup made.")
    private Path backup = Path.of("");

    @Parameters(
            paramLabel = "DATA",
            description =
                    "The data folder (log.dirs): empty, not there yet, or left by a restore that"
                            + " was broken off.")
    private Path data = Path.of("");

    @Option(
            names = "--number",
            paramLabel = "N",
            description =
                    "Takes the place of the clock, if that is wrong: a number above every leader"
                            + " epoch that this cluster has had.")
    private @Nullable Integer number;

    @Option(names = "--json", description = "For programs.")
    private boolean isJson;

    @Override
    public void run() {
        PrintWriter out = spec.commandLine().getOut();
        Live live = Live.on(out);
        AtomicLong bytes = new AtomicLong();
        int chosen = number == null ? RestoreMark.numberAt(System.currentTimeMillis()) : number;
        RestoreMark mark;
        try {
            mark =
                    BackupReader.restore(
                            backup,
                            data,
                            chosen,
                            count -> {
                                long sum = bytes.addAndGet(count);
                                if (!isJson) {
                                    live.line(Units.bytes(sum) + " read so far, all of it twice");
                                }
                            });
        } catch (IOException e) {
            throw new CommandException("restore failed, run it again: folder=" + data + ": " + e);
        }
        live.end();
        print(out, mark);
        out.flush();
    }

    private void print(PrintWriter out, RestoreMark mark) {
        if (isJson) {
            out.print(
                    Json.text(
                            Json.object()
                                    .put("folder", data.toString())
                                    .put("backup", mark.backupId())
                                    .put("epoch", mark.leaderEpoch())
                                    .put("floor", mark.floor())));
        } else {
            out.println(
                    "restored: %s from backup %s; leader epochs go on at %d, offsets and ids at %s"
                            .formatted(
                                    data,
                                    mark.backupId(),
                                    mark.leaderEpoch(),
                                    Units.count(mark.floor())));
        }
    }
}
