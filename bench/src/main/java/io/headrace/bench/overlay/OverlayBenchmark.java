package io.headrace.bench.overlay;

import io.headrace.bench.Folders;
import io.headrace.bench.HeadraceProcess;
import io.headrace.bench.Options;
import io.headrace.bench.Spread;
import io.headrace.bench.kafkaload.Machine;
import java.io.IOException;
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
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * {@code bench/run overlay}: what one stock consumer reads per second of a topic, and of two
 * overlays over it: the patch of one has few keys, side by side, so that nearly all batches are
 * handed on as they lie; that of the other has every so manieth key, everywhere.
 */
public final class OverlayBenchmark {
    private static final String USAGE =
            """
            usage: bench/run overlay [OPTION VALUE ...]
              --data DIRECTORY    where the data is made; bench/results by default
              --rounds N          turns of each; 10
              --passes N          how often a turn reads all of it; 2
              --warm-up N         turns of each before that, which are not counted; 2
              --jvm ARGUMENT      of the server, may be repeated
              --partitions N      of the base; 4
              --records N         of the base; 200000
              --record-size N     bytes of a value; 1024
              --batch-size N      batch.size of the producer; 16384
              --codec NAME        compression.type of the producer; none
              --few N             keys of the patch that hits few batches; 16
              --every N           the other patch has every Nth key; 100
              --set KEY=VALUE     setting of the server, may be repeated
            """;

    private static final int PORT = 19398;
    private static final String STRAIGHT = "straight";
    private static final String FEW = "few";
    private static final String SPREAD = "spread";
    private static final List<String> TOPICS = List.of(STRAIGHT, FEW, SPREAD);
    private static final String PINNED_CONFIG = "headrace.view.pinned";
    private static final long LOOK_NS = 50_000_000;

    private final HeadraceProcess server;
    private final Options options;
    private final int partitions;
    private final int records;
    private final int recordSize;
    private final int passes;
    private final List<Map<String, Turn>> rounds = new ArrayList<>();

    private record Turn(double megabytesPerSecond, double cpuPerGb) {}

    private OverlayBenchmark(HeadraceProcess server, Options options) {
        this.server = server;
        this.options = options;
        partitions = options.number("--partitions", 4, 1);
        records = options.number("--records", 200_000, 1);
        recordSize = options.number("--record-size", 1024, 1);
        passes = options.number("--passes", 2, 1);
    }

    /** Runs with the options that an unknown one has printed. */
    public static void main(String[] arguments) throws Exception {
        Options options = new Options(Arrays.asList(arguments), USAGE);
        Path out = Path.of(System.getenv("BENCH_OUT"));
        Path home = Path.of(System.getenv("HEADRACE_HOME"));
        Path data = Path.of(options.text("--data", out.toString())).toAbsolutePath();
        Path folder = Folders.empty(data.resolve("overlay-data"));
        List<String> settings = new ArrayList<>(List.of("headrace.admin.listener="));
        settings.addAll(options.all("--set"));
        try (HeadraceProcess server =
                HeadraceProcess.start(
                        home,
                        out.resolve("server.log"),
                        folder,
                        PORT,
                        options.all("--jvm"),
                        settings)) {
            OverlayBenchmark benchmark = new OverlayBenchmark(server, options);
            benchmark.create();
            benchmark.run(options.number("--warm-up", 2, 0), options.number("--rounds", 10, 1));
            benchmark.report(home, out);
        } finally {
            Folders.delete(folder);
        }
    }

    private static byte[] key(int number) {
        return "key-%012d".formatted(number).getBytes(StandardCharsets.ISO_8859_1);
    }

    private void create() throws Exception {
        int few = Math.min(records, options.number("--few", 16, 1));
        int every = options.number("--every", 100, 1);
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", server.bootstrapServer()))) {
            Map<String, String> keeping = Map.of("retention.ms", "-1");
            create(admin, STRAIGHT, keeping);
            create(admin, FEW + "-patch", keeping);
            create(admin, SPREAD + "-patch", keeping);
            produce(STRAIGHT, IntStream.range(0, records).toArray());
            int middle = (records - few) / 2;
            produce(FEW + "-patch", IntStream.range(middle, middle + few).toArray());
            produce(
                    SPREAD + "-patch",
                    IntStream.range(0, records).filter(number -> number % every == 0).toArray());
            for (String overlay : List.of(FEW, SPREAD)) {
                create(admin, overlay, overlayOf(overlay + "-patch"));
                awaitPin(admin, overlay);
            }
        }
    }

    private void create(Admin admin, String name, Map<String, String> configs) throws Exception {
        NewTopic topic = new NewTopic(name, partitions, (short) 1).configs(configs);
        admin.createTopics(List.of(topic)).all().get();
    }

    private static Map<String, String> overlayOf(String patch) {
        return Map.of(
                "headrace.view.type", "overlay",
                "headrace.view.topics", STRAIGHT,
                "headrace.view.patch", patch);
    }

    private static void awaitPin(Admin admin, String overlay) throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, overlay);
        ConfigEntry pin = null;
        while (pin == null || pin.value() == null || pin.value().isEmpty()) {
            LockSupport.parkNanos(LOOK_NS);
            Config configs = admin.describeConfigs(List.of(resource)).all().get().get(resource);
            pin = configs == null ? null : configs.get(PINNED_CONFIG);
        }
    }

    /** Neighbours of the base are in one batch: its partitions follow each other by thousands. */
    private void produce(String topic, int[] numbers) {
        Map<String, Object> configs =
                Map.of(
                        "bootstrap.servers",
                        server.bootstrapServer(),
                        "linger.ms",
                        20,
                        "batch.size",
                        options.number("--batch-size", 16_384, 1),
                        "compression.type",
                        options.text("--codec", "none"));
        Random random = new Random(1);
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(
                        configs, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (int number : numbers) {
                byte[] value = new byte[recordSize];
                for (int at = 0; at < recordSize; at++) {
                    value[at] = (byte) ('a' + random.nextInt(16));
                }
                int partition = number / 1000 % partitions;
                producer.send(new ProducerRecord<>(topic, partition, key(number), value));
            }
        }
    }

    /** Turns of all topics in each round, whose order goes round. */
    private void run(int warmUp, int count) {
        for (int round = 0; round < warmUp + count; round++) {
            Map<String, Turn> turns = new HashMap<>();
            for (int i = 0; i < TOPICS.size(); i++) {
                String topic = TOPICS.get((round + i) % TOPICS.size());
                turns.put(topic, turn(topic));
            }
            System.out.println((round < warmUp ? "warm-up " : "") + turns);
            if (round >= warmUp) {
                rounds.add(turns);
            }
        }
    }

    private Turn turn(String topic) {
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
            for (int pass = 0; pass < passes; pass++) {
                consumer.seekToBeginning(assigned);
                int found = 0;
                while (found < records) {
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

    private void report(Path home, Path out) throws IOException {
        StringBuilder text = new StringBuilder();
        line(text, "### overlay");
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
        line(text, "| patch | figure | base | overlay | ratio (median, min–max) |");
        line(text, "|---|---|---|---|---|");
        for (String overlay : List.of(FEW, SPREAD)) {
            row(text, overlay, "MB/s", "%,.0f", Turn::megabytesPerSecond);
            row(text, overlay, "server CPU s/GB", "%.2f", Turn::cpuPerGb);
        }
        Files.writeString(out.resolve("overlay.md"), text, StandardCharsets.UTF_8);
        System.out.println("\n" + text);
    }

    private void row(
            StringBuilder text,
            String overlay,
            String figure,
            String format,
            ToDoubleFunction<Turn> value) {
        ToDoubleFunction<Map<String, Turn>> straight =
                round -> value.applyAsDouble(round.get(STRAIGHT));
        ToDoubleFunction<Map<String, Turn>> shown =
                round -> value.applyAsDouble(round.get(overlay));
        line(
                text,
                "| %s | %s | %s | %s | %s |",
                overlay,
                figure,
                spread(straight, format),
                spread(shown, format),
                spread(
                        round -> shown.applyAsDouble(round) / straight.applyAsDouble(round),
                        "%.2f"));
    }

    private String spread(ToDoubleFunction<Map<String, Turn>> value, String format) {
        return Spread.of(rounds.stream().mapToDouble(value).toArray(), format);
    }

    private static void line(StringBuilder text, String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values)).append('\n');
    }
}
