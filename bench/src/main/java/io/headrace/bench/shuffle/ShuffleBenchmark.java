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
import java.util.HashMap;
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
 * {@code bench/run shuffle}: what one stock consumer reads per second of a source in a folder, of a
 * shuffle view over it, and of a mix of it with a second source, three of its records to one of the
 * other's, both shuffled.
 */
public final class ShuffleBenchmark {
    private static final String USAGE =
            """
            usage: bench/run shuffle [OPTION VALUE ...]
              --data DIRECTORY    where the data is made; bench/results by default
              --rounds N          turns of each; 10
              --passes N          how often a turn reads all of it; 3
              --views LIST        shuffle,mix
              --jvm ARGUMENT      of the server, may be repeated
              --warm-up N         turns of each before that, which are not counted; 2
              --partitions N      of each topic; 4
              --objects N         of 8 MB, of the source; a third as many of the second one; 24
              --record-size N     bytes of a record; 1024
              --window N          headrace.view.window.blocks; 32
              --set KEY=VALUE     setting of the server, may be repeated
            """;

    private static final int PORT = 19397;
    private static final int OBJECT_LENGTH = 8_000_000;
    private static final String STRAIGHT = "straight";
    private static final String SHUFFLE = "shuffle";
    private static final String MIX = "mix";

    /** Records of the source to one of the second source's, in the mix. */
    private static final int WEIGHT = 3;

    private final HeadraceProcess server;
    private final int partitions;
    private final int records;
    private final int passes;
    private final List<String> topics = new ArrayList<>(List.of(STRAIGHT));
    private final List<Map<String, Turn>> rounds = new ArrayList<>();

    private record Turn(double megabytesPerSecond, double cpuPerGb) {}

    private ShuffleBenchmark(
            HeadraceProcess server, int partitions, int records, int passes, List<String> views) {
        this.server = server;
        this.partitions = partitions;
        this.records = records;
        this.passes = passes;
        this.topics.addAll(views);
    }

    /** Runs with the options that an unknown one has printed. */
    public static void main(String[] arguments) throws Exception {
        Options options = new Options(Arrays.asList(arguments), USAGE);
        Path out = Path.of(System.getenv("BENCH_OUT"));
        Path home = Path.of(System.getenv("HEADRACE_HOME"));
        Path data = Path.of(options.text("--data", out.toString())).toAbsolutePath();
        Path objects = Folders.empty(data.resolve("shuffle-objects"));
        Path others = Folders.empty(data.resolve("shuffle-others"));
        Path folder = Folders.empty(data.resolve("shuffle-data"));
        int recordSize = options.number("--record-size", 1024, 8);
        int perObject = OBJECT_LENGTH / recordSize;
        int objectCount = options.number("--objects", 24, 1);
        List<String> settings =
                new ArrayList<>(
                        List.of(
                                "headrace.admin.listener=",
                                "headrace.cache.disk.bytes=0",
                                "headrace.store.data.uri=" + objects.toUri(),
                                "headrace.store.others.uri=" + others.toUri()));
        settings.addAll(options.all("--set"));
        for (int object = 0; object < objectCount; object++) {
            write(objects.resolve("%05d.txt".formatted(object)), perObject, recordSize);
        }
        for (int object = 0; object < (objectCount + WEIGHT - 1) / WEIGHT; object++) {
            write(others.resolve("%05d.txt".formatted(object)), perObject, recordSize);
        }
        try (HeadraceProcess server =
                HeadraceProcess.start(
                        home,
                        out.resolve("server.log"),
                        folder,
                        PORT,
                        options.all("--jvm"),
                        settings)) {
            ShuffleBenchmark benchmark =
                    new ShuffleBenchmark(
                            server,
                            options.number("--partitions", 4, 1),
                            perObject * objectCount,
                            options.number("--passes", 3, 1),
                            List.of(options.text("--views", "shuffle,mix").split(",")));
            benchmark.create(options.number("--window", 32, 1));
            benchmark.run(options.number("--warm-up", 2, 0), options.number("--rounds", 10, 1));
            benchmark.report(home, out, recordSize);
        } finally {
            Folders.delete(objects);
            Folders.delete(others);
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
        String window = Integer.toString(windowBlocks);
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", server.bootstrapServer()))) {
            create(admin, STRAIGHT, source("data://"));
            create(admin, "other", source("others://"));
            Map<String, String> shuffle = view(SHUFFLE, STRAIGHT, window);
            shuffle.put("headrace.view.epochs", Integer.toString(passes));
            create(admin, SHUFFLE, shuffle);
            String sides = STRAIGHT + ":" + WEIGHT + ",other:1";
            create(admin, MIX, view(MIX, sides, window));
        }
    }

    private void create(Admin admin, String name, Map<String, String> configs) throws Exception {
        NewTopic topic = new NewTopic(name, partitions, (short) 1).configs(configs);
        admin.createTopics(List.of(topic)).all().get();
    }

    private static Map<String, String> source(String uri) {
        return Map.of("headrace.source.uri", uri, "headrace.source.format", "lines");
    }

    private static Map<String, String> view(String type, String topics, String windowBlocks) {
        return new HashMap<>(
                Map.of(
                        "headrace.view.type",
                        type,
                        "headrace.view.topics",
                        topics,
                        "headrace.view.window.blocks",
                        windowBlocks));
    }

    /** Turns of all topics in each round, whose order goes round. */
    private void run(int warmUp, int count) throws IOException {
        for (int round = 0; round < warmUp + count; round++) {
            Map<String, Turn> turns = new HashMap<>();
            for (int i = 0; i < topics.size(); i++) {
                String topic = topics.get((round + i) % topics.size());
                turns.put(topic, turn(topic));
            }
            System.out.println((round < warmUp ? "warm-up " : "") + turns);
            if (round >= warmUp) {
                rounds.add(turns);
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
            double cpuBefore = server.cpuSeconds();
            long begun = System.nanoTime();
            long bytes = 0;
            // A shuffle view has an order of its own for each epoch; what else there is begins
            // anew.
            boolean hasEpochs = topic.equals(SHUFFLE);
            int each = hasEpochs ? passes * records : records;
            if (topic.equals(MIX)) {
                each += records / 4; // nearly all: a fetch at the end would wait for more
            }
            for (int pass = 0; pass < (hasEpochs ? 1 : passes); pass++) {
                consumer.seekToBeginning(assigned);
                int found = 0;
                while (found < each) {
                    for (var record : consumer.poll(Duration.ofMillis(500))) {
                        bytes += record.serializedValueSize();
                        found++;
                    }
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
                "- %d rounds; each reads %d times %d records of %d bytes; %d partitions",
                rounds.size(),
                passes,
                records,
                recordSize,
                partitions);
        line(text, "");
        line(text, "| | figure | source | view | ratio (median, min–max) |");
        line(text, "|---|---|---|---|---|");
        for (String view : topics.subList(1, topics.size())) {
            row(text, view, "MB/s", "%,.0f", Turn::megabytesPerSecond);
            row(text, view, "server CPU s/GB", "%.2f", Turn::cpuPerGb);
        }
        Files.writeString(out.resolve("shuffle.md"), text, StandardCharsets.UTF_8);
        System.out.println("\n" + text);
    }

    private void row(
            StringBuilder text,
            String view,
            String figure,
            String format,
            ToDoubleFunction<Turn> value) {
        ToDoubleFunction<Map<String, Turn>> straight =
                round -> value.applyAsDouble(round.get(STRAIGHT));
        ToDoubleFunction<Map<String, Turn>> viewed = round -> value.applyAsDouble(round.get(view));
        line(
                text,
                "| %s | %s | %s | %s | %s |",
                view,
                figure,
                spread(straight, format),
                spread(viewed, format),
                spread(
                        round -> viewed.applyAsDouble(round) / straight.applyAsDouble(round),
                        "%.2f"));
    }

    private String spread(ToDoubleFunction<Map<String, Turn>> value, String format) {
        return Spread.of(rounds.stream().mapToDouble(value).toArray(), format);
    }

    private static void line(StringBuilder text, String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values)).append('\n');
    }
}
