package io.headrace.server.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.engine.EngineException;
import io.headrace.engine.spi.CheckpointFolder;
import io.headrace.engine.spi.Disk;
import io.headrace.server.admin.Json;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * A checkpoint of a data folder, read back.
 *
 * @param path of its folder
 * @param reason what is wrong with it; empty if nothing is
 */
record CheckpointReport(Path path, String reason) {
    private static final String NAME = "[0-9]{12}";

    /** Reads all checkpoints of a data folder; a server may replace them meanwhile. */
    static List<CheckpointReport> read(Path data) throws IOException {
        Path folder = data.resolve("checkpoints");
        List<CheckpointReport> read = new ArrayList<>();
        if (!Files.isDirectory(folder)) {
            return read;
        }
        try (Stream<Path> children = Files.list(folder)) {
            for (Path path : children.sorted().toList()) {
                if (String.valueOf(path.getFileName()).matches(NAME)) {
                    add(read, path);
                }
            }
        }
        return read;
    }

    private static void add(List<CheckpointReport> read, Path path) {
        try {
            CheckpointFolder.verify(path, Disk.SYSTEM);
            read.add(new CheckpointReport(path, ""));
        } catch (EngineException e) {
            if (Files.exists(path)) {
                read.add(new CheckpointReport(path, String.valueOf(e.getMessage())));
            }
        }
    }

    boolean isSound() {
        return reason.isEmpty();
    }

    void print(PrintWriter out) {
        out.println(
                "checkpoint %s: %s"
                        .formatted(path.getFileName(), isSound() ? "sound" : "damaged: " + reason));
    }

    ObjectNode json() {
        ObjectNode json =
                Json.object()
                        .put("checkpoint", String.valueOf(path.getFileName()))
                        .put("file", path.toString())
                        .put("state", isSound() ? "sound" : "damaged");
        return isSound() ? json : json.put("reason", reason);
    }
}
