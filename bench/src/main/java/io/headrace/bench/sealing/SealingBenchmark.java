package io.headrace.bench.sealing;

import io.headrace.bench.Folders;
import io.headrace.bench.Options;
import io.headrace.bench.kafkaload.Machine;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;

/**
 * {@code bench/run sealing}: reads single topics of thousands from disk before their journal files
 * are sealed and after; then appends under a sync to each, with a reader at the tail, with nothing
 * to seal and while sealing runs, in turns.
 */
public final class SealingBenchmark {
    static final String USAGE =
            """
            bench/run sealing [OPTION VALUE ...]
              --data DIRECTORY   where the data folders are made; bench/results by default
              --topics N         interleaved topics; 10000
              --mib N            of their records; 256
              --sample N         topics that are read; 50
              --turns N          of producing without and with sealing; 10
              --seconds N        of each; 8
            """;

    private static final int BATCH_LENGTH = 1024;
    private static final int FILLING_LENGTH = 64 * 1024;
    private static final int PRODUCERS = 4;
    private static final double MIB = 1 << 20;
    private static final Path DROP_CACHES = Path.of("/proc/sys/vm/drop_caches");

    private final Options options;
    private final Path data;
    private final StringBuilder report = new StringBuilder();

    private SealingBenchmark(Options options, Path data) {
        this.options = options;
        this.data = data;
    }

    /** Runs with the options that {@link #USAGE} describes. */
    public static void main(String[] arguments) throws Exception {
        Options options = new Options(Arrays.asList(arguments), USAGE);
        Path out = Path.of(System.getenv("BENCH_OUT"));
        Path data = Path.of(options.text("--data", out.toString())).resolve("sealing-data");
        SealingBenchmark benchmark = new SealingBenchmark(options, data);
        try {
            benchmark.run();
        } finally {
            Folders.delete(data);
        }
        System.out.print(benchmark.report);
        Files.writeString(out.resolve("sealing.md"), benchmark.report);
    }

    private void run() throws Exception {
        line("%s; %s; load %s", Machine.hardware(), Machine.jdk(), Machine.load());
        line("Command: `%s`", System.getenv("BENCH_COMMAND"));
        line("");
        measureReads();
        measureCost();
    }

    private void line(String format, Object... values) {
        report.append(String.format(Locale.ROOT, format, values)).append('\n');
    }

    private void measureReads() throws Exception {
        Folders.empty(data);
        int topics = options.number("--topics", 10_000, 1);
        long bytes = options.number("--mib", 256, 1) * (long) MIB;
        try (BenchEngine engine = new BenchEngine(data)) {
            fill(engine, engine.create("kept", topics, false), bytes);
        }
        Reads before = readSample(topics);
        try (BenchEngine engine = new BenchEngine(data)) {
            deleteFilling(engine);
            awaitSealed(engine);
            line(
                    "Sealing: read %.0f MiB, wrote %.0f MiB, index %.1f MiB, segments %d",
                    engine.metric("headrace_sealing_read_bytes_total") / MIB,
                    engine.metric("headrace_sealing_written_bytes_total") / MIB,
                    engine.metric("headrace_sealing_index_bytes_total") / MIB,
                    engine.metric("headrace_segments"));
        }
        Reads after = readSample(topics);
        line("");
        line("| one of %d topics, page cache %s | ms per topic, median | p90 |", topics, dropped());
        line("|---|---|---|");
        line("| before sealing | %.2f | %.2f |", before.ms(50), before.ms(90));
        line("| after | %.2f | %.2f |", after.ms(50), after.ms(90));
        line("| ratio | %.1f | %.1f |", before.ms(50) / after.ms(50), before.ms(90) / after.ms(90));
        line("");
    }

    /** Batches in turn to all topics, with as many bytes and more that will be deleted between. */
    private static void fill(BenchEngine engine, List<Topic> topics, long bytes) throws Exception {
        engine.create("filling", 1, false);
        PartitionLog filling = engine.log("filling-0");
        ByteBuffer batch = BenchEngine.batch(BATCH_LENGTH);
        ByteBuffer dead = BenchEngine.batch(FILLING_LENGTH);
        long written = 0;
        long deadWritten = 0;
        for (int i = 0; written < bytes; i++) {
            Topic topic = topics.get(i % topics.size());
            BenchEngine.append(engine.log(topic.name()), batch);
            written += batch.remaining();
            if (deadWritten < written + written / 4) {
                BenchEngine.append(filling, dead);
                deadWritten += dead.remaining();
            }
        }
    }

    private static void deleteFilling(BenchEngine engine) throws Exception {
        Topic filling = engine.engine.catalog().find("filling-0");
        engine.engine.catalog().delete(List.of(filling.id())).get();
    }

    /** Until nothing was read or written for a while. */
    private static void awaitSealed(BenchEngine engine) {
        long before = -1;
        long now = 0;
        while (now != before || now == 0) {
            before = now;
            LockSupport.parkNanos(5_000_000_000L);
            now =
                    engine.metric("headrace_sealing_read_bytes_total")
                            + engine.metric("headrace_sealing_written_bytes_total");
        }
    }

    private record Reads(Histogram ns) {
        double ms(double percentile) {
            return ns.getValueAtPercentile(percentile) / 1e6;
        }
    }

    private Reads readSample(int topics) throws IOException {
        int sample = Math.min(topics, options.number("--sample", 50, 1));
        Histogram ns = new Histogram(3);
        try (BenchEngine engine = new BenchEngine(data)) {
            dropCaches();
            for (int i = 0; i < sample; i++) {
                PartitionLog log = engine.log("kept-" + (long) i * topics / sample);
                long start = System.nanoTime();
                BenchEngine.readAll(log);
                ns.recordValue(System.nanoTime() - start);
            }
        }
        return new Reads(ns);
    }

    private static String dropped() {
        return Files.isWritable(DROP_CACHES) ? "dropped" : "not dropped";
    }

    private static void dropCaches() throws IOException {
        if (Files.isWritable(DROP_CACHES)) {
            Files.writeString(DROP_CACHES, "1\n");
        }
    }

    private record Produced(double perSecond, double tailP99Ms) {}

    private void measureCost() throws Exception {
        int turns = options.number("--turns", 10, 1);
        List<Double> throughput = new ArrayList<>();
        List<Double> tail = new ArrayList<>();
        line("| turn | produces/s without | with | ratio | tail p99 ms without | with | ratio |");
        line("|---|---|---|---|---|---|---|");
        for (int turn = 1; turn <= turns; turn++) {
            Folders.empty(data);
            Produced without;
            Produced with;
            try (BenchEngine engine = new BenchEngine(data)) {
                long bytes = options.number("--mib", 256, 1) * (long) MIB;
                fill(engine, engine.create("kept", 1000, false), bytes);
                engine.create("live", PRODUCERS, true);
                without = produce(engine);
                deleteFilling(engine);
                while (engine.metric("headrace_sealing_read_bytes_total") == 0) {
                    LockSupport.parkNanos(1_000_000);
                }
                with = produce(engine);
            }
            throughput.add(with.perSecond / without.perSecond);
            tail.add(with.tailP99Ms / without.tailP99Ms);
            line(
                    "| %d | %.0f | %.0f | %.2f | %.2f | %.2f | %.2f |",
                    turn,
                    without.perSecond,
                    with.perSecond,
                    with.perSecond / without.perSecond,
                    without.tailP99Ms,
                    with.tailP99Ms,
                    with.tailP99Ms / without.tailP99Ms);
        }
        line("");
        line("Throughput while sealing: %s. Tail p99: %s.", spread(throughput), spread(tail));
    }

    private static String spread(List<Double> ratios) {
        List<Double> sorted = ratios.stream().sorted().toList();
        return String.format(
                Locale.ROOT,
                "× %.2f (%.2f to %.2f)",
                sorted.get(sorted.size() / 2),
                sorted.get(0),
                sorted.get(sorted.size() - 1));
    }

    /** Each producer waits for its acknowledgement; that is when a reader at the tail sees it. */
    private Produced produce(BenchEngine engine) throws InterruptedException {
        int seconds = options.number("--seconds", 8, 1);
        long end = System.nanoTime() + seconds * 1_000_000_000L;
        List<Histogram> histograms = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < PRODUCERS; i++) {
            PartitionLog log = engine.log("live-" + i);
            Histogram ns = new Histogram(3);
            histograms.add(ns);
            threads.add(new Thread(() -> produce(log, ns, end), "producer-" + i));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        Histogram all = new Histogram(3);
        histograms.forEach(all::add);
        return new Produced(
                all.getTotalCount() / (double) seconds, all.getValueAtPercentile(99) / 1e6);
    }

    private static void produce(PartitionLog log, Histogram ns, long end) {
        ByteBuffer batch = BenchEngine.batch(BATCH_LENGTH);
        while (System.nanoTime() < end) {
            long start = System.nanoTime();
            long offset = BenchEngine.append(log, batch);
            CompletableFuture<Void> seen = new CompletableFuture<>();
            log.onHighWatermark(offset + 1, () -> seen.complete(null));
            seen.join();
            ns.recordValue(System.nanoTime() - start);
        }
    }
}
