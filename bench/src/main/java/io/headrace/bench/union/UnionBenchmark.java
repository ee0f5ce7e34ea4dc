package io.headrace.bench.union;

import io.headrace.bench.Folders;
import io.headrace.bench.HeadraceProcess;
import io.headrace.bench.Options;
import io.headrace.bench.kafkaload.Machine;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.LongSerializer;

/**
 * {@code bench/run union}: many topics, a union over them, and one consumer. Measured are the time
 * from the call of {@code send} to {@code poll}'s return, the same for topics that are made a
 * moment before, and how long a new union takes to have what there is.
 */
public final class UnionBenchmark {
    private static final String USAGE =
            """
            usage: bench/run union [OPTION VALUE ...]
              --data DIRECTORY    where the data folder is made; bench/results by default
              --topics N          below the union; 100000
              --live N            of them that are produced to; 1000
              --records N         that are produced, one by one; 10000
              --rate N            records in a second; 1000
              --new N             topics that are made while it is read; 50
              --bulk N            records of 1 KB in ten topics that a union is made over; 500000
              --set KEY=VALUE     setting of the server, may be repeated
            """;

    private static final int PORT = 19396;
    private static final int PER_REQUEST = 1000;
    private static final int BULK_TOPICS = 10;
    private static final int BULK_LENGTH = 1000;
    private static final long PATIENCE_S = 600;

    private final String bootstrapServer;
    private final Admin admin;
    private final StringBuilder text = new StringBuilder("### union\n\n");

    private UnionBenchmark(String bootstrapServer, Admin admin) {
        this.bootstrapServer = bootstrapServer;
        this.admin = admin;
    }

    /** Runs with the options that {@link #USAGE} describes. */
    public static void main(String[] arguments) throws Exception {
        Options options = new Options(Arrays.asList(arguments), USAGE);
        Path out = Path.of(System.getenv("BENCH_OUT"));
        Path data = Path.of(options.text("--data", out.toString())).resolve("union-data");
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
                                settings);
                Admin admin = Admin.create(configs(server.bootstrapServer()))) {
            UnionBenchmark benchmark = new UnionBenchmark(server.bootstrapServer(), admin);
            benchmark.line("- Command: `%s`", System.getenv("BENCH_COMMAND"));
            benchmark.line("- Headrace %s", Machine.gitRevision(home));
            benchmark.line("- JDK: %s", Machine.jdk());
            benchmark.run(options, server);
            benchmark.line(
                    "- %s; load averages at the end: %s",
                    Machine.hardware(), Files.readString(Path.of("/proc/loadavg")).trim());
            Files.writeString(out.resolve("report.md"), benchmark.text);
        } finally {
            Folders.delete(data);
        }
    }

    private void line(String format, Object... arguments) {
        String line = String.format(Locale.ROOT, format, arguments);
        text.append(line).append('\n');
        System.out.println(line);
    }

    private static Properties configs(String bootstrapServer) {
        Properties configs = new Properties();
        configs.put("bootstrap.servers", bootstrapServer);
        return configs;
    }

    private static String topic(int number) {
        return "agents.%06d.status".formatted(number);
    }

    private void run(Options options, HeadraceProcess server) throws Exception {
        int topics = options.number("--topics", 100_000, 1);
        int live = Math.min(topics, options.number("--live", 1000, 1));
        long beganNs = System.nanoTime();
        createTopics(topics);
        line("- %d topics created in %.1f s", topics, seconds(beganNs));
        createUnion("all", "agents.*.status");
        try (KafkaProducer<Long, Long> producer = producer();
                KafkaConsumer<Long, Long> consumer = consumer("all")) {
            warm(producer, consumer, live);
            double[] delays =
                    steady(
                            producer,
                            consumer,
                            live,
                            options.number("--records", 10_000, 1),
                            options.number("--rate", 1000, 1));
            report("from send to poll, ms", delays);
            report("of a new topic, from send to poll, ms", made(producer, consumer, options));
        }
        long count = end("all");
        double tookS = timed("later", "agents.*.status", count);
        line("- a new union over all topics has the %d records there are in %.2f s", count, tookS);
        int bulk = options.number("--bulk", 500_000, 1);
        produceBulk(bulk);
        tookS = timed("bulky", "bulk.*", bulk);
        line(
                "- a new union over %d topics has %d records of 1 KB in %.2f s: %.0f MB/s",
                BULK_TOPICS, bulk, tookS, bulk / 1e6 * BULK_LENGTH / tookS);
        line("- server: %.1f s of CPU, %d MiB", server.cpuSeconds(), server.residentBytes() >> 20);
    }

    /** Makes a union, and waits until it has so many records; in seconds. */
    private double timed(String name, String pattern, long count) throws Exception {
        long beganNs = System.nanoTime();
        createUnion(name, pattern);
        while (end(name) < count) {
            LockSupport.parkNanos(5_000_000);
        }
        return seconds(beganNs);
    }

    private void produceBulk(int count) {
        Properties configs = configs(bootstrapServer);
        configs.put("linger.ms", "20");
        configs.put("batch.size", "100000");
        byte[] value = new byte[BULK_LENGTH];
        try (KafkaProducer<Long, byte[]> producer =
                new KafkaProducer<>(configs, new LongSerializer(), new ByteArraySerializer())) {
            for (int i = 0; i < count; i++) {
                producer.send(new ProducerRecord<>("bulk." + i % BULK_TOPICS, 0, null, value));
            }
        }
    }

    private static double seconds(long sinceNs) {
        return (System.nanoTime() - sinceNs) / 1e9;
    }

    private void createTopics(int count) throws Exception {
        for (int from = 0; from < count; from += PER_REQUEST) {
            List<NewTopic> topics = new ArrayList<>();
            for (int i = from; i < Math.min(count, from + PER_REQUEST); i++) {
                topics.add(new NewTopic(topic(i), 1, (short) 1));
            }
            admin.createTopics(topics).all().get(PATIENCE_S, TimeUnit.SECONDS);
        }
    }

    private void createUnion(String name, String pattern) throws Exception {
        Map<String, String> configs =
                Map.of("headrace.view.type", "union", "headrace.view.topics", pattern);
        admin.createTopics(List.of(new NewTopic(name, 1, (short) 1).configs(configs)))
                .all()
                .get(PATIENCE_S, TimeUnit.SECONDS);
    }

    private KafkaProducer<Long, Long> producer() {
        Properties configs = configs(bootstrapServer);
        configs.put("linger.ms", "0");
        return new KafkaProducer<>(configs, new LongSerializer(), new LongSerializer());
    }

    private KafkaConsumer<Long, Long> consumer(String topic) {
        KafkaConsumer<Long, Long> consumer =
                new KafkaConsumer<>(
                        configs(bootstrapServer), new LongDeserializer(), new LongDeserializer());
        TopicPartition partition = new TopicPartition(topic, 0);
        consumer.assign(List.of(partition));
        consumer.seek(partition, 0);
        return consumer;
    }

    private long end(String topic) {
        try (KafkaConsumer<Long, Long> consumer = consumer(topic)) {
            return consumer.endOffsets(consumer.assignment()).values().iterator().next();
        }
    }

    /** A record to each of the live topics, which the producer has to get to know. */
    private static void warm(
            KafkaProducer<Long, Long> producer, KafkaConsumer<Long, Long> consumer, int live) {
        for (int i = 0; i < live; i++) {
            producer.send(new ProducerRecord<>(topic(i), System.nanoTime()));
        }
        for (int received = 0; received < live; ) {
            received += consumer.poll(Duration.ofMillis(100)).count();
        }
    }

    private static double[] steady(
            KafkaProducer<Long, Long> producer,
            KafkaConsumer<Long, Long> consumer,
            int live,
            int count,
            int rate)
            throws InterruptedException {
        Thread sender =
                new Thread(
                        () -> {
                            Random random = new Random(1);
                            long beganNs = System.nanoTime();
                            for (int i = 0; i < count; i++) {
                                long dueNs = beganNs + i * 1_000_000_000L / rate;
                                LockSupport.parkNanos(dueNs - System.nanoTime());
                                String topic = topic(random.nextInt(live));
                                producer.send(new ProducerRecord<>(topic, System.nanoTime()));
                            }
                        });
        sender.start();
        double[] delays = new double[count];
        for (int received = 0; received < count; ) {
            for (ConsumerRecord<Long, Long> record : consumer.poll(Duration.ofMillis(100))) {
                delays[received++] = (System.nanoTime() - record.value()) / 1e6;
            }
        }
        sender.join();
        return delays;
    }

    /** Topics that are made one after the other, each produced to at once. */
    private double[] made(
            KafkaProducer<Long, Long> producer, KafkaConsumer<Long, Long> consumer, Options options)
            throws Exception {
        double[] delays = new double[options.number("--new", 50, 1)];
        for (int i = 0; i < delays.length; i++) {
            String name = "agents.new-" + i + ".status";
            admin.createTopics(List.of(new NewTopic(name, 1, (short) 1)))
                    .all()
                    .get(PATIENCE_S, TimeUnit.SECONDS);
            producer.send(new ProducerRecord<>(name, System.nanoTime()));
            delays[i] = -1;
            while (delays[i] < 0) {
                for (ConsumerRecord<Long, Long> record : consumer.poll(Duration.ofMillis(100))) {
                    delays[i] = (System.nanoTime() - record.value()) / 1e6;
                }
            }
        }
        return delays;
    }

    private void report(String what, double[] delays) {
        double[] sorted = delays.clone();
        Arrays.sort(sorted);
        line(
                "- %s: median %.1f, p99 %.1f, greatest %.1f (%d)",
                what,
                sorted[sorted.length / 2],
                sorted[(int) (sorted.length * 0.99)],
                sorted[sorted.length - 1],
                sorted.length);
    }
}
