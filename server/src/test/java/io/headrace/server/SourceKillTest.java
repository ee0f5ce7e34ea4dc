package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.testing.LeakCheck;
import io.headrace.server.admin.Json;
import io.headrace.testing.s3.MeteredS3Proxy;
import io.headrace.testing.s3.Operation;
import io.headrace.testing.s3.S3Server;
import io.headrace.testing.s3.Traffic;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/**
 * Kills the server with SIGKILL while it lists and indexes tar shards and gzip files in S3, again
 * and again. Between the kills its RocksDB is lost, and objects come that sort before all others.
 * Whatever offset a stock consumer has been given means the same sample ever after; in the end it
 * reads every sample once, in order, with the right bytes.
 */
final class SourceKillTest {
    private static final int PARTITIONS = 2;
    private static final int SHARDS = 8;
    private static final int SAMPLES_PER_TAR = 30;

    /** So little that no dataset is read to its end before a kill. */
    private static final long BYTES_PER_SECOND = 2 << 20;

    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

    @RegisterExtension final LeakCheck leaks = new LeakCheck();

    @TempDir Path folder;

    private S3Server s3;
    private MeteredS3Proxy proxy;
    private int port;
    private int adminPort;
    private boolean isCreated;
    private final List<Growing> datasets = new ArrayList<>();

    /** A dataset that more shards are put into; those that come late have their places last. */
    private final class Growing {
        final SourceDataset dataset;
        private final boolean isTar;
        private int shardCount;

        /** Offsets behind the last records that consumers were given, by partition. */
        private final Map<Integer, Long> given = new HashMap<>();

        /** The same, by the consumer that reads now. */
        private volatile Map<Integer, Long> reading = Map.of();

        Growing(String name, String format, boolean isTar) throws IOException {
            this.isTar = isTar;
            dataset = SourceDataset.empty(name, format, PARTITIONS);
            for (int i = 0; i < SHARDS; i++) {
                put("shard-" + i);
            }
            datasets.add(this);
        }

        /** Reads what was given before, and further. */
        Void readUntil(RunningServer server, BooleanSupplier isOver) {
            try (Trainer trainer = new Trainer(server.bootstrapServers(), dataset, 500, 0)) {
                reading = new ConcurrentHashMap<>();
                trainer.readUntil(isOver, reading);
                reading.forEach((partition, next) -> given.merge(partition, next, Math::max));
            }
            return null;
        }

        /** What was given is there at once, before anything is indexed again. */
        void checkEndOffsets(RunningServer server) {
            if (given.isEmpty()) {
                return;
            }
            Map<Integer, Long> ends;
            try (Trainer trainer = new Trainer(server.bootstrapServers(), dataset, 500, 0)) {
                ends = trainer.endOffsets();
            }
            given.forEach(
                    (partition, next) ->
                            assertTrue(
                                    ends.get(partition) >= next,
                                    dataset.name() + ": given=" + given + " ends=" + ends));
        }

        void readToTheEnd(RunningServer server) {
            try (Trainer trainer = new Trainer(server.bootstrapServers(), dataset, 500, 0)) {
                trainer.epoch();
                for (int i = 0; i < PARTITIONS; i++) {
                    assertEquals(dataset.partitions().get(i).size(), trainer.endOffsets().get(i));
                }
            }
        }

        long givenCount() {
            return sum(given);
        }

        boolean isGiven(long count) {
            return sum(reading) >= count;
        }

        boolean isComplete() {
            return givenCount() == dataset.recordCount();
        }

        private static long sum(Map<Integer, Long> offsets) {
            return offsets.values().stream().mapToLong(next -> next).sum();
        }

        void put(String name) throws IOException {
            int number = shardCount++;
            Shard shard =
                    isTar ? Shard.tar(number, SAMPLES_PER_TAR) : Shard.gzipLines(number, 2_000);
            s3.put(dataset.name() + "/" + name + (isTar ? ".tar" : ".txt.gz"), shard.bytes());
            dataset.partitions().get(number % PARTITIONS).addAll(shard.values());
        }
    }

    @BeforeEach
    void open() throws Exception {
        s3 = new S3Server();
        proxy = MeteredS3Proxy.launch(s3.endpoint());
        proxy.shape().bandwidth(BYTES_PER_SECOND);
        port = RunningServer.freePort();
        adminPort = RunningServer.freePort();
        new Growing("pairs", "tar", true);
        new Growing("text", "lines", false);
    }

    @AfterEach
    void close() {
        proxy.close();
        s3.close();
    }

    @Test
    void offsetsKeepTheirSamplesThroughKills() throws Exception {
        long seed = Long.getLong("headrace.seed", System.nanoTime());
        System.out.println("headrace.seed=" + seed);
        Random random = new Random(seed);
        Traffic traffic = proxy.traffic();
        killWhen(() -> traffic.requests(Operation.LIST) > 1); // one is the probe of the store
        killWhenMoreIsGiven(random, () -> true);
        deleteRocksDb();
        putFirst("late-8");
        killWhenMoreIsGiven(random, this::isAllListed);
        deleteRocksDb();
        putFirst("late-6"); // before the other one, too
        proxy.shape().bandwidth(Long.MAX_VALUE);
        readToTheEnd();
    }

    /** Has the server run, and stock consumers read from the beginning, until it is time. */
    private void killWhen(BooleanSupplier isTime) throws Exception {
        AtomicBoolean isKilled = new AtomicBoolean();
        ExecutorService threads = Executors.newFixedThreadPool(datasets.size());
        try (RunningServer server = start()) {
            if (!isCreated) {
                create(server);
            }
            for (Growing each : datasets) {
                each.checkEndOffsets(server);
            }
            List<Future<?>> readers = new ArrayList<>();
            for (Growing each : datasets) {
                readers.add(threads.submit(() -> each.readUntil(server, isKilled::get)));
            }
            await(isTime);
            server.kill();
            isKilled.set(true);
            for (Future<?> reader : readers) {
                reader.get(60, TimeUnit.SECONDS);
            }
        } finally {
            isKilled.set(true);
            threads.shutdownNow();
        }
        assertFalse(datasets.stream().allMatch(Growing::isComplete), "killed too late");
    }

    private void create(RunningServer server) throws Exception {
        for (Growing each : datasets) {
            SourceServer.create(server.bootstrapServers(), each.dataset, Map.of());
        }
        isCreated = true;
    }

    private static void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() - deadline < 0, "not within 60 s");
            LockSupport.parkNanos(200_000);
        }
    }

    private void readToTheEnd() throws Exception {
        try (RunningServer server = start()) {
            for (Growing each : datasets) {
                each.checkEndOffsets(server);
                each.readToTheEnd(server);
            }
        }
    }

    /** Both datasets' consumers are given some records for the first time, fewer than a shard's. */
    private void killWhenMoreIsGiven(Random random, BooleanSupplier isTime) throws Exception {
        long[] before = datasets.stream().mapToLong(Growing::givenCount).toArray();
        int count = 1 + random.nextInt(SAMPLES_PER_TAR);
        killWhen(
                () ->
                        IntStream.range(0, before.length)
                                        .allMatch(i -> datasets.get(i).isGiven(before[i] + count))
                                && isTime.getAsBoolean());
        for (int i = 0; i < before.length; i++) {
            assertTrue(datasets.get(i).givenCount() > before[i]);
        }
    }

    private boolean isAllListed() {
        return datasets.stream().allMatch(this::isAllListed);
    }

    private boolean isAllListed(Growing each) {
        URI status =
                URI.create("http://127.0.0.1:" + adminPort + "/sources/" + each.dataset.name());
        try (InputStream in = status.toURL().openStream()) {
            return Json.parse(in.readAllBytes()).path("objectCount").asInt() >= each.shardCount;
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /** Puts objects that sort before all others. */
    private void putFirst(String name) throws IOException {
        for (Growing each : datasets) {
            each.put(name);
        }
    }

    private RunningServer start() throws IOException {
        Map<String, String> settings = new HashMap<>();
        settings.put("headrace.journal.cycle.bytes", Integer.toString(4 << 20));
        settings.put("headrace.disk.reserve.bytes", "0");
        settings.put("headrace.admin.listener", "127.0.0.1:" + adminPort);
        settings.put("headrace.memory.budget.bytes", Integer.toString(64 << 20));
        s3.config("", proxy.endpoint())
                .forEach((key, value) -> settings.put("headrace.store.s3." + key, value));
        return RunningServer.start(data(), port, settings);
    }

    private Path data() throws IOException {
        return Files.createDirectories(folder.resolve("data"));
    }

    private void deleteRocksDb() throws IOException {
        try (Stream<Path> files = Files.walk(data().resolve("rocksdb"))) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
