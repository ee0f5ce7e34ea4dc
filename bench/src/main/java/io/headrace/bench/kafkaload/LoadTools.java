package io.headrace.bench.kafkaload;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Kafka's own ProducerPerformance and ConsumerPerformance, each run as a process of its own with a
 * class path of its own.
 */
final class LoadTools {
    private static final Duration PATIENCE = Duration.ofMinutes(5);

    /** The summary of ProducerPerformance, which is the last line of this form. */
    private static final Pattern PRODUCED =
            Pattern.compile(
                    "(\\d+)(?: steady state)? records sent, ([\\d.]+) records/sec \\(([\\d.]+)"
                        + " MB/sec\\).*?(\\d+) ms 50th, (\\d+) ms 95th, (\\d+) ms 99th, (\\d+) ms"
                        + " 99.9th.*");

    /** The columns of ConsumerPerformance's summary. */
    private static final int CONSUMED_COUNT_COLUMN = 4;

    private static final int FETCH_TIME_MS_COLUMN = 7;

    private final Path jars;
    private final Path out;
    private final List<String> producerProperties;
    private int runCount;

    LoadTools(Path jars, Path out, List<String> producerProperties) {
        this.jars = jars;
        this.out = out;
        this.producerProperties = producerProperties;
    }

    /**
     * What the load tool saw.
     *
     * @param recordsPerSecond over the whole phase; for a consumer without the time to join
     * @param p50Ms produce latency, 0 for a consumer
     * @param p99Ms likewise
     * @param p999Ms likewise
     */
    record Result(double recordsPerSecond, double p50Ms, double p99Ms, double p999Ms) {}

    Result produce(Broker broker, String topic, Workload workload)
            throws InterruptedException, IOException {
        List<String> command = tool("ProducerPerformance");
        command.addAll(
                List.of(
                        "--topic",
                        topic,
                        "--num-records",
                        Long.toString(workload.recordCount()),
                        "--record-size",
                        Integer.toString(workload.recordLength()),
                        "--throughput",
                        Integer.toString(workload.recordsPerSecond()),
                        "--warmup-records",
                        Long.toString(workload.warmUpRecordCount()),
                        "--command-property",
                        "bootstrap.servers=" + broker.bootstrapServer(),
                        "acks=all"));
        command.addAll(producerProperties);
        return produced(run("produce", broker, workload, command), workload);
    }

    static Result produced(List<String> output, Workload workload) {
        // With a warm-up two summaries are printed: of everything, and of the rest.
        List<Matcher> summaries =
                output.stream().map(PRODUCED::matcher).filter(Matcher::matches).toList();
        if (summaries.isEmpty() || countOf(summaries.get(0)) != workload.recordCount()) {
            throw new IllegalStateException(
                    "no summary of all records:\n" + String.join("\n", output));
        }
        Matcher all = summaries.get(0);
        Matcher steady = summaries.get(summaries.size() - 1);
        return new Result(
                Double.parseDouble(all.group(2)),
                Double.parseDouble(steady.group(4)),
                Double.parseDouble(steady.group(6)),
                Double.parseDouble(steady.group(7)));
    }

    private static long countOf(Matcher summary) {
        return Long.parseLong(summary.group(1));
    }

    Result consume(Broker broker, String topic, Workload workload)
            throws InterruptedException, IOException {
        List<String> command = tool("ConsumerPerformance");
        command.addAll(
                List.of(
                        "--topic",
                        topic,
                        "--num-records",
                        Long.toString(workload.recordCount()),
                        "--bootstrap-server",
                        broker.bootstrapServer(),
                        "--timeout",
                        "30000",
                        "--hide-header"));
        return consumed(run("consume", broker, workload, command), workload);
    }

    static Result consumed(List<String> output, Workload workload) {
        String[] columns = output.get(output.size() - 1).split(",\\s*");
        if (columns.length <= FETCH_TIME_MS_COLUMN
                || Long.parseLong(columns[CONSUMED_COUNT_COLUMN]) < workload.recordCount()) {
            throw new IllegalStateException(
                    "not all records were consumed:\n" + String.join("\n", output));
        }
        double seconds = Long.parseLong(columns[FETCH_TIME_MS_COLUMN]) / 1000.0;
        return new Result(workload.recordCount() / seconds, 0, 0, 0);
    }

    private List<String> tool(String name) {
        List<String> command = new ArrayList<>();
        command.add(Machine.javaBinary());
        command.addAll(List.of("-Xms512m", "-Xmx512m", "-XX:+UseG1GC", "-cp", jars + "/*"));
        command.add("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn");
        command.add("org.apache.kafka.tools." + name);
        return command;
    }

    private List<String> run(String phase, Broker broker, Workload workload, List<String> command)
            throws InterruptedException, IOException {
        String name = "%03d-%s-%s-%s".formatted(++runCount, phase, workload.name(), broker.name());
        return ChildProcess.start(name, out.resolve(name + ".log"), command).output(PATIENCE);
    }
}
