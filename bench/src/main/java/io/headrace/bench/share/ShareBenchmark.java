package io.headrace.bench.share;

import io.headrace.bench.Folders;
import io.headrace.bench.HeadraceProcess;
import io.headrace.bench.Options;
import io.headrace.bench.Spread;
import io.headrace.bench.kafkaload.Broker;
import io.headrace.bench.kafkaload.BrokerLauncher;
import io.headrace.bench.kafkaload.LoadOptions;
import io.headrace.bench.kafkaload.Machine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.function.DoubleSupplier;
import java.util.function.ToDoubleFunction;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/**
 * {@code bench/run share}: what a group reads per second of one partition through a share view,
 * against the same group on a topic with a partition for each member; and a share group of Apache
 * Kafka's on one partition of it.
 */
public final class ShareBenchmark {
    static final String USAGE =
            """
            usage: bench/run share [OPTION VALUE ...]
              --data DIRECTORY    where the data folder is made; bench/results by default
              --rounds N          turns of each; 10
              --warm-up N         turns of each before that, which are not counted; 12
              --members N         of the group; 32
              --lanes N           of the view; 256
              --records N         read in each turn; 1000000
              --record-size N     bytes of a record; 1024
              --kafka N           1 to measure Apache Kafka's share group in each round; 0
              --consumer KEY=VALUE   property of the consumers, may be repeated
              --set KEY=VALUE     setting of the server, may be repeated
            """;

    private static final int PORT = 19393;
    private static final String PLAIN = "plain";
    private static final String ONE = "one";

    private final Options options;
    private final int members;
    private final int lanes;
    private final int records;
    private final int recordSize;
    private final Map<String, String> consumerConfigs = new HashMap<>();
    private final List<Round> rounds = new ArrayList<>();

    /** One turn of one contestant. */
    private record Turn(double perSecond, double cpuPerGb) {}

    private record Round(Turn plain, Turn share, Turn kafka) {}

    private ShareBenchmark(Options options) {
        this.options = options;
        this.members = options.number("--members", 32, 1);
        this.lanes = options.number("--lanes", 256, 1);
        this.records = options.number("--records", 1_000_000, 1);
        this.recordSize = options.number("--record-size", 1024, 1);
        consumerConfigs.put("auto.offset.reset", "earliest");
        consumerConfigs.putAll(options.pairs("--consumer"));
    }

    /** Runs with the options that {@link #USAGE} describes. */
    public static void main(String[] arguments) throws Exception {
        Options options = new Options(Arrays.asList(arguments), USAGE);
        Path out = Path.of(System.getenv("BENCH_OUT"));
        Path data = Path.of(options.text("--data", out.toString())).resolve("share-data");
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
            ShareBenchmark benchmark = new ShareBenchmark(options);
            benchmark.fill(server.bootstrapServer(), PLAIN, benchmark.members);
            benchmark.fill(server.bootstrapServer(), ONE, 1);
            if (options.number("--kafka", 0, 0) == 1) {
                benchmark.runBesideKafka(server, home, out);
            } else {
                benchmark.run(server, null);
            }
            benchmark.report(home, out);
        } finally {
            Folders.delete(data);
        }
    }

    private void runBesideKafka(HeadraceProcess server, Path home, Path out) throws Exception {
        LoadOptions load =
                LoadOptions.parse(
                        new String[] {"--data", out.resolve("kafka-data").toString()}, home);
        BrokerLauncher launcher = new BrokerLauncher(home, out, load);
        try (Broker kafka = launcher.launch("kafka")) {
            fill(kafka.bootstrapServer(), ONE, 1);
            run(server, kafka);
        } finally {
            launcher.deleteData();
        }
    }

    private void fill(String bootstrapServer, String topic, int partitions) throws Exception {
        create(bootstrapServer, new NewTopic(topic, partitions, (short) 1));
        Properties configs = properties(bootstrapServer);
        configs.put("linger.ms", "5");
        byte[] value = new byte[recordSize];
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(
                        configs, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (int i = 0; i < records; i++) {
                producer.send(new ProducerRecord<>(topic, i % partitions, null, value));
            }
        }
    }

    private static Properties properties(String bootstrapServer) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrapServer);
        return properties;
    }

    private static void create(String bootstrapServer, NewTopic topic) throws Exception {
        try (Admin admin = Admin.create(properties(bootstrapServer))) {
            admin.createTopics(List.of(topic)).all().get();
        }
    }

    private void run(HeadraceProcess server, @Nullable Broker kafka) throws Exception {
        int count = options.number("--rounds", 10, 1);
        int warmUp = options.number("--warm-up", 12, 0);
        for (int round = 0; round < warmUp + count; round++) {
            boolean isPlainFirst = round % 2 == 1;
            Turn plain = isPlainFirst ? plain(server, round) : null;
            Turn share = share(server, round);
            if (plain == null) {
                plain = plain(server, round);
            }
            Turn ofKafka = kafka == null ? new Turn(0, 0) : kafka(kafka, round);
            Round done = new Round(plain, share, ofKafka);
            System.out.println((round < warmUp ? "warm-up " : "") + done);
            if (round >= warmUp) {
                rounds.add(done);
            }
        }
    }

    private Turn plain(HeadraceProcess server, int round) throws Exception {
        return consume(server, PLAIN, "plain-" + round, members);
    }

    /** A view of its own for each turn, as what a view has given it does not give again. */
    private Turn share(HeadraceProcess server, int round) throws Exception {
        String view = "view-" + round;
        String group = "share-" + round;
        create(
                server.bootstrapServer(),
                new NewTopic(view, lanes, (short) 1)
                        .configs(
                                Map.of(
                                        "headrace.view.type", "share",
                                        "headrace.view.topics", ONE,
                                        "headrace.view.group", group)));
        return consume(server, view, group, lanes);
    }

    private Turn consume(HeadraceProcess server, String topic, String group, int partitions)
            throws InterruptedException {
        Members consumers =
                new Members(server.bootstrapServer(), topic, group, consumerConfigs, records);
        double[] cpuBefore = new double[1];
        Members.Result result =
                consumers.consume(members, partitions, () -> cpuBefore[0] = server.cpuSeconds());
        return turn(result, server::cpuSeconds, cpuBefore[0]);
    }

    private Turn kafka(Broker kafka, int round) throws Exception {
        String group = "share-" + round;
        try (Admin admin = Admin.create(properties(kafka.bootstrapServer()))) {
            ConfigEntry earliest = new ConfigEntry("share.auto.offset.reset", "earliest");
            admin.incrementalAlterConfigs(
                            Map.of(
                                    new ConfigResource(ConfigResource.Type.GROUP, group),
                                    List.of(new AlterConfigOp(earliest, AlterConfigOp.OpType.SET))))
                    .all()
                    .get();
        }
        Map<String, String> configs = new HashMap<>(consumerConfigs);
        configs.remove("auto.offset.reset");
        Members consumers = new Members(kafka.bootstrapServer(), ONE, group, configs, records);
        double[] cpuBefore = new double[1];
        Members.Result result = consumers.share(members, () -> cpuBefore[0] = kafka.cpuSeconds());
        return turn(result, kafka::cpuSeconds, cpuBefore[0]);
    }

    private static Turn turn(Members.Result result, DoubleSupplier cpuSeconds, double before) {
        double cpu = cpuSeconds.getAsDouble() - before;
        return new Turn(result.records() / result.seconds(), cpu / (result.bytes() / 1e9));
    }

    private void report(Path home, Path out) throws IOException {
        StringBuilder text = new StringBuilder();
        line(text, "### share");
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
                "- %d rounds; %d members; %d records of %d bytes; %d lanes over 1 partition,"
                        + " plain %d partitions",
                rounds.size(),
                members,
                records,
                recordSize,
                lanes,
                members);
        line(text, "");
        line(text, "| | plain | share view | ratio (median, min–max) | Kafka's share group |");
        line(text, "|---|---|---|---|---|");
        row(text, "records/s", "%,.0f", Turn::perSecond);
        row(text, "server CPU s/GB", "%.2f", Turn::cpuPerGb);
        Files.writeString(out.resolve("share.md"), text);
        System.out.println("\n" + text);
    }

    private void row(
            StringBuilder text, String figure, String format, ToDoubleFunction<Turn> value) {
        line(
                text,
                "| %s | %s | %s | %s | %s |",
                figure,
                spread(round -> value.applyAsDouble(round.plain), format),
                spread(round -> value.applyAsDouble(round.share), format),
                spread(
                        round ->
                                value.applyAsDouble(round.share) / value.applyAsDouble(round.plain),
                        "%.2f"),
                spread(round -> value.applyAsDouble(round.kafka), format));
    }

    private String spread(ToDoubleFunction<Round> value, String format) {
        return Spread.of(rounds.stream().mapToDouble(value).toArray(), format);
    }

    private static void line(StringBuilder text, String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values)).append('\n');
    }
}
