package io.headrace.bench.kafkaload;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * {@code bench/run kafka-load}: the same load against Headrace and Apache Kafka, in turns.
 *
 * <p>Both brokers run all the time and are warmed up once, because a broker that is started anew
 * for each turn would mostly measure its JIT compiler. Only one has work at a time; what the other
 * takes of a core meanwhile is measured and printed. Who begins changes with every round. A topic
 * lives for one turn: created, produced to, consumed, deleted.
 */
public final class KafkaLoad {
    static final String PRODUCE = "produce";
    static final String CONSUME = "consume";

    /** Work that a broker puts off for a moment counts to the phase that caused it. */
    private static final long SETTLE_MS = 500;

    private final LoadOptions options;
    private final LoadTools tools;
    private final List<Broker> brokers;
    private final List<Measurement> measurements = new ArrayList<>();
    private int topicCount;

    private KafkaLoad(LoadOptions options, LoadTools tools, List<Broker> brokers) {
        this.options = options;
        this.tools = tools;
        this.brokers = brokers;
    }

    /** Runs the command line that {@link LoadOptions#USAGE} describes. */
    public static void main(String[] arguments) throws Exception {
        if (List.of(arguments).contains("--help")) {
            System.out.print(LoadOptions.USAGE);
            return;
        }
        Path home = Path.of(System.getenv("HEADRACE_HOME"));
        run(LoadOptions.parse(arguments, home), home, Path.of(System.getenv("BENCH_OUT")));
    }

    private static void run(LoadOptions options, Path home, Path out) throws Exception {
        BrokerLauncher launcher = new BrokerLauncher(home, out, options);
        LoadTools tools =
                new LoadTools(
                        home.resolve("bench/target/peers/kafka-tools"),
                        out,
                        options.producerProperties());
        List<Broker> brokers = new ArrayList<>();
        try {
            for (String name : options.contestants()) {
                brokers.add(launcher.launch(name));
            }
            KafkaLoad load = new KafkaLoad(options, tools, brokers);
            load.runRounds();
            load.report(launcher, out);
        } finally {
            Collections.reverse(brokers);
            brokers.forEach(Broker::close);
            launcher.deleteData();
        }
    }

    private void runRounds() throws InterruptedException, IOException {
        long deadlineNs = System.nanoTime() + TimeUnit.MINUTES.toNanos(options.minutesMax());
        int round = 1 - options.warmUpRounds();
        for (; round <= options.rounds() && System.nanoTime() < deadlineNs; round++) {
            for (Workload workload : options.workloads()) {
                for (Broker broker : inOrderOf(round)) {
                    runTurn(round, broker, workload);
                }
            }
        }
    }

    private List<Broker> inOrderOf(int round) {
        List<Broker> order = new ArrayList<>(brokers);
        if (round % 2 == 0) {
            Collections.reverse(order);
        }
        return order;
    }

    private void runTurn(int round, Broker broker, Workload workload)
            throws InterruptedException, IOException {
        String topic = "load-" + ++topicCount;
        broker.createTopic(topic);
        measure(round, broker, workload, PRODUCE, () -> tools.produce(broker, topic, workload));
        if (workload.consumes() && options.consumes()) {
            measure(round, broker, workload, CONSUME, () -> tools.consume(broker, topic, workload));
        }
        broker.deleteTopic(topic);
    }

    /** A phase: one run of a load tool. */
    private interface Phase {
        LoadTools.Result run() throws InterruptedException, IOException;
    }

    private void measure(int round, Broker broker, Workload workload, String name, Phase phase)
            throws InterruptedException, IOException {
        long startNs = System.nanoTime();
        double cpuBefore = broker.cpuSeconds();
        double idleCpuBefore = cpuSecondsOfOthers(broker);
        LoadTools.Result result = phase.run();
        Thread.sleep(SETTLE_MS);
        double cpuSeconds = broker.cpuSeconds() - cpuBefore;
        double idleCpuSeconds = cpuSecondsOfOthers(broker) - idleCpuBefore;
        double wallSeconds = (System.nanoTime() - startNs) / 1e9;
        Measurement measurement =
                new Measurement(
                        round,
                        broker.name(),
                        workload.name(),
                        name,
                        result.recordsPerSecond(),
                        result.recordsPerSecond() * workload.recordLength() / 1e6,
                        result.p50Ms(),
                        result.p99Ms(),
                        result.p999Ms(),
                        cpuSeconds,
                        cpuSeconds / (workload.length() / 1e9),
                        idleCpuSeconds / wallSeconds);
        System.out.println((round < 1 ? "warm-up " : "") + measurement.csv());
        if (round >= 1) {
            measurements.add(measurement);
        }
    }

    private double cpuSecondsOfOthers(Broker busy) {
        return brokers.stream()
                .filter(broker -> broker != busy)
                .mapToDouble(Broker::cpuSeconds)
                .sum();
    }

    private void report(BrokerLauncher launcher, Path out) throws IOException {
        Report report = new Report(measurements);
        StringBuilder text = new StringBuilder();
        text.append("### kafka-load, ").append(options.mode().description).append("\n\n");
        text.append(circumstances(launcher, report)).append('\n').append(report.tables());
        Files.writeString(out.resolve("report.md"), text);
        Files.writeString(out.resolve("measurements.csv"), csv());
        System.out.println("\n" + text + "\nreport: " + out.resolve("report.md"));
    }

    private String circumstances(BrokerLauncher launcher, Report report) {
        StringBuilder text = new StringBuilder();
        line(text, "Command: `" + System.getenv("BENCH_COMMAND") + "`");
        line(text, "Date: " + LocalDateTime.now(ZoneOffset.UTC).truncatedTo(ChronoUnit.MINUTES));
        line(text, "Hardware: " + Machine.hardware());
        line(text, "JDK: " + Machine.jdk() + "; " + launcher.jvmDescription());
        for (Broker broker : brokers) {
            line(
                    text,
                    "%s: first Metadata answer after %.2f s, resident at the end %.0f MB"
                            .formatted(
                                    broker.version(),
                                    broker.startSeconds(),
                                    broker.residentBytes() / 1e6));
        }
        line(text, "Rounds: %d, warm-up %d".formatted(rounds(), options.warmUpRounds()));
        line(
                text,
                "Load averages at the end: %s; the idle broker took at most %.1f %% of a core"
                        .formatted(Machine.load(), report.idleCpuFractionMax() * 100));
        return text.toString();
    }

    private long rounds() {
        return measurements.stream().mapToInt(Measurement::round).distinct().count();
    }

    private static void line(StringBuilder text, String line) {
        text.append("- ").append(line).append('\n');
    }

    private String csv() {
        StringBuilder text = new StringBuilder(Measurement.CSV_HEADER).append('\n');
        measurements.forEach(measurement -> text.append(measurement.csv()).append('\n'));
        return text.toString();
    }
}
