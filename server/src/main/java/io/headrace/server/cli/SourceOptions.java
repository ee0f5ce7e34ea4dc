package io.headrace.server.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Option;

/** How a dataset is read; the same to check it as to create a topic of it. */
final class SourceOptions {
    @Option(
            names = "--format",
            paramLabel = "FORMAT",
            defaultValue = "auto",
            description =
                    "files, lines, tar, mds, tfrecord, fixed, or auto (the default): each object as"
                            + " what it is.")
    private String format = "auto";

    @Option(
            names = "--config",
            paramLabel = "KEY=VALUE",
            description = "A topic config; may be given several times.")
    private Map<String, String> configs = new LinkedHashMap<>();

    /** As configs of a topic. */
    Map<String, String> configs() {
        Map<String, String> all = new LinkedHashMap<>(configs);
        all.putIfAbsent("headrace.source.format", format);
        return all;
    }
}
