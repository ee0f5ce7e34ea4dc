package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.deleteFolder;
import static io.headrace.server.engine.TestEngine.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.journal.JournalScan;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.testing.FaultyDisk;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.opentest4j.AssertionFailedError;

/**
 * One bit of a data folder is turned while the server is down. Then the start is refused, or the
 * engine stops, or a read is, in words that name the file; or all is as it was. What was written is
 * served as it was written or not at all, and the partitions that have nothing in the damaged place
 * go on.
 */
class BitFlipTest {
    private static final long SEED = Long.getLong("headrace.seed", System.nanoTime());
    private static final int FLIPS = Integer.getInteger("headrace.flips", 120);

    /** Files of a kind, and whether the live metadata store is lost as well. */
    private enum Region {
        DATA_JOURNAL("journal/data-\\d+/\\d+/.*\\.cq4", false),
        DATA_JOURNAL_REPLAYED("journal/data-\\d+/\\d+/.*\\.cq4", true),
        METADATA_JOURNAL("journal/metadata/\\d+/.*\\.cq4", false),
        METADATA_JOURNAL_REPLAYED("journal/metadata/\\d+/.*\\.cq4", true),
        START_AND_END("journal/.*/(START|END)", false),
        START_AND_END_REPLAYED("journal/.*/(START|END)", true),
        SEGMENT("segments/.*\\.segment", false),
        TABLE("rocksdb/.*\\.sst", false),
        MANIFEST("rocksdb/MANIFEST.*", false),
        CURRENT("rocksdb/CURRENT", false),
        CHECKPOINT("checkpoints/.*/.*", false),
        CHECKPOINT_RESTORED("checkpoints/.*/.*", true);

        final String files;
        final boolean isStoreLost;

        Region(String files, boolean isStoreLost) {
            this.files = files;
            this.isStoreLost = isStoreLost;
        }
    }

    private enum Outcome {
        /** The start, or a call that answers with an exception. */
        REFUSED,
        STOPPED,
        READ_REFUSED,
        UNHARMED
    }

    @TempDir Path temporary;

    /** What was acknowledged, per partition ({@code topic-partition}), by offset. */
    private final Map<String, List<String>> written = new TreeMap<>();

    private final Map<Region, Map<Outcome, Integer>> outcomes = new EnumMap<>(Region.class);

    @Test
    void whateverBitIsTurnedNothingWrongIsServed() throws IOException {
        System.out.println("headrace.seed=" + SEED);
        Path template = temporary.resolve("template");
        fill(template);
        Random random = new Random(SEED);
        for (int i = 0; i < FLIPS; i++) {
            flipAndCheck(template, Region.values()[i % Region.values().length], random);
        }
        System.out.println("outcomes: " + outcomes);
    }

    /**
     * Several starts, cycles, a segment, a checkpoint under which cycles went, and more entries.
     */
    private void fill(Path folder) throws IOException {
        try (TestEngine engine =
                new TestEngine(folder, context -> context.retentionCheckIntervalMs(100))) {
            engine.create("a", 2, Map.of());
            engine.create("b", 1, Map.of());
            engine.create("gone", 2, Map.of());
            write(engine, 10);
            for (int i = 0; i < 60; i++) {
                append(engine.log("gone", i % 2), batch("x".repeat(100_000)));
                if (i % 5 == 0) {
                    write(engine, 1);
                }
            }
            write(engine, 10);
            Topic gone = engine.engine.catalog().find("gone");
            get(engine.engine.catalog().delete(List.of(gone.id())));
            await("checkpoint", () -> Files.exists(folder.resolve("journal/trimmed.properties")));
            await("sealed", () -> engine.metric("headrace_segments") > 0);
        }
        for (int start = 0; start < 2; start++) {
            try (TestEngine engine = new TestEngine(folder)) {
                write(engine, 20);
            }
        }
    }

    private void write(TestEngine engine, int count) {
        for (int i = 0; i < count; i++) {
            for (String partition : List.of("a-0", "a-1", "b-0")) {
                List<String> values = written.computeIfAbsent(partition, p -> new ArrayList<>());
                String value = partition + "-" + i + "-" + "v".repeat(i % 3 == 0 ? 9000 : i * 7);
                assertEquals(values.size(), append(log(engine, partition), batch(value)));
                values.add(value);
            }
        }
    }

    private static PartitionLog log(TestEngine engine, String partition) {
        String[] parts = partition.split("-");
        return engine.log(parts[0], Integer.parseInt(parts[1]));
    }

    private void flipAndCheck(Path template, Region region, Random random) throws IOException {
        Path folder = temporary.resolve("flipped");
        FaultyDisk.copy(template, folder);
        if (region.isStoreLost) {
            deleteFolder(folder.resolve("rocksdb"));
        }
        List<Path> files = files(folder, region.files);
        Path file = files.get(random.nextInt(files.size()));
        long bit = (long) (random.nextDouble() * Files.size(file) * Byte.SIZE);
        FaultyDisk.flip(file, bit);
        String what =
                region + " " + folder.relativize(file) + " byte " + bit / 8 + " bit " + bit % 8;
        try {
            Outcome outcome = outcome(folder, file);
            outcomes.computeIfAbsent(region, r -> new EnumMap<>(Outcome.class))
                    .merge(outcome, 1, Integer::sum);
        } catch (RuntimeException | AssertionError e) {
            throw new AssertionFailedError(what + ", seed " + SEED, e);
        }
        deleteFolder(folder);
    }

    private static List<Path> files(Path folder, String pattern) throws IOException {
        try (Stream<Path> paths = Files.walk(folder)) {
            return paths.filter(path -> path.toFile().length() > 0 && Files.isRegularFile(path))
                    .filter(path -> folder.relativize(path).toString().matches(pattern))
                    .sorted()
                    .toList();
        }
    }

    /** Starts, reads everything, and appends; all that is said meanwhile has to name the file. */
    private Outcome outcome(Path folder, Path flipped) {
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        PrintStream before = System.err;
        System.setErr(new PrintStream(said, true));
        CompletableFuture<Throwable> stopped = new CompletableFuture<>();
        Outcome outcome;
        try (TestEngine engine =
                new TestEngine(folder, context -> context.failureHandler(stopped::complete))) {
            outcome = readAndAppend(engine, stopped);
        } catch (EngineException refused) {
            refused.printStackTrace();
            outcome = stopped.isDone() ? Outcome.STOPPED : Outcome.REFUSED;
        } finally {
            System.setErr(before);
        }
        if (stopped.isDone()) {
            stopped.join().printStackTrace(new PrintStream(said, true));
        }
        if (outcome != Outcome.UNHARMED) {
            assertTrue(
                    said.toString().contains(named(flipped)), outcome + " in these words: " + said);
        }
        return outcome;
    }

    /** RocksDB says what CURRENT names, and not that it was CURRENT; of a table it may likewise. */
    private static String named(Path flipped) {
        boolean isNamed = !flipped.endsWith("CURRENT") && !flipped.toString().endsWith(".sst");
        return (isNamed ? flipped.getFileName() : flipped.getParent()).toString();
    }

    private Outcome readAndAppend(TestEngine engine, CompletableFuture<Throwable> stopped) {
        Outcome outcome = Outcome.UNHARMED;
        for (String partition : written.keySet()) {
            PartitionLog log = log(engine, partition);
            List<String> values = written.get(partition);
            assertEquals(values.size(), log.highWatermark(), partition);
            for (int offset = 0; offset < values.size(); offset++) {
                if (stopped.isDone()) {
                    return Outcome.STOPPED;
                }
                if (!isServed(log, offset, values.get(offset))) {
                    outcome = Outcome.READ_REFUSED;
                }
            }
            assertEquals(values.size(), log.append(batch("more")), partition);
        }
        return outcome;
    }

    /**
     * In each entry of a topic another byte of its envelope and its batch's header. What is outside
     * of the batch's own checksum is known to the index.
     */
    @Test
    void noByteOfAHeaderIsTakenForAnother() throws IOException {
        int headerBytes = Journal.ENVELOPE_LENGTH + RecordBatch.HEADER_LENGTH;
        Path folder = temporary.resolve("headers");
        try (TestEngine engine = new TestEngine(folder, context -> context.journalCount(1))) {
            engine.create("h", 1, Map.of());
            for (int i = 0; i < headerBytes; i++) {
                append(engine.log("h", 0), batch("value " + i));
            }
        }
        flipHeaders(folder);
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        PrintStream before = System.err;
        System.setErr(new PrintStream(said, true));
        int served = 0;
        try (TestEngine engine = new TestEngine(folder, context -> context.journalCount(1))) {
            for (int i = 0; i < headerBytes; i++) {
                served += isServed(engine.log("h", 0), i, "value " + i) ? 1 : 0;
            }
        } finally {
            System.setErr(before);
        }
        assertEquals(Journal.ENVELOPE_LENGTH, served, "with damage to the envelope alone");
        long named = said.toString().lines().filter(line -> line.contains("00100000.cq4")).count();
        assertEquals(RecordBatch.HEADER_LENGTH, named, said::toString);
    }

    /** The n-th byte of the n-th batch's entry, last bit; leader epochs too. */
    private static void flipHeaders(Path folder) throws IOException {
        List<Long> positions = new ArrayList<>();
        Path file =
                JournalScan.read(
                                folder.resolve("journal/data-1"),
                                (position, type, topic, partition, offset, epoch, time, batch) ->
                                        positions.add(position))
                        .get(0)
                        .path();
        for (int i = 0; i < positions.size(); i++) {
            FaultyDisk.flip(file, (Journal.fileOffset(positions.get(i)) + i) * Byte.SIZE);
        }
    }

    private static boolean isServed(PartitionLog log, long offset, String value) {
        try (ReadResult result = TestEngine.read(log, offset, 1)) {
            if (result instanceof RecordsLease lease) {
                assertEquals(offset + ":" + value, TestEngine.records(lease, offset).get(0));
                return true;
            }
            assertTrue(
                    result == Unavailable.CORRUPT || result == Unavailable.STORE_ERROR,
                    result::toString);
            return false;
        }
    }
}
