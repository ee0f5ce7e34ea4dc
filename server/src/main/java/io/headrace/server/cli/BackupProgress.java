package io.headrace.server.cli;

import io.headrace.engine.Backups.Cut;
import io.headrace.engine.Backups.CutFile;
import io.headrace.engine.backup.BackupWriter.Progress;
import io.headrace.server.show.Units;
import java.io.PrintWriter;

/**
 * Shows how far a backup has come: how much of it is in its folder, and then how much of that was
 * read back. For one thread.
 */
final class BackupProgress implements Progress {
    private final Live live;
    private final boolean isShown;
    private final long totalBytes;
    private final Runnable check;
    private boolean isCopied;
    private long copiedBytes;
    private long readBackBytes;

    /**
     * @param isJson so that nothing is shown
     * @param check run between two pieces of the work, which it ends by an exception
     */
    BackupProgress(PrintWriter out, boolean isJson, Cut cut, Runnable check) {
        this.live = Live.on(out);
        this.isShown = !isJson;
        this.totalBytes = cut.files().stream().mapToLong(CutFile::length).sum();
        this.check = check;
    }

    @Override
    public void onBytes(long bytes) {
        check.run();
        if (isCopied) {
            readBackBytes += bytes;
            show(readBackBytes, "read back");
        }
    }

    @Override
    public void onFile(long length) {
        copiedBytes += length;
        show(copiedBytes, "copied or linked");
    }

    /** All of it is there: what comes is read back. */
    void onCopied() {
        isCopied = true;
    }

    private void show(long bytes, String what) {
        if (isShown) {
            live.line(Units.bytes(bytes) + " of " + Units.bytes(totalBytes) + " " + what);
        }
    }

    void end() {
        live.end();
    }
}
