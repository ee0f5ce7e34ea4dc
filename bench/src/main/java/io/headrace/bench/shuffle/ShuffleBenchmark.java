package io.headrace.bench.shuffle;

import io.headrace.bench.Folders;
import io.headrace.bench.HeadraceProcess;
import io.headrace.bench.Options;
import io.headrace.bench.Spread;
import io.headrace.bench.kafkaload.Machine;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * {@code bench/run shuffle}: what one stock consumer reads per second of a source in a folder, and
 * of a shuffle view over it.
 */
public final class ShuffleBenchmark {
    private static final String USAGE =
            """
            usage: bench/run shuffle [OPTION VALUE ...]
              --data DIRECTORY    where the data is made; bench/results by default
              --rounds N          turns of each; 10
              --warm-up N         turns of each before that, which are not counted; 2
              --partitions N      of both topics; 4
              --objects N         of 8 MB; 64
              --record-size N     bytes of a record; 1024
              --window N          headrace.view.window.blocks; 32
              --set KEY=VALUE     setting of the server, may be repeated
            """;

    private static final int PORT = 19395;
    private static final int OBJECT_LENGTH = 8_000_000;

    private final HeadraceProcess server;
    private final int partitions;
    private final int records;
    private final List<Round> rounds = new ArrayList<>();

    private record Turn(double megabytesPerSecond, double cpuPerGb) {}

    private record Round(Turn straight, Turn shuffled) {}

    private ShuffleBenchmark(HeadraceProcess server, int partitions, int records) {
        this.server = server;
        this.partitions = partitions;
        this.records = records;
    }

    /** Runs with the options that an unknown one has printed. */
    public static void main(String[] arguments) throws Exception {
        Options options = new Options(Arrays.asList(arguments), USAGE);
        Path out = Path.of(System.getenv("BENCH_OUT"));
        Path home = Path.of(System.getenv("HEADRACE_HOME"));
        Path data = Path.of(options.text("--data", out.toString())).toAbsolutePath();
        Path objects = Folders.empty(data.resolve("shuffle-objects"));
        Path folder = Folders.empty(data.resolve("shuffle-data"));
        int recordSize = options.number("--record-size", 1024, 8);
        int perObject = OBJECT_LENGTH / recordSize;
        int objectCount = options.number("--objects", 64, 1);
        List<String> settings =
                new ArrayList<>(
                        List.of(
                                "headrace.admin.listener=",
                                "headrace.cache.disk.bytes=0",
                                "headrace.store.data.uri=" + objects.toUri()));
        settings.addAll(options.all("--set"));
        for (int object = 0; object < objectCount; object++) {
            write(objects.resolve("%05d.txt".formatted(object)), perObject, recordSize);
        }
        try (HeadraceProcess server =
                HeadraceProcess.start(
                        home, out.resolve("server.log"), folder, PORT, List.of(), settings)) {
            ShuffleBenchmark benchmark =
                    new ShuffleBenchmark(
                            server, options.number("--partitions", 4, 1), perObject * objectCount);
            benchmark.create(options.number("--window", 32, 1));
            benchmark.run(options.number("--warm-up", 2, 0), options.number("--rounds", 10, 1));
            benchmark.report(home, out, recordSize);
        } finally {
            Folders.delete(objects);
            Folders.delete(folder);
        }
    }

    private static void write(Path object, int lines, int length) throws IOException {
        Random random = new Random(object.hashCode());
        byte[] line = new byte[length];
        try (OutputStream to = Files.newOutputStream(object)) {
            byte[] all = new byte[lines * length];
            for (int i = 0; i < lines; i++) {
                for (int at = 0; at < length; at++) {
                    line[at] = (byte) ('a' + random.nextInt(26));
                }
                line[length - 1] = '\n';
                System.arraycopy(line, 0, all, i * length, length);
            }
            to.write(all);
        }
    }

    private void create(int windowBlocks) throws Exception {
        NewTopic source =
                new NewTopic("straight", partitions, (short) 1)
                        .configs(
                                Map.of(
                                        "headrace.source.uri",
                                        "data://",
                                        "headrace.source.format",
                                        "lines"));
        NewTopic view =
                new NewTopic("shuffled", partitions, (short) 1)
                        .configs(
                                Map.of(
                                        "headrace.view.type",
                                        "shuffle",
                                        "headrace.view.topics",
                                        "straight",
                                        "headrace.view.window.blocks",
                                        Integer.toString(windowBlocks)));
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", server.bootstrapServer()))) {
            admin.createTopics(List.of(source)).all().get();
            admin.createTopics(List.of(view)).all().get();
        }
    }

    private void run(int warmUp, int count) throws IOException {
        for (int round = 0; round < warmUp + count; round++) {
            boolean isShuffledFirst = round % 2 == 1;
            Turn first = turn(isShuffledFirst ? "shuffled" : "straight");
            Turn second = turn(isShuffledFirst ? "straight" : "shuffled");
            Round done = isShuffledFirst ? new Round(second, first) : new Round(first, second);
            System.out.println((round < warmUp ? "warm-up " : "") + done);
            if (round >= warmUp) {
                rounds.add(done);
            }
        }
    }

    private Turn turn(String topic) throws IOException {
        Map<String, Object> configs =
                Map.of("bootstrap.servers", server.bootstrapServer(), "max.poll.records", 5000);
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(
                        configs, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> assigned =
                    IntStream.range(0, partitions)
                            .mapToObj(number -> new TopicPartition(topic, number))
                            .toList();
            consumer.assign(assigned);
            consumer.seekToBeginning(assigned);
            double cpuBefore = server.cpuSeconds();
            long begun = System.nanoTime();
            long bytes = 0;
            int found = 0;
            while (found < records) {
                for (var record : consumer.poll(Duration.ofMillis(500))) {
                    bytes += record.serializedValueSize();
                    found++;
                }
            }
            double seconds = (System.nanoTime() - begun) / 1e9;
            return new Turn(
                    bytes / 1e6 / seconds, (server.cpuSeconds() - cpuBefore) / (bytes / 1e9));
        }
    }

    private void report(Path home, Path out, int recordSize) throws IOException {
        StringBuilder text = new StringBuilder();
        line(text, "### shuffle");
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
                "- %d rounds; %d records of %d bytes; %d partitions",
                rounds.size(),
                records,
                recordSize,
                partitions);
        line(text, "");
        line(text, "| | source | shuffle view | ratio (median, min–max) |");
        line(text, "|---|---|---|---|");
        row(text, "MB/s", "%,.0f", Turn::megabytesPerSecond);
        row(text, "server CPU s/GB", "%.2f", Turn::cpuPerGb);
        Files.writeString(out.resolve("shuffle.md"), text, StandardCharsets.UTF_8);
        System.out.println("\n" + text);
    }

    private void row(
            StringBuilder text, String figure, String format, ToDoubleFunction<Turn> value) {
        line(
                text,
                "| %s | %s | %s | %s |",
                figure,
                spread(round -> value.applyAsDouble(round.straight), format),
                spread(round -> value.applyAsDouble(round.shuffled), format),
                spread(
                        round ->
                                value.applyAsDouble(round.shuffled)
                                        / value.applyAsDouble(round.straight),
                        "%.2f"));
    }

    private String spread(ToDoubleFunction<Round> value, String format) {
        return Spread.of(rounds.stream().mapToDouble(value).toArray(), format);
    }

    private static void line(StringBuilder text, String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values)).append('\n');
    }
}
