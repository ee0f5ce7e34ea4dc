package io.headrace.bench.sources;

import io.headrace.bench.HeadraceProcess;
import io.headrace.bench.kafkaload.Broker;
import io.headrace.bench.kafkaload.BrokerLauncher;
import io.headrace.bench.kafkaload.LoadOptions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.DoubleSupplier;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Epochs from a warm cache, against Apache Kafka serving the same records from its page cache: in
 * turns, both servers running, the CPU of each measured while it serves.
 */
final class WarmPart implements Part {
    private static final String TOPIC = "warm";
    private static final double SHARE_OF_CACHE = 0.6;

    @Override
    public Table measure(Workbench bench) throws Exception {
        Table table =
                new Table(
                        "Warm, against Apache Kafka",
                        "One stock consumer, one partition, lines of 1 KB; median (least–greatest)"
                                + " of the rounds, after a warm-up. Kafka has the same records in"
                                + " batches of 64 KiB, uncompressed, in its page cache.",
                        "server",
                        "MB/s",
                        "wait p99, ms",
                        "broker CPU s/GB");
        LoadOptions kafkaOptions =
                LoadOptions.parse(
                        new String[] {"--data", bench.emptyFolder("kafka-data").toString()},
                        bench.home);
        BrokerLauncher launcher = new BrokerLauncher(bench.home, bench.out, kafkaOptions);
        try (SlowS3 s3 = bench.openS3()) {
            int bytes = (int) (bench.options.scaledCacheBytes() * SHARE_OF_CACHE);
            Dataset dataset = Dataset.lines(s3, TOPIC, 1, bytes);
            try (HeadraceProcess headrace = bench.launch(s3, List.of());
                    Broker kafka = launcher.launch("kafka");
                    EpochReader reader = bench.reader(headrace.bootstrapServer(), TOPIC, 1);
                    EpochReader peer = bench.reader(kafka.bootstrapServer(), TOPIC, 1)) {
                Topics.create(headrace.bootstrapServer(), dataset, 1);
                kafka.createTopic(TOPIC);
                copy(reader, dataset, kafka);
                Contestant ours = new Contestant("Headrace", reader, headrace::cpuSeconds);
                Contestant theirs = new Contestant(kafka.version(), peer, kafka::cpuSeconds);
                compare(List.of(ours, theirs), dataset, bench.options.rounds());
                ours.row(table);
                theirs.row(table);
                table.remark(
                        "Ratio Headrace ÷ Kafka: MB/s %.2f, broker CPU per GB %.2f.",
                        ours.median(ours.rates) / theirs.median(theirs.rates),
                        ours.median(ours.cpuPerGb) / theirs.median(theirs.cpuPerGb));
            }
        } finally {
            launcher.deleteData();
        }
        return table;
    }

    /** The cold epoch, whose records go to Kafka too. */
    private static void copy(EpochReader from, Dataset dataset, Broker to)
            throws ExecutionException, InterruptedException {
        Map<String, Object> config =
                Map.of(
                        "bootstrap.servers",
                        to.bootstrapServer(),
                        "batch.size",
                        64 << 10,
                        "linger.ms",
                        5,
                        "key.serializer",
                        ByteArraySerializer.class,
                        "value.serializer",
                        ByteArraySerializer.class);
        AtomicReference<Exception> failure = new AtomicReference<>();
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(config)) {
            from.epoch(
                    dataset.recordCount(),
                    Long.MAX_VALUE,
                    record ->
                            producer.send(
                                    new ProducerRecord<>(TOPIC, record.value()),
                                    (metadata, failed) -> failure.compareAndSet(null, failed)));
        }
        if (failure.get() != null) {
            throw new ExecutionException(failure.get());
        }
    }

    private static void compare(List<Contestant> contestants, Dataset dataset, int rounds) {
        contestants.forEach(contestant -> contestant.reader.epoch(dataset.recordCount()));
        for (int round = 0; round < rounds; round++) {
            for (int i = 0; i < contestants.size(); i++) {
                contestants.get((i + round) % contestants.size()).turn(dataset);
            }
        }
    }

    /** A server, and what its turns gave. */
    private static final class Contestant {
        private final String name;
        private final EpochReader reader;
        private final DoubleSupplier cpuSeconds;
        final List<Double> rates = new ArrayList<>();
        final List<Double> waits = new ArrayList<>();
        final List<Double> cpuPerGb = new ArrayList<>();

        Contestant(String name, EpochReader reader, DoubleSupplier cpuSeconds) {
            this.name = name;
            this.reader = reader;
            this.cpuSeconds = cpuSeconds;
        }

        void turn(Dataset dataset) {
            double before = cpuSeconds.getAsDouble();
            EpochReader.Epoch epoch = reader.epoch(dataset.recordCount());
            rates.add(epoch.megabytesPerSecond());
            waits.add(epoch.waits().getValueAtPercentile(99) / 1e3);
            cpuPerGb.add((cpuSeconds.getAsDouble() - before) / (epoch.bytes() / 1e9));
        }

        void row(Table table) {
            table.row(name, spread(rates, "%.0f"), spread(waits, "%.2f"), spread(cpuPerGb, "%.2f"));
        }

        private String spread(List<Double> values, String format) {
            double[] sorted = sorted(values);
            return (format + " (" + format + "–" + format + ")")
                    .formatted(median(values), sorted[0], sorted[sorted.length - 1]);
        }

        double median(List<Double> values) {
            double[] sorted = sorted(values);
            return sorted[sorted.length / 2];
        }

        private static double[] sorted(List<Double> values) {
            double[] sorted = values.stream().mapToDouble(Double::doubleValue).toArray();
            Arrays.sort(sorted);
            return sorted;
        }
    }
}
