package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.batch;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineContext;
import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.HeapMetadataStore;
import io.headrace.engine.testing.EachCall;
import io.headrace.engine.testing.FaultyDisk;
import io.headrace.engine.testing.FaultyDisk.Fault;
import io.headrace.engine.testing.LeakCheck;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.apache.kafka.common.record.internal.CompressionType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.opentest4j.AssertionFailedError;

/**
 * Each call to the disk in turn has a fault while a topic is compacted and its journal files go.
 * Whatever is found then, by a start after the process was killed and by one after the power was
 * cut: of each key the newest record, and no older one for what was deleted.
 *
 * <p>Which part of the calls it is, and which kind of fault a call has, is the seed's choice;
 * {@code -Dheadrace.faults.all=true} lets each call have every kind.
 */
class CompactionFaultTest {
    private static final long SEED = Long.getLong("headrace.seed", System.nanoTime());
    private static final boolean ALL = Boolean.getBoolean("headrace.faults.all");
    private static final int CALLS_PER_FAULT = 4;
    private static final String COMPACTED = "compacted";
    private static final String FILLING = "filling";
    private static final int KEYS = 5;
    private static final int APPENDS = 40;
    private static final String LATE = String.valueOf(365L * 24 * 3_600_000);

    @RegisterExtension final LeakCheck leaks = new LeakCheck();
    @TempDir Path temporary;

    private final TreeMap<Long, KeyedRecord> appended = new TreeMap<>();

    private Path template() {
        return temporary.resolve("template");
    }

    private static EngineContext settings(EngineContext context, Disk disk, String bootId) {
        return context.journalCount(1)
                .retentionCheckIntervalMs(5)
                .bootId(bootId)
                .disk(disk)
                .metadataStoreFactory(path -> HeapMetadataStore.open(path, disk));
    }

    /** A topic that is not compacted yet, over several journal files that are mostly others'. */
    @BeforeEach
    void fill() {
        try (TestEngine engine =
                new TestEngine(
                        template(), context -> settings(context, Disk.SYSTEM, "first boot"))) {
            engine.create(
                    COMPACTED,
                    1,
                    Map.of("cleanup.policy", "compact", "min.compaction.lag.ms", LATE));
            engine.create(FILLING, 1, Map.of());
            for (int i = 0; i < APPENDS; i++) {
                append(engine.log(FILLING, 0), batch("x".repeat(100_000)));
                appendKeyed(engine, new KeyedRecord("k" + i % KEYS, value(i)));
            }
        }
    }

    /** The first key is deleted in the end. */
    private static String value(int i) {
        return i % KEYS == 0 && i + KEYS >= APPENDS ? null : "v" + i;
    }

    private void appendKeyed(TestEngine engine, KeyedRecord record) {
        long offset =
                append(
                        engine.log(COMPACTED, 0),
                        KeyedRecord.batch(CompressionType.NONE, 1_000, record));
        appended.put(offset, record);
    }

    @Test
    void whicheverCallHasAFaultTheNewestRecordOfEachKeyIsThere() throws IOException {
        System.out.println("headrace.seed=" + SEED);
        int call =
                ALL
                        ? EachCall.withEveryFault(this::live)
                        : EachCall.bySeed(SEED, CALLS_PER_FAULT, this::live);
        assertTrue(call > 30, "calls " + call);
    }

    /** False if the call was not reached. */
    private boolean live(int call, Fault fault) throws IOException {
        Path folder = Files.createDirectories(temporary.resolve(call + "-" + fault));
        Path data = Files.createDirectory(folder.resolve("data"));
        FaultyDisk.copy(template(), folder.resolve("copied"));
        Files.delete(data);
        Files.move(folder.resolve("copied"), data);
        FaultyDisk disk = new FaultyDisk(folder, SEED + call);
        disk.forceAll();
        compact(data, disk, call, fault);
        disk.die();
        try {
            Path after = temporary.resolve("cut");
            disk.afterPowerCut(after, new Random(SEED + call));
            check(after.resolve("data"), "second boot");
            TestEngine.deleteFolder(after);
            check(data, "first boot");
            TestEngine.deleteFolder(folder);
        } catch (Exception | AssertionError e) {
            String what = fault + " at call " + call + ": " + disk.faultyCallName();
            throw new AssertionFailedError(what + ", seed " + SEED, e);
        }
        return disk.isReached();
    }

    /** Until the topic's journal files are gone, or that is not to be expected. */
    private static void compact(Path data, FaultyDisk disk, int call, Fault fault) {
        CompletableFuture<Throwable> stopped = new CompletableFuture<>();
        try (TestEngine engine =
                new TestEngine(
                        data,
                        context ->
                                settings(context, disk, "first boot")
                                        .failureHandler(
                                                failure -> {
                                                    disk.die();
                                                    stopped.complete(failure);
                                                }))) {
            long filling = engine.engine.catalog().find(FILLING).id();
            Topic compacted = engine.engine.catalog().find(COMPACTED);
            disk.at(call, fault);
            CompletableFuture<?> changed =
                    CompletableFuture.allOf(
                            engine.engine.catalog().delete(List.of(filling)),
                            engine.engine
                                    .catalog()
                                    .alterConfigs(
                                            compacted.id(),
                                            Map.of(
                                                    "min.compaction.lag.ms", "0",
                                                    "max.compaction.lag.ms", "1"),
                                            false));
            TestEngine.await(
                    "compacted",
                    () ->
                            disk.isDead()
                                    || stopped.isDone()
                                    || changed.isCompletedExceptionally()
                                    || isCompacted(engine, data)
                                    || isPutOff(engine, disk));
            disk.die();
        } catch (EngineException | UncheckedIOException e) {
            // Closing it was not possible any more.
            assertTrue(disk.isDead(), e::toString);
        }
    }

    private static boolean isCompacted(TestEngine engine, Path data) {
        return engine.metric("headrace_compaction_removed_records_total") > 0
                && journalFiles(data) <= 3;
    }

    /** Tried again after a while, in which nobody waits. */
    private static boolean isPutOff(TestEngine engine, FaultyDisk disk) {
        return disk.isReached()
                && (disk.faultyCallName().matches("(delete|open|read) .*")
                        || engine.metric("headrace_compaction_failures_total") > 0
                        || engine.metric("headrace_sealing_failures_total") > 0);
    }

    private static long journalFiles(Path data) {
        try (Stream<Path> files = Files.walk(data.resolve("journal/data-1"))) {
            return files.filter(file -> file.toString().endsWith(".cq4")).count();
        } catch (IOException | UncheckedIOException e) {
            return Long.MAX_VALUE; // a file went while it was looked at
        }
    }

    private void check(Path data, String bootId) {
        Disk disk = new FaultyDisk(data, SEED);
        try (TestEngine engine = new TestEngine(data, context -> settings(context, disk, bootId))) {
            PartitionLog log = engine.log(COMPACTED, 0);
            TreeMap<Long, KeyedRecord> found = KeyedRecord.readAll(log, 0);
            assertEquals(KeyedRecord.state(appended), KeyedRecord.state(found));
            found.forEach((offset, record) -> assertEquals(appended.get(offset), record));
            assertEquals(APPENDS, log.logEndOffset());
        }
    }
}
