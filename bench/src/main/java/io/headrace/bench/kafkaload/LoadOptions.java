package io.headrace.bench.kafkaload;

import io.headrace.bench.Options;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The command line of {@code bench/run kafka-load}.
 *
 * @param mode what Headrace promises
 * @param rounds how often each contestant runs each workload, measured
 * @param minutesMax no round is begun after so many minutes, whatever {@code rounds} says
 * @param warmUpRounds rounds before them that are not reported, in which the JITs settle
 * @param workloads what a round runs
 * @param consumes whether what was produced is consumed
 * @param contestants the names of those who take part
 * @param heap the maximum and initial heap of each broker, as -Xmx takes it, or {@link #STOCK_HEAP}
 * @param dataDirectory on the disk to be measured; emptied
 * @param producerProperties given to the load producer beside the defaults, key=value
 * @param brokerJvmArguments given to the JVM of Headrace, for profiling
 * @param headraceSettings given to Headrace's server, key=value
 */
public record LoadOptions(
        Mode mode,
        int rounds,
        int minutesMax,
        int warmUpRounds,
        List<Workload> workloads,
        boolean consumes,
        List<String> contestants,
        String heap,
        Path dataDirectory,
        List<String> producerProperties,
        List<String> brokerJvmArguments,
        List<String> headraceSettings) {

    /** Instead of a size: each broker with the settings of its own start script. */
    static final String STOCK_HEAP = "stock";

    static final String USAGE =
            """
            usage: bench/run kafka-load [options]
              --mode %s  (default persistent-os)
              --rounds N             measured rounds of both contestants (default 10)
              --minutes N            begins no round after so many minutes (default 60)
              --warm-up N            rounds before them, not reported (default 1)
              --workloads A,B        of 100B, 4KB, 64KB, latency (default: all)
              --phases produce       leaves out the consume phase (default produce,consume)
              --contestants A,B      of headrace, kafka (default: both)
              --scale X              factor for the number of records (default 1)
              --heap SIZE            heap of each broker, or "stock": its own start script's settings (default 1g)
              --data DIR             data folder of both (default bench/target/kafka-load)
              --producer KEY=VALUE   producer property, may be repeated
              --jvm ARGUMENT         JVM argument of both brokers, may be repeated
              --set KEY=VALUE        setting of the Headrace server, may be repeated
            """
                    .formatted(Mode.known());

    /** Parses a command line, which may be empty. */
    public static LoadOptions parse(String[] arguments, Path home) {
        Options given = new Options(List.of(arguments), USAGE);
        double scale = Double.parseDouble(given.text("--scale", "1"));
        return new LoadOptions(
                Mode.of(given.text("--mode", Mode.PERSISTENT_OS.argument)),
                given.number("--rounds", 10, 0),
                given.number("--minutes", 60, 0),
                given.number("--warm-up", 1, 0),
                workloads(given.text("--workloads", "100B,4KB,64KB,latency"), scale),
                given.text("--phases", "produce,consume").contains(KafkaLoad.CONSUME),
                List.of(given.text("--contestants", "headrace,kafka").split(",")),
                given.text("--heap", "1g"),
                Path.of(given.text("--data", home.resolve("bench/target/kafka-load").toString())),
                given.all("--producer"),
                given.all("--jvm"),
                given.all("--set"));
    }

    private static List<Workload> workloads(String names, double scale) {
        List<Workload> chosen = new ArrayList<>();
        for (String name : names.split(",")) {
            chosen.add(
                    Workload.all().stream()
                            .filter(workload -> workload.name().equals(name))
                            .findFirst()
                            .orElseThrow(
                                    () ->
                                            new IllegalArgumentException(
                                                    "unknown workload: name=" + name))
                            .scaled(scale));
        }
        return chosen;
    }
}
