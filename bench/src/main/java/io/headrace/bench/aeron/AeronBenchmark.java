package io.headrace.bench.aeron;

import io.aeron.Aeron;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;
import io.headrace.aeron.AeronShell;
import io.headrace.aeron.AeronShellContext;
import io.headrace.aeron.AeronTopic;
import io.headrace.bench.kafkaload.Machine;
import io.headrace.engine.Engine;
import io.headrace.engine.EngineContext;
import io.headrace.offheap.OffHeapContext;
import io.headrace.offheap.OffHeapMemoryStore;
import io.headrace.rocks.RocksMetadataStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;
import org.agrona.concurrent.YieldingIdleStrategy;

/**
 * {@code bench/run aeron}: latency of an Aeron stream alone, and of the same stream when a tap
 * fills a memory topic from it, in turns, over one driver. What the tap took and lost is printed as
 * it stands when the exchange ends; the tap may be half a millisecond behind then.
 */
public final class AeronBenchmark {
    private static final long MIB = 1 << 20;
    private static final int PORT = 40_456;
    private static final double[] PERCENTILES = {50, 99, 99.9};

    private final AeronOptions options;
    private final Path folder;
    private final List<String> report = new ArrayList<>();

    private AeronBenchmark(AeronOptions options, Path folder) {
        this.options = options;
        this.folder = folder;
    }

    /** What one measurement found. */
    private record Latencies(Histogram roundTrips, Histogram oneWays, String tap) {}

    /** Runs with the options that {@link AeronOptions#USAGE} describes. */
    public static void main(String[] arguments) throws Exception {
        Path out = Path.of(System.getenv("BENCH_OUT"));
        new AeronBenchmark(AeronOptions.parse(arguments), out).run();
    }

    private void run() throws Exception {
        describe();
        try (MediaDriver driver = MediaDriver.launch(driver());
                OffHeapMemoryStore memory =
                        new OffHeapMemoryStore(new OffHeapContext().budgetBytes(256 * MIB));
                Engine engine = Engine.launch(engine(memory));
                Aeron aeron =
                        Aeron.connect(
                                new Aeron.Context()
                                        .aeronDirectoryName(driver.aeronDirectoryName()))) {
            for (String medium : options.media()) {
                for (int length : options.lengths()) {
                    measure(aeron, engine, medium, length);
                }
            }
        }
        Files.write(folder.resolve("report.md"), report);
    }

    private MediaDriver.Context driver() throws IOException {
        YieldingIdleStrategy idle = new YieldingIdleStrategy();
        return new MediaDriver.Context()
                .aeronDirectoryName(Files.createTempDirectory(shm(), "headrace-bench-").toString())
                .dirDeleteOnStart(true)
                .dirDeleteOnShutdown(true)
                .threadingMode(ThreadingMode.SHARED)
                .sharedIdleStrategy(idle)
                .timerIntervalNs(TimeUnit.MILLISECONDS.toNanos(1))
                .untetheredWindowLimitTimeoutNs(TimeUnit.MILLISECONDS.toNanos(20))
                .untetheredLingerTimeoutNs(TimeUnit.MILLISECONDS.toNanos(2))
                .untetheredRestingTimeoutNs(TimeUnit.MILLISECONDS.toNanos(400));
    }

    private static Path shm() {
        Path shm = Path.of("/dev/shm");
        return Files.isWritable(shm) ? shm : Path.of(System.getProperty("java.io.tmpdir"));
    }

    private EngineContext engine(OffHeapMemoryStore memory) throws IOException {
        return new EngineContext()
                .directory(Files.createTempDirectory("headrace-bench-"))
                .memoryStore(memory)
                .metadataStoreFactory(RocksMetadataStore::open)
                .diskReserveBytes(0);
    }

    private void describe() {
        say("# Aeron, alone and with the tap of a memory topic");
        say("");
        say("- Machine: " + Machine.hardware());
        say("- Load before: " + Machine.load());
        say("- JDK: " + Machine.jdk());
        say("- Aeron: " + io.aeron.AeronVersion.VERSION);
        say("- Revision: " + Machine.gitRevision(Path.of(System.getenv("HEADRACE_HOME"))));
        say("- Command: " + System.getenv("BENCH_COMMAND"));
        say("- One driver thread (shared, yielding), pinging and answering thread yielding, one");
        say("  tap thread (backs off); " + options);
        say("");
        say("µs; ratio of tap to raw: median over the rounds (lowest to highest).");
        say("");
        say("| stream | what | raw p50 / p99 / p99.9 | tap p50 / p99 / p99.9 | ratio p50 | p99 |");
        say("|---|---|---|---|---|---|");
    }

    private void measure(Aeron aeron, Engine engine, String medium, int length) throws Exception {
        List<Latencies> raw = new ArrayList<>();
        List<Latencies> tapped = new ArrayList<>();
        // One round that nobody looks at: the code of both kinds is compiled.
        for (int round = -1; round < options.rounds(); round++) {
            Latencies alone = exchange(aeron, medium, length);
            Latencies withTap = exchangeTapped(aeron, engine, medium, length);
            if (round >= 0) {
                raw.add(alone);
                tapped.add(withTap);
            }
        }
        String stream = medium + " " + length + " B";
        say(row(stream, "round trip", roundTrips(raw), roundTrips(tapped)));
        say(row(stream, "one way", oneWays(raw), oneWays(tapped)));
        say("| " + stream + " | tap | | " + tapped.get(tapped.size() - 1).tap() + " | | |");
    }

    private Latencies exchangeTapped(Aeron aeron, Engine engine, String medium, int length)
            throws Exception {
        List<AeronTopic> topics =
                List.of(
                        new AeronTopic("pings", 0, ping(medium), Exchange.PING_STREAM_ID),
                        new AeronTopic("pongs", 0, pong(medium), Exchange.PONG_STREAM_ID));
        AeronShellContext context =
                new AeronShellContext()
                        .engine(engine)
                        .aeronDirectory(aeron.context().aeronDirectoryName())
                        .topics(topics);
        try (AeronShell shell = AeronShell.launch(context)) {
            Latencies latencies = exchange(aeron, medium, length);
            String tap =
                    "%d records, %d bytes lost"
                            .formatted(shell.metrics().records(), shell.metrics().lostBytes());
            return new Latencies(latencies.roundTrips(), latencies.oneWays(), tap);
        }
    }

    private Latencies exchange(Aeron aeron, String medium, int length) throws Exception {
        try (Exchange exchange = new Exchange(aeron, ping(medium), pong(medium), length)) {
            return new Latencies(
                    exchange.roundTrips(options.roundTrips()),
                    exchange.oneWays(options.oneWays(), options.rate()),
                    "");
        }
    }

    private static String ping(String medium) {
        return channel(medium, PORT);
    }

    private static String pong(String medium) {
        return channel(medium, PORT + 1);
    }

    private static String channel(String medium, int port) {
        return medium.equals("ipc")
                ? "aeron:ipc?term-length=16m"
                : "aeron:udp?term-length=16m|endpoint=127.0.0.1:" + port;
    }

    private static List<Histogram> roundTrips(List<Latencies> all) {
        return all.stream().map(Latencies::roundTrips).toList();
    }

    private static List<Histogram> oneWays(List<Latencies> all) {
        return all.stream().map(Latencies::oneWays).toList();
    }

    private static String row(
            String stream, String what, List<Histogram> raw, List<Histogram> tapped) {
        return "| %s | %s | %s | %s | %s | %s |"
                .formatted(
                        stream,
                        what,
                        percentiles(raw),
                        percentiles(tapped),
                        ratio(raw, tapped, 50),
                        ratio(raw, tapped, 99));
    }

    /** Of all rounds together. */
    private static String percentiles(List<Histogram> rounds) {
        Histogram all = new Histogram(3);
        rounds.forEach(all::add);
        List<String> values = new ArrayList<>();
        for (double percentile : PERCENTILES) {
            values.add("%.1f".formatted(all.getValueAtPercentile(percentile) / 1000.0));
        }
        return String.join(" / ", values);
    }

    private static String ratio(List<Histogram> raw, List<Histogram> tapped, double percentile) {
        double[] ratios = new double[raw.size()];
        for (int i = 0; i < ratios.length; i++) {
            ratios[i] =
                    (double) tapped.get(i).getValueAtPercentile(percentile)
                            / raw.get(i).getValueAtPercentile(percentile);
        }
        Arrays.sort(ratios);
        return "%.2f (%.2f to %.2f)"
                .formatted(ratios[ratios.length / 2], ratios[0], ratios[ratios.length - 1]);
    }

    private void say(String line) {
        System.out.println(line);
        report.add(line);
    }
}
