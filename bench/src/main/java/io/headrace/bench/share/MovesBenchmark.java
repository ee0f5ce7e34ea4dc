package io.headrace.bench.share;

import io.headrace.bench.Folders;
import io.headrace.bench.HeadraceProcess;
import io.headrace.bench.Options;
import io.headrace.bench.Spread;
import io.headrace.bench.kafkaload.ChildProcess;
import io.headrace.bench.kafkaload.Machine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/**
 * {@code bench/run share-moves}: a group reads a share view of a topic that records keep coming to;
 * a member in a process of its own joins it and is killed. Measured are what it waits for its first
 * record, and what its lanes wait for new owners and for their next record.
 */
public final class MovesBenchmark {
    private static final String USAGE =
            """
            usage: bench/run share-moves [OPTION VALUE ...]
              --data DIRECTORY    where the data folder is made; bench/results by default
              --rounds N          members that join and are killed, of each protocol; 10
              --members N         others in the group; 3
              --lanes N           of the view; 32
              --set KEY=VALUE     setting of the server, may be repeated
            """;

    private static final int PORT = 19395;
    private static final String BELOW = "one";
    private static final long PATIENCE_S = 120;

    /** A classic member sends its first heartbeat 3 s after a rebalance. */
    private static final long SETTLE_S = 7;

    private final int others;
    private final int lanes;
    private final int rounds;
    private final Path out;

    /**
     * Milliseconds.
     *
     * @param join from the first poll to the first record
     * @param moved from the kill until all of its lanes have owners
     * @param served from the kill to the first record of one of its lanes
     */
    private record Move(double join, double moved, double served) {}

    private MovesBenchmark(Options options, Path out) {
        this.others = options.number("--members", 3, 1);
        this.lanes = options.number("--lanes", 32, 1);
        this.rounds = options.number("--rounds", 10, 1);
        this.out = out;
    }

    /** Runs with the options that {@link #USAGE} describes. */
    public static void main(String[] arguments) throws Exception {
        Options options = new Options(Arrays.asList(arguments), USAGE);
        Path out = Path.of(System.getenv("BENCH_OUT"));
        Path data = Path.of(options.text("--data", out.toString())).resolve("share-moves-data");
        Path home = Path.of(System.getenv("HEADRACE_HOME"));
        List<String> settings = new ArrayList<>(List.of("headrace.admin.listener="));
        settings.addAll(options.all("--set"));
        try (HeadraceProcess server =
                HeadraceProcess.start(
                        home,
                        out.resolve("server.log"),
                        Folders.empty(data),
                        PORT,
                        List.of(),
                        settings)) {
            new MovesBenchmark(options, out).run(server.bootstrapServer(), home);
        } finally {
            Folders.delete(data);
        }
    }

    private void run(String bootstrapServer, Path home) throws Exception {
        create(bootstrapServer, new NewTopic(BELOW, 1, (short) 1));
        StringBuilder text = new StringBuilder("### share-moves\n\n");
        line(text, "- Command: `%s`", System.getenv("BENCH_COMMAND"));
        line(text, "- Headrace %s", Machine.gitRevision(home));
        line(text, "- JDK: %s", Machine.jdk());
        try (Source source = new Source(bootstrapServer)) {
            line(text, "");
            line(text, "| ms | join to first record | lanes owned again | lane served again |");
            line(text, "|---|---|---|---|");
            for (String protocol : List.of("classic", "consumer")) {
                List<Move> moves = measure(bootstrapServer, protocol);
                line(
                        text,
                        "| %s | %s | %s | %s |",
                        protocol,
                        spread(moves, Move::join),
                        spread(moves, Move::moved),
                        spread(moves, Move::served));
            }
            source.check();
        }
        line(text, "");
        line(
                text,
                "%s; load averages at the end: %s; %d others, %d lanes, %d rounds each",
                Machine.hardware(),
                Machine.load(),
                others,
                lanes,
                rounds);
        Files.writeString(out.resolve("share-moves.md"), text);
        System.out.println("\n" + text);
    }

    private static String spread(List<Move> moves, ToDoubleFunction<Move> value) {
        return Spread.of(moves.stream().mapToDouble(value).toArray(), "%,.0f");
    }

    private List<Move> measure(String bootstrapServer, String protocol) throws Exception {
        String view = "view-" + protocol;
        String group = "group-" + protocol;
        create(
                bootstrapServer,
                new NewTopic(view, lanes, (short) 1)
                        .configs(
                                Map.of(
                                        "headrace.view.type", "share",
                                        "headrace.view.topics", BELOW,
                                        "headrace.view.group", group)));
        List<Move> moves = new ArrayList<>();
        List<MovesMember> members = new ArrayList<>();
        try {
            for (int i = 0; i < others; i++) {
                members.add(MovesMember.start(bootstrapServer, view, group, protocol));
            }
            for (int round = 0; round <= rounds; round++) {
                Move move = move(bootstrapServer, view, group, protocol, members, round);
                System.out.println((round == 0 ? "warm-up " : "") + protocol + " " + move);
                if (round > 0) {
                    moves.add(move);
                }
            }
        } finally {
            for (MovesMember member : members) {
                member.leave();
            }
        }
        return moves;
    }

    private Move move(
            String bootstrapServer,
            String view,
            String group,
            String protocol,
            List<MovesMember> members,
            int round)
            throws Exception {
        await(() -> owned(members).size() == lanes, () -> "owned=" + owned(members));
        TimeUnit.SECONDS.sleep(SETTLE_S);
        Path log = out.resolve(protocol + "-" + round + ".log");
        List<String> command =
                List.of(
                        Machine.javaBinary(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                        MovesMember.class.getName(),
                        bootstrapServer,
                        view,
                        group,
                        protocol);
        try (ChildProcess process = ChildProcess.start("member", log, command)) {
            await(() -> firstMs(log) >= 0, () -> "no record: log=" + log);
            int left = lanes - lanes / (others + 1);
            await(() -> owned(members).size() == left, () -> "owned=" + owned(members));
            TimeUnit.SECONDS.sleep(SETTLE_S);
            Set<Integer> kept = owned(members);
            long killedNs = System.nanoTime();
            ProcessHandle.of(process.pid()).ifPresent(ProcessHandle::destroyForcibly);
            await(() -> owned(members).size() == lanes, () -> "owned=" + owned(members));
            double moved = (System.nanoTime() - killedNs) / 1e6;
            await(() -> servedNs(members, kept, killedNs) > 0, () -> "kept=" + kept);
            double served = (servedNs(members, kept, killedNs) - killedNs) / 1e6;
            return new Move(firstMs(log), moved, served);
        }
    }

    private static Set<Integer> owned(List<MovesMember> members) {
        Set<Integer> owned = new HashSet<>();
        members.forEach(member -> owned.addAll(member.lanes()));
        return owned;
    }

    /** When the first record of a lane came that none of the members had; 0 if none did. */
    private static long servedNs(List<MovesMember> members, Set<Integer> kept, long sinceNs) {
        return members.stream()
                .mapToLong(member -> member.firstServedNs(kept, sinceNs))
                .filter(ns -> ns > 0)
                .min()
                .orElse(0);
    }

    private static double firstMs(Path log) {
        try {
            return Files.readAllLines(log).stream()
                    .filter(line -> line.startsWith(MovesMember.FIRST))
                    .mapToDouble(
                            line -> Double.parseDouble(line.substring(MovesMember.FIRST.length())))
                    .findFirst()
                    .orElse(-1);
        } catch (IOException e) {
            return -1;
        }
    }

    private static void await(BooleanSupplier condition, Supplier<String> otherwise)
            throws InterruptedException {
        long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadlineNs) {
                throw new IllegalStateException(otherwise.get());
            }
            TimeUnit.MILLISECONDS.sleep(1);
        }
    }

    private static void create(String bootstrapServer, NewTopic topic) throws Exception {
        try (Admin admin = Admin.create(properties(bootstrapServer))) {
            admin.createTopics(List.of(topic)).all().get();
        }
    }

    private static Properties properties(String bootstrapServer) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrapServer);
        return properties;
    }

    private static void line(StringBuilder text, String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values)).append('\n');
    }

    /** Writes 1,000 records a second until it is closed. */
    private static final class Source implements AutoCloseable {
        private final Thread thread;
        private volatile boolean isDone;
        private volatile @Nullable Throwable failure;

        Source(String bootstrapServer) {
            thread = new Thread(() -> run(bootstrapServer), "source");
            thread.start();
        }

        private void run(String bootstrapServer) {
            try (KafkaProducer<byte[], byte[]> producer =
                    new KafkaProducer<>(
                            properties(bootstrapServer),
                            new ByteArraySerializer(),
                            new ByteArraySerializer())) {
                while (!isDone) {
                    for (int i = 0; i < 10; i++) {
                        producer.send(new ProducerRecord<>(BELOW, new byte[1024]));
                    }
                    TimeUnit.MILLISECONDS.sleep(10);
                }
            } catch (RuntimeException | InterruptedException e) {
                failure = e;
            }
        }

        void check() {
            if (failure != null) {
                throw new IllegalStateException("the producer failed", failure);
            }
        }

        @Override
        public void close() {
            isDone = true;
        }
    }
}
