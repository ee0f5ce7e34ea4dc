package io.headrace.bench.beside;

import io.headrace.bench.Folders;
import io.headrace.bench.HeadraceProcess;
import io.headrace.bench.Options;
import io.headrace.bench.Spread;
import io.headrace.bench.kafkaload.Machine;
import io.headrace.bench.wire.ProduceLoad;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;

/**
 * {@code bench/run beside}: the time of produces to a memory topic at a steady rate, alone and
 * beside a load that writes to a synced topic as fast as it goes; one server, in turns.
 */
public final class BesideBenchmark {
    static final String USAGE =
            """
            usage: bench/run beside [OPTION VALUE ...]
              --data DIRECTORY    where the data folder is made; bench/results by default
              --rounds N          turns alone and beside; 10
              --seconds N         of each; 10
              --rate N            produces a second to the memory topic; 2000
              --record-size N     bytes of a record of these; 1024
              --load-size N       bytes of a record of the load; 65536
              --connections N     of the load, spread over as many partitions; 8
              --in-flight N       requests of the load under way on each; 2
              --set KEY=VALUE     setting of the server, may be repeated
            """;

    private static final int PORT = 19392;
    private static final int WARM_UP_S = 5;
    private static final double SETTLE_S = 1;
    private static final String MEMORY = "memory";
    private static final String LOAD = "load";

    private final Options options;
    private final int rate;
    private final int seconds;
    private final int recordSize;
    private final int connections;
    private final List<Turn> turns = new ArrayList<>();

    private record Turn(ProduceLoad.Result alone, ProduceLoad.Result beside, double loadMbPerS) {}

    private BesideBenchmark(Options options) {
        this.options = options;
        this.rate = options.number("--rate", 2000, 1);
        this.seconds = options.number("--seconds", 10, 1);
        this.recordSize = options.number("--record-size", 1024, 1);
        this.connections = options.number("--connections", 8, 1);
    }

    /** Runs with the options that {@link #USAGE} describes. */
    public static void main(String[] arguments) throws Exception {
        Options options = new Options(Arrays.asList(arguments), USAGE);
        Path out = Path.of(System.getenv("BENCH_OUT"));
        Path data = Path.of(options.text("--data", out.toString())).resolve("beside-data");
        Path home = Path.of(System.getenv("HEADRACE_HOME"));
        try (HeadraceProcess server =
                HeadraceProcess.start(
                        home,
                        out.resolve("server.log"),
                        Folders.empty(data),
                        PORT,
                        List.of(),
                        settings(options))) {
            BesideBenchmark benchmark = new BesideBenchmark(options);
            benchmark.createTopics(server.bootstrapServer());
            benchmark.run(server.bootstrapServer());
            benchmark.report(home, out);
        } finally {
            Folders.delete(data);
        }
    }

    private static List<String> settings(Options options) {
        List<String> settings = new ArrayList<>(List.of("headrace.admin.listener="));
        settings.addAll(options.all("--set"));
        return settings;
    }

    private void createTopics(String bootstrapServer)
            throws InterruptedException, ExecutionException {
        // What is written goes again soon: the run is about the writing.
        Map<String, String> load = Map.of("flush.messages", "1", "retention.ms", "30000");
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrapServer))) {
            admin.createTopics(
                            List.of(
                                    new NewTopic(MEMORY, 1, (short) 1)
                                            .configs(Map.of("headrace.storage.mode", "memory")),
                                    new NewTopic(LOAD, connections, (short) 1).configs(load)))
                    .all()
                    .get();
        }
    }

    private void run(String bootstrapServer) throws Exception {
        int loadSize = options.number("--load-size", 65_536, 1);
        int rounds = options.number("--rounds", 10, 1);
        try (ProduceLoad memory = new ProduceLoad(bootstrapServer, MEMORY, 1, 1, recordSize);
                ProduceLoad load =
                        new ProduceLoad(
                                bootstrapServer, LOAD, connections, connections, loadSize)) {
            beside(memory, load, loadSize, WARM_UP_S);
            memory.atRate(rate, WARM_UP_S);
            for (int round = 1; round <= rounds; round++) {
                turns.add(turn(memory, load, loadSize, round % 2 == 1));
                System.out.println(text(turns.get(round - 1)));
            }
        }
    }

    private Turn turn(ProduceLoad memory, ProduceLoad load, int loadSize, boolean isAloneFirst)
            throws Exception {
        ProduceLoad.Result alone = isAloneFirst ? memory.atRate(rate, seconds) : null;
        Beside beside = beside(memory, load, loadSize, seconds);
        if (alone == null) {
            TimeUnit.SECONDS.sleep(2); // what the load left behind is not the memory topic's
            alone = memory.atRate(rate, seconds);
        }
        return new Turn(alone, beside.memory, beside.loadMbPerS);
    }

    private record Beside(ProduceLoad.Result memory, double loadMbPerS) {}

    /** The load runs before the measuring begins, and until it has ended. */
    private Beside beside(ProduceLoad memory, ProduceLoad load, int loadSize, double time)
            throws Exception {
        int inFlight = options.number("--in-flight", 2, 1);
        CompletableFuture<ProduceLoad.Result> loaded =
                CompletableFuture.supplyAsync(
                        () -> {
                            try {
                                return load.keepUnderWay(inFlight, time + 60);
                            } catch (IOException e) {
                                throw new IllegalStateException(e);
                            }
                        },
                        task -> new Thread(task, "load").start());
        memory.atRate(rate, SETTLE_S);
        ProduceLoad.Result measured = memory.atRate(rate, time);
        load.stop();
        ProduceLoad.Result done = loaded.get();
        return new Beside(measured, done.perSecond() * loadSize / 1e6);
    }

    private static String text(Turn turn) {
        return String.format(
                Locale.ROOT,
                "alone p50 %.3f p99 %.3f p99.9 %.3f ms; beside %.0f MB/s p50 %.3f p99 %.3f p99.9"
                        + " %.3f ms",
                turn.alone.ms(50),
                turn.alone.ms(99),
                turn.alone.ms(99.9),
                turn.loadMbPerS,
                turn.beside.ms(50),
                turn.beside.ms(99),
                turn.beside.ms(99.9));
    }

    private void report(Path home, Path out) throws IOException {
        StringBuilder text = new StringBuilder();
        line(text, "### beside");
        line(text, "");
        line(text, "- Command: `%s`", System.getenv("BENCH_COMMAND"));
        line(text, "- Headrace %s", Machine.gitRevision(home));
        line(
                text,
                "- Hardware: %s; load averages at the end: %s",
                Machine.hardware(),
                Machine.load());
        line(text, "- JDK: %s", Machine.jdk());
        line(
                text,
                "- %d rounds of %d s; memory topic %d produces/s of %d bytes; load %s MB/s",
                turns.size(),
                seconds,
                rate,
                recordSize,
                spread(turn -> turn.loadMbPerS, "%.0f"));
        line(text, "");
        line(
                text,
                "| produce to a memory topic | alone, ms | beside, ms | ratio (median, min–max) |");
        line(text, "|---|---|---|---|");
        for (double percentile : new double[] {50, 99, 99.9}) {
            line(
                    text,
                    "| p%s | %s | %s | %s |",
                    percentile == 99.9 ? "99.9" : String.valueOf((int) percentile),
                    spread(turn -> turn.alone.ms(percentile), "%.3f"),
                    spread(turn -> turn.beside.ms(percentile), "%.3f"),
                    spread(turn -> turn.beside.ms(percentile) / turn.alone.ms(percentile), "%.2f"));
        }
        Files.writeString(out.resolve("beside.md"), text);
        System.out.println("\n" + text);
    }

    private static void line(StringBuilder text, String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values)).append('\n');
    }

    private String spread(ToDoubleFunction<Turn> value, String format) {
        return Spread.of(turns.stream().mapToDouble(value).toArray(), format);
    }
}
