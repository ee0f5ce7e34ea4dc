package io.headrace.bench.kafkaload;

import io.headrace.bench.Options;
import io.headrace.bench.Spread;
import io.headrace.bench.wire.ProduceLoad;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/**
 * {@code bench/run group-commit}: many connections, each of which sends one record, waits until it
 * is synced, and sends the next; to Headrace and to Apache Kafka, both with {@code
 * flush.messages=1}, in turns.
 */
public final class GroupCommit {
    static final String USAGE =
            """
            usage: bench/run group-commit [options]
              --connections N   64
              --in-flight N     requests under way on each; 1
              --partitions N    of the topic, over which the connections are spread; 16
              --record-size N   bytes of a record's value; 1024
              --seconds N       of each turn; 10
            and of kafka-load: --rounds, --minutes, --warm-up, --contestants, --heap, --data, --jvm, --set
            """;

    private final LoadOptions options;
    private final int connections;
    private final int inFlight;
    private final int partitions;
    private final int recordSize;
    private final int seconds;
    private final List<Turn> turns = new ArrayList<>();
    private int topicCount;

    /** One turn of one broker. */
    private record Turn(
            int round,
            String contestant,
            double perSecond,
            double p50Ms,
            double p99Ms,
            double cpuMicros) {}

    private GroupCommit(LoadOptions options, Options own) {
        this.options = options;
        this.connections = own.number("--connections", 64, 1);
        this.inFlight = own.number("--in-flight", 1, 1);
        this.partitions = own.number("--partitions", 16, 1);
        this.recordSize = own.number("--record-size", 1024, 1);
        this.seconds = own.number("--seconds", 10, 1);
    }

    /** Runs with the options that {@link #USAGE} describes. */
    public static void main(String[] arguments) throws Exception {
        if (List.of(arguments).contains("--help")) {
            System.out.print(USAGE);
            return;
        }
        List<String> own = new ArrayList<>();
        List<String> ofLoad = new ArrayList<>(List.of("--mode", Mode.BOTH_SYNC.argument));
        for (Iterator<String> all = List.of(arguments).iterator(); all.hasNext(); ) {
            String name = all.next();
            List<String> into = USAGE.contains("  " + name + " ") ? own : ofLoad;
            into.add(name);
            if (all.hasNext()) {
                into.add(all.next());
            }
        }
        Path home = Path.of(System.getenv("HEADRACE_HOME"));
        LoadOptions options = LoadOptions.parse(ofLoad.toArray(String[]::new), home);
        new GroupCommit(options, new Options(own, USAGE))
                .run(home, Path.of(System.getenv("BENCH_OUT")));
    }

    private void run(Path home, Path out) throws Exception {
        BrokerLauncher launcher = new BrokerLauncher(home, out, options);
        List<Broker> brokers = new ArrayList<>();
        try {
            for (String name : options.contestants()) {
                brokers.add(launcher.launch(name));
            }
            runRounds(brokers);
            report(brokers, launcher, out);
        } finally {
            Collections.reverse(brokers);
            brokers.forEach(Broker::close);
            launcher.deleteData();
        }
    }

    private void runRounds(List<Broker> brokers) throws InterruptedException, IOException {
        long deadlineNs = System.nanoTime() + options.minutesMax() * 60_000_000_000L;
        int round = 1 - options.warmUpRounds();
        for (; round <= options.rounds() && System.nanoTime() < deadlineNs; round++) {
            List<Broker> order = new ArrayList<>(brokers);
            if (round % 2 == 0) {
                Collections.reverse(order);
            }
            for (Broker broker : order) {
                Turn turn = turn(round, broker);
                System.out.println((round < 1 ? "warm-up " : "") + turn);
                if (round >= 1) {
                    turns.add(turn);
                }
            }
        }
    }

    private Turn turn(int round, Broker broker) throws InterruptedException, IOException {
        String topic = "commits-" + ++topicCount;
        broker.createTopic(topic, partitions);
        broker.awaitLeaders(topic, partitions);
        try (ProduceLoad load =
                new ProduceLoad(
                        broker.bootstrapServer(), topic, partitions, connections, recordSize)) {
            // The first answers of a new topic open files and, on both, are slow.
            load.keepUnderWay(inFlight, 1);
            double cpuBefore = broker.cpuSeconds();
            long answeredBefore = load.answered();
            ProduceLoad.Result result = load.keepUnderWay(inFlight, seconds);
            double cpuSeconds = broker.cpuSeconds() - cpuBefore;
            long answered = load.answered() - answeredBefore;
            requireAll(broker, topic, load.answered());
            return new Turn(
                    round,
                    broker.name(),
                    result.perSecond(),
                    result.ms(50),
                    result.ms(99),
                    cpuSeconds * 1e6 / answered);
        } finally {
            broker.deleteTopic(topic);
        }
    }

    /** What was answered is there, and nothing else. */
    private void requireAll(Broker broker, String topic, long answered)
            throws InterruptedException {
        long found = broker.recordCount(topic, partitions);
        if (found != answered) {
            throw new IllegalStateException(
                    "%s has %d records of %d that it acknowledged"
                            .formatted(broker.name(), found, answered));
        }
    }

    private void report(List<Broker> brokers, BrokerLauncher launcher, Path out)
            throws IOException {
        StringBuilder text = new StringBuilder();
        line(text, "### group-commit, %d connections, %d under way on each", connections, inFlight);
        line(text, "");
        line(text, "- Command: `%s`", System.getenv("BENCH_COMMAND"));
        line(
                text,
                "- Hardware: %s; load averages at the end: %s",
                Machine.hardware(),
                Machine.load());
        line(text, "- JDK: %s; %s", Machine.jdk(), launcher.jvmDescription());
        brokers.forEach(broker -> line(text, "- %s", broker.version()));
        line(
                text,
                "- Partitions: %d; record: %d bytes; turns of %d s",
                partitions,
                recordSize,
                seconds);
        line(text, "");
        line(text, "| figure | Headrace | Kafka | ratio (median, min–max) |");
        line(text, "|---|---|---|---|");
        row(text, "synced produces/s", "%,.0f", Turn::perSecond);
        row(text, "p50 ms", "%.2f", Turn::p50Ms);
        row(text, "p99 ms", "%.2f", Turn::p99Ms);
        row(text, "broker CPU µs per produce", "%.1f", Turn::cpuMicros);
        Files.writeString(out.resolve("report.md"), text);
        System.out.println("\n" + text);
    }

    private static void line(StringBuilder text, String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values)).append('\n');
    }

    private void row(
            StringBuilder text, String figure, String format, ToDoubleFunction<Turn> value) {
        double[] ours = values("headrace", value);
        double[] theirs = values("kafka", value);
        double[] ratios = new double[Math.min(ours.length, theirs.length)];
        for (int i = 0; i < ratios.length; i++) {
            ratios[i] = ours[i] / theirs[i];
        }
        line(
                text,
                "| %s | %s | %s | %s |",
                figure,
                Spread.of(ours, format),
                Spread.of(theirs, format),
                Spread.of(ratios, "%.2f"));
    }

    /** In order of rounds, of which each contestant has one turn. */
    private double[] values(String contestant, ToDoubleFunction<Turn> value) {
        return turns.stream()
                .filter(turn -> turn.contestant.equals(contestant))
                .mapToDouble(value)
                .toArray();
    }
}
