package io.headrace.bench.topics;

import io.headrace.bench.Folders;
import io.headrace.bench.HeadraceProcess;
import io.headrace.bench.kafkaload.Machine;
import io.headrace.bench.kafkaload.ProcessStat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import org.HdrHistogram.Histogram;

/**
 * {@code bench/run topics}: creates N topics through AdminClient in a server process of its own,
 * writes to a sample, reads it back, restarts the server, reads and writes again, and prints what
 * it took. Every byte that is read is compared; a wrong one ends the run.
 */
public final class TopicsBenchmark {
    private static final double MIB = 1 << 20;

    private final Path home;
    private final Path out;
    private final TopicsOptions options;

    private TopicsBenchmark(Path home, Path out, TopicsOptions options) {
        this.home = home;
        this.out = out;
        this.options = options;
    }

    /**
     * One run.
     *
     * @param count of topics
     * @param createSeconds from the first request to the last answer
     * @param cpuSeconds of the server meanwhile
     * @param clientCpuSeconds of this process meanwhile
     * @param residentBytes after the sample was written and read
     * @param firstWrites to topics that were never used before, in ns
     * @param restartSeconds from the start of the process to the first answered Metadata request
     * @param restartCpuSeconds of the server until then
     * @param residentBytesRestarted as soon as it answered
     * @param firstWritesRestarted the first ones after the restart, in ns
     * @param firstReadsRestarted the first ones after the restart, in ns
     * @param diskBytes length of the data folder after all of it
     */
    private record Run(
            int count,
            double createSeconds,
            double cpuSeconds,
            double clientCpuSeconds,
            long residentBytes,
            int descriptorCount,
            Histogram firstWrites,
            double restartSeconds,
            double restartCpuSeconds,
            long residentBytesRestarted,
            int descriptorCountRestarted,
            Histogram firstReadsRestarted,
            Histogram firstWritesRestarted,
            long diskBytes) {}

    /** Runs with the options that {@link TopicsOptions#USAGE} describes. */
    public static void main(String[] arguments) throws Exception {
        Path home = Path.of(System.getenv("HEADRACE_HOME"));
        TopicsOptions options = TopicsOptions.parse(arguments, home);
        new TopicsBenchmark(home, Path.of(System.getenv("BENCH_OUT")), options).run();
    }

    private void run() throws Exception {
        List<Run> runs = new ArrayList<>();
        for (int count : options.counts()) {
            Path data = options.dataDirectory().toAbsolutePath().resolve("run");
            Folders.delete(data);
            Files.createDirectories(data);
            runs.add(measure(count, data));
            Folders.delete(data);
        }
        String report = report(runs);
        System.out.print(report);
        Files.writeString(out.resolve("topics.md"), report);
    }

    private Run measure(int count, Path data)
            throws IOException, ExecutionException, InterruptedException {
        TopicSample sample = new TopicSample(count, options.sample(), TopicCreation::name);
        double createSeconds;
        double cpuSeconds;
        double clientCpuSeconds;
        long residentBytes;
        int descriptorCount;
        Histogram firstWrites;
        try (HeadraceProcess server = start(data, count, "first")) {
            double cpuBefore = server.cpuSeconds();
            double clientCpuBefore = clientCpuSeconds();
            createSeconds = TopicCreation.create(TopicsServer.bootstrapServer(), count, options);
            cpuSeconds = server.cpuSeconds() - cpuBefore;
            clientCpuSeconds = clientCpuSeconds() - clientCpuBefore;
            progress(count, "created: topics/s=%.0f", count / createSeconds);
            try (WireClient client = new WireClient(TopicsServer.address())) {
                firstWrites = sample.write(client, 0);
                sample.verify(client, 1);
            }
            residentBytes = server.residentBytes();
            descriptorCount = server.descriptorCount();
            progress(count, "written and read: topics=%d", sample.topics().size());
            if (options.kill()) {
                server.kill();
            }
        }
        try (HeadraceProcess server = start(data, count, "restarted")) {
            double restartCpuSeconds = server.cpuSeconds();
            long residentBytesRestarted = server.residentBytes();
            progress(count, "restarted: seconds=%.2f", server.startSeconds());
            Histogram reads;
            Histogram writes;
            try (WireClient client = new WireClient(TopicsServer.address())) {
                reads = sample.verify(client, 1);
                writes = sample.write(client, 1);
                sample.verify(client, 2);
            }
            progress(count, "read and written again: topics=%d", sample.topics().size());
            return new Run(
                    count,
                    createSeconds,
                    cpuSeconds,
                    clientCpuSeconds,
                    residentBytes,
                    descriptorCount,
                    firstWrites,
                    server.startSeconds(),
                    restartCpuSeconds,
                    residentBytesRestarted,
                    server.descriptorCount(),
                    reads,
                    writes,
                    Folders.bytes(data));
        }
    }

    private static double clientCpuSeconds() {
        return ProcessStat.cpuSeconds(ProcessHandle.current().pid());
    }

    private HeadraceProcess start(Path data, int count, String which) throws InterruptedException {
        String run = count + "-" + which;
        return TopicsServer.start(home, out.resolve("server-" + run + ".log"), data, options, run);
    }

    private static void progress(int count, String format, Object value) {
        System.out.printf("N=%d " + format + "%n", count, value);
    }

    private String report(List<Run> runs) {
        StringBuilder text = new StringBuilder();
        text.append(
                """

                - Command: `%s`
                - Headrace %s, %s
                - JDK: %s, heap and collector of server/src/main/jvm/server.args
                - Load averages at the end: %s

                | topics | created/s | CPU µs per topic: server | AdminClient | first write p50 / p99, ms \
                | RSS, MiB | descriptors | restart, s | its CPU s | after restart: RSS, MiB | descriptors \
                | read p50 / p99, ms | write p50 / p99, ms | on disk, MiB |
                |---|---|---|---|---|---|---|---|---|---|---|---|---|---|
                """
                        .formatted(
                                System.getenv("BENCH_COMMAND"),
                                Machine.gitRevision(home),
                                Machine.hardware(),
                                Machine.jdk(),
                                Machine.load()));
        runs.forEach(run -> text.append(row(run)));
        return text.toString();
    }

    private static String row(Run run) {
        return "| %,d | %,.0f | %.1f | %.1f | %s | %.0f | %d | %.2f | %.2f | %.0f | %d | %s | %s | %.0f |%n"
                .formatted(
                        run.count,
                        run.count / run.createSeconds,
                        run.cpuSeconds * 1e6 / run.count,
                        run.clientCpuSeconds * 1e6 / run.count,
                        milliseconds(run.firstWrites),
                        run.residentBytes / MIB,
                        run.descriptorCount,
                        run.restartSeconds,
                        run.restartCpuSeconds,
                        run.residentBytesRestarted / MIB,
                        run.descriptorCountRestarted,
                        milliseconds(run.firstReadsRestarted),
                        milliseconds(run.firstWritesRestarted),
                        run.diskBytes / MIB);
    }

    private static String milliseconds(Histogram ns) {
        return "%.2f / %.2f"
                .formatted(ns.getValueAtPercentile(50) / 1e6, ns.getValueAtPercentile(99) / 1e6);
    }
}
