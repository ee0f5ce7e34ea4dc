package io.headrace.bench.kafkaload;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * {@code bench/run start}: how long a server takes from the start of its process to the first
 * answered Metadata request, and what it needs while nothing happens; Headrace and Apache Kafka in
 * turns, each with an empty data folder.
 */
public final class StartUp {
    private static final long IDLE_S = 10;

    private StartUp() {}

    /**
     * One start.
     *
     * @param idleCpuFraction of a core, over {@value #IDLE_S} s that begin as long after the answer
     */
    private record Start(
            String contestant,
            double seconds,
            double cpuSeconds,
            double residentMegabytes,
            double idleCpuFraction) {}

    /** Runs with the options that {@link LoadOptions#USAGE} describes. */
    public static void main(String[] arguments) throws Exception {
        Path home = Path.of(System.getenv("HEADRACE_HOME"));
        LoadOptions options = LoadOptions.parse(arguments, home);
        BrokerLauncher launcher =
                new BrokerLauncher(home, Path.of(System.getenv("BENCH_OUT")), options);
        List<Start> starts = new ArrayList<>();
        for (int round = 1; round <= options.rounds(); round++) {
            for (String contestant : options.contestants()) {
                starts.add(measure(launcher, contestant));
            }
        }
        launcher.deleteData();
        report(options, launcher, starts);
    }

    private static Start measure(BrokerLauncher launcher, String contestant)
            throws InterruptedException, IOException {
        try (Broker broker = launcher.launch(contestant)) {
            double cpuSeconds = broker.cpuSeconds();
            // What a start leaves to be done in the background is not idleness yet.
            TimeUnit.SECONDS.sleep(IDLE_S);
            double before = broker.cpuSeconds();
            TimeUnit.SECONDS.sleep(IDLE_S);
            Start start =
                    new Start(
                            contestant,
                            broker.startSeconds(),
                            cpuSeconds,
                            broker.residentBytes() / 1e6,
                            (broker.cpuSeconds() - before) / IDLE_S);
            System.out.println(start);
            return start;
        }
    }

    private static void report(LoadOptions options, BrokerLauncher launcher, List<Start> starts) {
        System.out.printf(
                "%n- Command: `%s`%n- Hardware: %s%n- JDK: %s, %s%n- Starts of each: %d%n%n",
                System.getenv("BENCH_COMMAND"),
                Machine.hardware(),
                Machine.jdk(),
                launcher.jvmDescription(),
                options.rounds());
        System.out.println(
                "| server | start to first Metadata, s | CPU s until then | idle RSS, MB | idle"
                        + " CPU, % of a core |");
        System.out.println("|---|---|---|---|---|");
        for (String contestant : options.contestants()) {
            List<Start> of =
                    starts.stream().filter(start -> start.contestant().equals(contestant)).toList();
            System.out.printf(
                    "| %s | %.2f | %.2f | %.0f | %.1f |%n",
                    contestant,
                    median(of.stream().mapToDouble(Start::seconds).toArray()),
                    median(of.stream().mapToDouble(Start::cpuSeconds).toArray()),
                    median(of.stream().mapToDouble(Start::residentMegabytes).toArray()),
                    median(of.stream().mapToDouble(Start::idleCpuFraction).toArray()) * 100);
        }
    }

    private static double median(double[] values) {
        Arrays.sort(values);
        return values[values.length / 2];
    }
}
