package io.headrace.bench.sources;

import io.headrace.bench.Folders;
import io.headrace.bench.kafkaload.Machine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** {@code bench/run sources}: topics over S3, measured part by part; the report is Markdown. */
public final class SourcesBenchmark {
    private static final Map<String, Part> PARTS =
            Map.of(
                    "epochs", new EpochsPart(),
                    "trainers", new TrainersPart(),
                    "belady", new BeladyPart(),
                    "cold", new ColdPart(),
                    "warm", new WarmPart(),
                    "mounts", new MountsPart(),
                    "tar", new TarPart(),
                    "listing", new ListingPart());

    private SourcesBenchmark() {}

    /** Runs with the options that {@link SourcesOptions#USAGE} describes. */
    public static void main(String[] arguments) throws Exception {
        if (List.of(arguments).contains("--help")) {
            System.out.print(SourcesOptions.USAGE);
            return;
        }
        Path home = Path.of(System.getenv("HEADRACE_HOME"));
        Path out = Path.of(System.getenv("BENCH_OUT"));
        SourcesOptions options = SourcesOptions.parse(arguments, home);
        boolean isWhole = run(new Workbench(home, out, options));
        Folders.delete(options.dataDirectory().toAbsolutePath());
        System.exit(isWhole ? 0 : 1); // clients of peers leave threads behind
    }

    /** Runs all parts; what fails is reported, and the others go on. */
    private static boolean run(Workbench bench) throws IOException {
        StringBuilder report = new StringBuilder(circumstances(bench));
        boolean isWhole = true;
        for (String name : bench.options.parts()) {
            System.out.println("-- " + name);
            try {
                report.append(Objects.requireNonNull(PARTS.get(name)).measure(bench).markdown());
            } catch (Exception failed) {
                isWhole = false;
                report.append("\n#### ").append(name).append("\n\nFailed: ").append(failed);
                report.append('\n');
                failed.printStackTrace();
            }
            report.append("\nLoad averages at its end: ").append(Machine.load()).append('\n');
        }
        Files.writeString(bench.out.resolve("report.md"), report);
        System.out.println("\n" + report + "\nreport: " + bench.out.resolve("report.md"));
        return isWhole;
    }

    private static String circumstances(Workbench bench) {
        SourcesOptions options = bench.options;
        return """
        - Command: `%s`
        - Date: %s
        - Headrace %s, %s
        - JDK: %s, heap and collector of server/src/main/jvm/server.args
        - S3: s3proxy on files, behind a proxy with %d ms per request and %.0f MB/s in all; scale %s, cache %,d bytes
        - Load averages at the beginning: %s
        """
                .formatted(
                        System.getenv("BENCH_COMMAND"),
                        LocalDateTime.now(ZoneOffset.UTC).truncatedTo(ChronoUnit.MINUTES),
                        Machine.gitRevision(bench.home),
                        Machine.hardware(),
                        Machine.jdk(),
                        options.latencyMs(),
                        options.bandwidth() / 1e6,
                        options.scale(),
                        options.scaledCacheBytes(),
                        Machine.load());
    }
}
