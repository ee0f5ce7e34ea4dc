package io.headrace.server.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.headrace.engine.Backups.Cut;
import io.headrace.engine.Backups.CutFile;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Bytes that are read more than once are shown once; what is shown first, as others come later. */
class BackupProgressTest {
    private static final Cut CUT =
            new Cut(
                    "id",
                    Path.of("data"),
                    1,
                    0,
                    0,
                    List.of(
                            new CutFile(Path.of("a"), 300, true),
                            new CutFile(Path.of("b"), 100, true)));

    private final StringWriter out = new StringWriter();

    private BackupProgress progress(boolean isJson) {
        return new BackupProgress(new PrintWriter(out), isJson, CUT, () -> {});
    }

    @Test
    void whatIsThereIsShownAndNotWhatWasReadForIt() {
        BackupProgress progress = progress(false);
        progress.onBytes(300);
        progress.onBytes(300);
        progress.onFile(300);
        assertEquals("300 B of 400 B copied or linked\n", out.toString());
    }

    @Test
    void whatIsReadBackIsCountedByItself() {
        BackupProgress progress = progress(false);
        progress.onBytes(400);
        progress.onCopied();
        progress.onBytes(100);
        assertEquals("100 B of 400 B read back\n", out.toString());
    }

    @Test
    void programsAreShownNothing() {
        BackupProgress progress = progress(true);
        progress.onFile(300);
        progress.onCopied();
        progress.onBytes(100);
        progress.end();
        assertEquals("", out.toString());
    }

    @Test
    void whoLosesTheFilesEndsTheWork() {
        BackupProgress progress =
                new BackupProgress(
                        new PrintWriter(out),
                        false,
                        CUT,
                        () -> {
                            throw new CommandException("lost");
                        });
        assertThrows(CommandException.class, () -> progress.onBytes(1));
    }
}
