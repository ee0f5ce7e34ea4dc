package io.headrace.bench.sealing;

import io.headrace.bench.Folders;
import io.headrace.bench.Options;
import io.headrace.bench.Spread;
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
import java.util.concurrent.atomic.AtomicBoolean;
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
              --seconds N        of each, at most; with sealing until that is done; 8
              --cycle-mib N      length of a journal file; 128
            """;

    private static final int BATCH_LENGTH = 1024;
    private static final int FILLING_LENGTH = 64 * 1024;
    private static final int PRODUCERS = 4;
    private static final int WARM_UP_S = 5;
    private static final long SEALING_PATIENCE_NS = 60_000_000_000L;

    /** Sealing that has not moved anything for so long has nothing to do. */
    private static final long STILL_NS = 5_000_000_000L;

    private static final long LOOK_NS = 100_000_000;

    /** Between two pieces of its work sealing is held back by its limit, for less than this. */
    private static final long LULL_NS = 1_000_000_000;

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

    private BenchEngine engine() {
        return new BenchEngine(data, options.number("--cycle-mib", 128, 1) << 20);
    }

    private void line(String format, Object... values) {
        report.append(String.format(Locale.ROOT, format, values)).append('\n');
    }

    private void measureReads() throws Exception {
        Folders.empty(data);
        int topics = options.number("--topics", 10_000, 1);
        long bytes = options.number("--mib", 256, 1) * (long) MIB;
        try (BenchEngine engine = engine()) {
            fill(engine, engine.create("kept", topics, false), bytes);
        }
        Reads before = readSample(topics);
        try (BenchEngine engine = engine()) {
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
        engine.engine.catalog().delete(List.of(engine.topic("filling-0").id())).get();
    }

    private static long sealedBytes(BenchEngine engine) {
        return engine.metric("headrace_sealing_read_bytes_total")
                + engine.metric("headrace_sealing_written_bytes_total");
    }

    private static void awaitSealing(BenchEngine engine) {
        long deadlineNs = System.nanoTime() + SEALING_PATIENCE_NS;
        while (sealedBytes(engine) == 0) {
            if (System.nanoTime() > deadlineNs) {
                throw new IllegalStateException(
                        "nothing is sealed: fewer than four journal files are half dead");
            }
            LockSupport.parkNanos(1_000_000);
        }
    }

    private static void awaitSealed(BenchEngine engine) {
        awaitSealing(engine);
        long before = -1;
        while (before != sealedBytes(engine)) {
            before = sealedBytes(engine);
            LockSupport.parkNanos(STILL_NS);
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
        try (BenchEngine engine = engine()) {
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

    /**
     * What producers and readers saw.
     *
     * @param sealing the share of the time in which sealing moved something
     */
    private record Produced(double perSecond, double tailP99Ms, double sealing) {}

    private void measureCost() throws Exception {
        int turns = options.number("--turns", 10, 1);
        List<Double> throughput = new ArrayList<>();
        List<Double> tail = new ArrayList<>();
        line(
                "| turn | produces/s without | with | ratio | tail p99 ms without | with | ratio |"
                        + " sealing at work |");
        line("|---|---|---|---|---|---|---|---|");
        for (int turn = 1; turn <= turns; turn++) {
            Produced[] measured = measureTurn(turn % 2 == 1);
            Produced without = measured[0];
            Produced with = measured[1];
            throughput.add(with.perSecond / without.perSecond);
            tail.add(with.tailP99Ms / without.tailP99Ms);
            line(
                    "| %d | %.0f | %.0f | %.2f | %.2f | %.2f | %.2f | %.0f %% |",
                    turn,
                    without.perSecond,
                    with.perSecond,
                    with.perSecond / without.perSecond,
                    without.tailP99Ms,
                    with.tailP99Ms,
                    with.tailP99Ms / without.tailP99Ms,
                    with.sealing * 100);
        }
        line("");
        line("Throughput while sealing: %s. Tail p99: %s.", spread(throughput), spread(tail));
    }

    /** Without and with, over a fresh folder; in either order, as what is warm gets faster. */
    private Produced[] measureTurn(boolean isWithoutFirst) throws Exception {
        Folders.empty(data);
        try (BenchEngine engine = engine()) {
            long bytes = options.number("--mib", 256, 1) * (long) MIB;
            fill(engine, engine.create("kept", 1000, false), bytes);
            engine.create("live", PRODUCERS, true);
            produce(engine, WARM_UP_S, false); // what was filled in is on disk then, too
            int seconds = options.number("--seconds", 8, 1);
            Produced without = null;
            if (isWithoutFirst) {
                without = produce(engine, seconds, false);
            }
            deleteFilling(engine);
            awaitSealing(engine);
            Produced with = produce(engine, seconds, true);
            if (without == null) {
                awaitSealed(engine);
                without = produce(engine, seconds, false);
            }
            return new Produced[] {without, with};
        }
    }

    private static String spread(List<Double> ratios) {
        return "× " + Spread.of(ratios.stream().mapToDouble(each -> each).toArray(), "%.2f");
    }

    /**
     * Each producer appends a batch, waits for the sync as a reader at the tail does, and reads it.
     *
     * @param untilSealed whether to end as soon as sealing has nothing to do
     */
    private static Produced produce(BenchEngine engine, int seconds, boolean untilSealed)
            throws InterruptedException {
        AtomicBoolean isOver = new AtomicBoolean();
        List<Histogram> histograms = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        long startNs = System.nanoTime();
        for (int i = 0; i < PRODUCERS; i++) {
            PartitionLog log = engine.log("live-" + i);
            Histogram ns = new Histogram(3);
            histograms.add(ns);
            threads.add(new Thread(() -> produce(log, ns, isOver), "producer-" + i));
        }
        threads.forEach(Thread::start);
        double sealing = watch(engine, startNs + seconds * 1_000_000_000L, untilSealed);
        isOver.set(true);
        for (Thread thread : threads) {
            thread.join();
        }
        double took = (System.nanoTime() - startNs) / 1e9;
        Histogram all = new Histogram(3);
        histograms.forEach(all::add);
        return new Produced(
                all.getTotalCount() / took, all.getValueAtPercentile(99) / 1e6, sealing);
    }

    /** Returns at the end with the share of the time in which sealing moved something. */
    private static double watch(BenchEngine engine, long endNs, boolean untilSealed) {
        long looks = 0;
        long moving = 0;
        long bytes = sealedBytes(engine);
        long movedNs = System.nanoTime();
        while (System.nanoTime() < endNs
                && !(untilSealed && System.nanoTime() - movedNs > LULL_NS)) {
            LockSupport.parkNanos(LOOK_NS);
            looks++;
            if (sealedBytes(engine) != bytes) {
                bytes = sealedBytes(engine);
                movedNs = System.nanoTime();
                moving++;
            }
        }
        return looks == 0 ? 0 : (double) moving / looks;
    }

    private static void produce(PartitionLog log, Histogram ns, AtomicBoolean isOver) {
        ByteBuffer batch = BenchEngine.batch(BATCH_LENGTH);
        while (!isOver.get()) {
            long start = System.nanoTime();
            long offset = BenchEngine.append(log, batch);
            CompletableFuture<Void> seen = new CompletableFuture<>();
            log.onHighWatermark(offset + 1, () -> seen.complete(null));
            seen.join();
            BenchEngine.readOne(log, offset);
            ns.recordValue(System.nanoTime() - start);
        }
    }
}
