package io.headrace.server.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How a dataset is read; the same to check it as to create a topic of it. */
final class SourceOptions {
    private static final String FORMAT = "headrace.source.format";
    private static final String JOIN = "headrace.source.join";

    @Option(
            names = "--format",
            paramLabel = "FORMAT",
            description =
                    "files, lines, tar, mds, tfrecord, fixed, or auto: each object as what it is."
                            + " Default: auto, or files where trees are joined.")
    private @Nullable String format;

    @Option(
            names = "--config",
            paramLabel = "KEY=VALUE",
            description = "A topic config; may be given several times.")
    private Map<String, String> configs = new LinkedHashMap<>();

    /** As configs of a topic. */
    Map<String, String> configs() {
        Map<String, String> all = new LinkedHashMap<>(configs);
        if (format != null) {
            all.put(FORMAT, format);
        }
        all.putIfAbsent(FORMAT, all.containsKey(JOIN) ? "files" : "auto");
        return all;
    }
}
