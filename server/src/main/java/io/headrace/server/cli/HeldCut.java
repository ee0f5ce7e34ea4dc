package io.headrace.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.headrace.engine.Backups.Cut;
import io.headrace.engine.Backups.CutFile;
import io.headrace.server.admin.CutJson;
import io.headrace.server.admin.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A cut that a server keeps for us as long as a thread of ours says that we are there. Closing it
 * lets its files go; so does the end of this process, in whatever way.
 */
final class HeldCut implements AutoCloseable {
    /** Renewals within a lease: some may be late. */
    private static final int RENEWALS = 6;

    private static final long POLL_MS = 200;

    /** Of the server; the engine does not know it. */
    private static final String CLUSTER_FILE = "meta.properties";

    private final AdminOptions admin;
    private final String clusterId;
    private final Cut cut;
    private final Thread renewer = new Thread(this::renew, "headrace-backup-renewer");
    private final Thread onExit = new Thread(this::end, "headrace-backup-end");
    private volatile @Nullable String lost;

    private boolean isClosed;

    /** Of the renewer. */
    private long renewedNs = System.nanoTime();

    private HeldCut(AdminOptions admin, String clusterId, Cut cut) {
        this.admin = admin;
        this.clusterId = clusterId;
        this.cut = cut;
        renewer.setDaemon(true);
    }

    /** Asks the server for a cut, and waits until it has written the checkpoint for it. */
    static HeldCut begin(AdminOptions admin) throws IOException, InterruptedException {
        String path = "/backups/" + admin.post("/backups", Json.object()).path("id").asText();
        JsonNode json = admin.get(path);
        while (!CutJson.isCut(json)) {
            Thread.sleep(POLL_MS);
            json = admin.get(path);
        }
        HeldCut held = new HeldCut(admin, CutJson.clusterId(json), CutJson.read(json));
        Runtime.getRuntime().addShutdownHook(held.onExit);
        held.renewer.start();
        return held;
    }

    /** The cut, and the file that names the cluster, which is the server's and not the engine's. */
    Cut cut() throws IOException {
        Path file = cut.folder().resolve(CLUSTER_FILE);
        if (!Files.isReadable(file)) {
            throw new CommandException(
                    "the server's data folder cannot be read here; run this on its machine, as its"
                            + " user: folder="
                            + cut.folder());
        }
        List<CutFile> files = new ArrayList<>(cut.files());
        files.add(new CutFile(Path.of(CLUSTER_FILE), Files.size(file), true));
        return new Cut(
                cut.id(), cut.folder(), cut.leaderEpoch(), cut.madeAtMs(), cut.leaseMs(), files);
    }

    String clusterId() {
        return clusterId;
    }

    /** Fails if the server does not keep the files any more. */
    void check() {
        String why = lost;
        if (why != null) {
            throw new CommandException("backup is not complete: " + why);
        }
    }

    /** Fails unless the server has kept all files until now. */
    void confirm() throws IOException, InterruptedException {
        check();
        renewOnce();
    }

    private void renewOnce() throws IOException, InterruptedException {
        admin.post("/backups/" + cut.id() + "/renew", Json.object());
    }

    private void renew() {
        try {
            while (lost == null) {
                Thread.sleep(cut.leaseMs() / RENEWALS);
                renewOrNote();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // closed
        }
    }

    private void renewOrNote() throws InterruptedException {
        try {
            renewOnce();
            renewedNs = System.nanoTime();
        } catch (IOException | RuntimeException e) {
            // One that did not get through is no loss yet.
            if (System.nanoTime() - renewedNs > TimeUnit.MILLISECONDS.toNanos(cut.leaseMs())) {
                lost = String.valueOf(e.getMessage());
            }
        }
    }

    private void end() {
        try {
            admin.post("/backups/" + cut.id() + "/end", Json.object());
        } catch (IOException | RuntimeException e) {
            // The lease runs out by itself.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        release();
    }

    /** Lets the files go; does nothing the second time. */
    void release() {
        if (isClosed) {
            return;
        }
        isClosed = true;
        renewer.interrupt();
        try {
            Runtime.getRuntime().removeShutdownHook(onExit);
            end();
        } catch (IllegalStateException e) {
            // The process is ending, and the hook does it.
        }
    }
}
