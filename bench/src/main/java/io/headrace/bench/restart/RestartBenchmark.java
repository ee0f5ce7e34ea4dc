package io.headrace.bench.restart;

import io.headrace.bench.Folders;
import io.headrace.bench.HeadraceProcess;
import io.headrace.bench.Options;
import io.headrace.bench.Spread;
import io.headrace.bench.kafkaload.Machine;
import io.headrace.bench.wire.ProduceLoad;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * {@code bench/run restart}: fills a server's journal, kills the server while it is being written
 * to, and measures the time from the start of the next process to its first answered Metadata
 * request; again and again, with the page cache as the kill left it and without it.
 */
public final class RestartBenchmark {
    static final String USAGE =
            """
            usage: bench/run restart [OPTION VALUE ...]
              --data DIRECTORY   where the data folder is made; bench/results by default
              --mib N            of journal; 10240
              --partitions N     that it is written to; 16
              --record-size N    bytes of a record; 4096
              --rounds N         kills with the page cache kept, and as many with it dropped; 5
              --seconds N        of synced load before each kill; 5
              --set KEY=VALUE    setting of the server, may be repeated
            """;

    private static final int PORT = 19492;
    private static final int IN_FLIGHT = 16;
    private static final int SYNCED_IN_FLIGHT = 2;
    private static final int FILL_S = 5;
    private static final double FOR_EVER_S = 3600;
    private static final double MIB = 1 << 20;
    private static final Path DROP_CACHES = Path.of("/proc/sys/vm/drop_caches");

    /** Filled fast, which costs no sync; a kill takes nothing of it. */
    private static final String FILLED = "filled";

    /** Written to when the server is killed. */
    private static final String SYNCED = "synced";

    private final Options options;
    private final Path home;
    private final Path out;
    private final Path data;
    private final int partitions;
    private final int recordSize;

    private final List<Restart> restarts = new ArrayList<>();

    /** Records that were acknowledged to the clients of each topic. */
    private long filled;

    private long synced;

    /**
     * One of them.
     *
     * @param isCold whether the page cache was dropped
     * @param journalMib of journal files then
     */
    private record Restart(boolean isCold, double seconds, double cpuSeconds, double journalMib) {}

    private RestartBenchmark(Options options, Path home, Path out, Path data) {
        this.options = options;
        this.home = home;
        this.out = out;
        this.data = data;
        this.partitions = options.number("--partitions", 16, 1);
        this.recordSize = options.number("--record-size", 4096, 1);
    }

    /** Runs with the options that {@link #USAGE} describes. */
    public static void main(String[] arguments) throws Exception {
        Options options = new Options(Arrays.asList(arguments), USAGE);
        Path out = Path.of(System.getenv("BENCH_OUT"));
        Path data = Path.of(options.text("--data", out.toString())).resolve("restart-data");
        try {
            Folders.empty(data);
            new RestartBenchmark(options, Path.of(System.getenv("HEADRACE_HOME")), out, data).run();
        } finally {
            Folders.delete(data);
        }
    }

    private void run() throws Exception {
        HeadraceProcess server = start();
        try {
            createTopics(server.bootstrapServer());
            fill(server.bootstrapServer());
            for (int round = 1; round <= options.number("--rounds", 5, 1); round++) {
                for (boolean isCold :
                        mayDropCaches() ? new boolean[] {false, true} : new boolean[] {false}) {
                    killUnderLoad(server);
                    server = restart(isCold);
                }
            }
        } finally {
            server.close();
        }
        report();
    }

    private HeadraceProcess start() throws InterruptedException {
        List<String> settings = new ArrayList<>(List.of("headrace.admin.listener="));
        settings.addAll(options.all("--set"));
        return HeadraceProcess.start(
                home, out.resolve("server.log"), data, PORT, List.of(), settings);
    }

    private static boolean mayDropCaches() {
        return Files.isWritable(DROP_CACHES);
    }

    private void createTopics(String bootstrapServer)
            throws InterruptedException, ExecutionException {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrapServer))) {
            Map<String, String> unsynced = Map.of("flush.messages", String.valueOf(Long.MAX_VALUE));
            admin.createTopics(
                            List.of(
                                    new NewTopic(FILLED, partitions, (short) 1).configs(unsynced),
                                    new NewTopic(SYNCED, partitions, (short) 1)))
                    .all()
                    .get();
        }
    }

    private void fill(String bootstrapServer) throws IOException {
        double wanted = options.number("--mib", 10_240, 1) * MIB;
        try (ProduceLoad load =
                new ProduceLoad(bootstrapServer, FILLED, partitions, partitions, recordSize)) {
            while (load.answered() * (double) recordSize < wanted) {
                load.keepUnderWay(IN_FLIGHT, FILL_S);
            }
            filled = load.answered();
        }
    }

    private void killUnderLoad(HeadraceProcess server) throws Exception {
        try (ProduceLoad load =
                new ProduceLoad(
                        server.bootstrapServer(), SYNCED, partitions, partitions, recordSize)) {
            CompletableFuture<Void> ended =
                    CompletableFuture.runAsync(
                            () -> untilKilled(load), task -> new Thread(task, "load").start());
            TimeUnit.SECONDS.sleep(options.number("--seconds", 5, 1));
            if (ended.isDone()) {
                throw new IllegalStateException("the load ended before the kill");
            }
            server.kill();
            ended.get();
            synced += load.answered();
        }
    }

    private static void untilKilled(ProduceLoad load) {
        try {
            load.keepUnderWay(SYNCED_IN_FLIGHT, FOR_EVER_S);
        } catch (IOException e) {
            // The server is gone, as it should be.
        }
    }

    private HeadraceProcess restart(boolean isCold) throws Exception {
        double journalMib = Folders.bytes(data.resolve("journal")) / MIB;
        if (isCold) {
            new ProcessBuilder("sync").start().waitFor();
            Files.writeString(DROP_CACHES, "3\n");
        }
        HeadraceProcess server = start();
        Restart restart =
                new Restart(isCold, server.startSeconds(), server.cpuSeconds(), journalMib);
        restarts.add(restart);
        System.out.println(restart);
        requireAll(server.bootstrapServer(), FILLED, filled);
        requireAll(server.bootstrapServer(), SYNCED, synced);
        return server;
    }

    /** As many records as were acknowledged, or some more; the last of each partition is read. */
    private void requireAll(String bootstrapServer, String topic, long acknowledged) {
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(
                        Map.of("bootstrap.servers", bootstrapServer, "auto.offset.reset", "none"),
                        new ByteArrayDeserializer(),
                        new ByteArrayDeserializer())) {
            List<TopicPartition> all = new ArrayList<>();
            for (int partition = 0; partition < partitions; partition++) {
                all.add(new TopicPartition(topic, partition));
            }
            Map<TopicPartition, Long> ends = consumer.endOffsets(all);
            long found = ends.values().stream().mapToLong(Long::longValue).sum();
            if (found < acknowledged) {
                throw new IllegalStateException(
                        "lost: topic=%s acknowledged=%d found=%d"
                                .formatted(topic, acknowledged, found));
            }
            for (Map.Entry<TopicPartition, Long> end : ends.entrySet()) {
                requireRecord(consumer, end.getKey(), end.getValue() - 1);
            }
        }
    }

    private void requireRecord(
            KafkaConsumer<byte[], byte[]> consumer, TopicPartition partition, long offset) {
        if (offset < 0) {
            return;
        }
        consumer.assign(List.of(partition));
        consumer.seek(partition, offset);
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(30))) {
            if (record.offset() == offset && record.value().length == recordSize) {
                return;
            }
        }
        throw new IllegalStateException("not read: partition=" + partition + " offset=" + offset);
    }

    private void report() throws IOException {
        StringBuilder text = new StringBuilder();
        line(text, "### restart");
        line(text, "");
        line(text, "- Command: `%s`", System.getenv("BENCH_COMMAND"));
        line(text, "- Headrace %s", Machine.gitRevision(home));
        line(
                text,
                "- Hardware: %s; load averages at the end: %s",
                Machine.hardware(),
                Machine.load());
        line(text, "- JDK: %s", Machine.jdk());
        line(text, "- Records filled in: %d of %d bytes", filled, recordSize);
        line(text, "");
        line(
                text,
                "| page cache | restarts | journal, MiB | first answer, s | CPU until then, s |");
        line(text, "|---|---|---|---|---|");
        for (boolean isCold : new boolean[] {false, true}) {
            List<Restart> of = restarts.stream().filter(each -> each.isCold == isCold).toList();
            if (!of.isEmpty()) {
                line(
                        text,
                        "| %s | %d | %.0f | %s | %s |",
                        isCold ? "dropped" : "kept",
                        of.size(),
                        of.get(of.size() - 1).journalMib,
                        Spread.of(of.stream().mapToDouble(Restart::seconds).toArray(), "%.2f"),
                        Spread.of(of.stream().mapToDouble(Restart::cpuSeconds).toArray(), "%.2f"));
            }
        }
        Files.writeString(out.resolve("restart.md"), text);
        System.out.println("\n" + text);
    }

    private static void line(StringBuilder text, String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values)).append('\n');
    }
}
