package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineContext;
import io.headrace.engine.EngineException;
import io.headrace.engine.OutOfSpaceException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.HeapMetadataStore;
import io.headrace.engine.spi.JournalFailedException;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.engine.testing.EachCall;
import io.headrace.engine.testing.FaultyDisk;
import io.headrace.engine.testing.FaultyDisk.Fault;
import io.headrace.engine.testing.LeakCheck;
import io.headrace.rocks.RocksContext;
import io.headrace.rocks.RocksMetadataStore;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.opentest4j.AssertionFailedError;

/**
 * An engine's whole life (topics made and deleted, appends, cycles that roll, a segment, a
 * checkpoint, cycles that go, a stop, a start, a kill), in which each call to the disk in turn has
 * a fault. Whatever is found then, by a start after the process was killed and by one after the
 * power was cut: all that was acknowledged, nothing else, and no offset twice.
 *
 * <p>Which sixth of the calls it is, and which kind of fault a call has, is the seed's choice;
 * {@code -Dheadrace.faults.all=true} lets each call have every kind.
 */
class EngineFaultTest {
    private static final long SEED = Long.getLong("headrace.seed", System.nanoTime());
    private static final boolean ALL = Boolean.getBoolean("headrace.faults.all");
    private static final int CALLS_PER_FAULT = 6;
    private static final long PATIENCE_S = 20;
    private static final int ATTEMPTS = 3;
    private static final String KEPT = "kept";
    private static final String UNSYNCED = "unsynced";
    private static final String GONE = "gone";

    /** Batches of the topic that goes: four cycles, with a record in each that stays. */
    private static final int GONE_COUNT = 24;

    private static final int KEPT_EVERY = 4;

    /** A call that, if it fails, may leave cycles where they are for a while. */
    private static final Pattern SEALING =
            Pattern.compile(
                    "delete .*|(open|read) [0-9]+\\.cq4|force folder data-1"
                            + "|[a-z]+ [0-9]{10}\\.(tmp|segment)");

    private static final Map<String, String> NEVER_SYNCED =
            Map.of("flush.messages", String.valueOf(Long.MAX_VALUE));

    @RegisterExtension final LeakCheck leaks = new LeakCheck();
    @TempDir Path temporary;

    /** The engine's failure handler has been called: a process would be gone. */
    private static final class Stopped extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Stopped(Throwable cause) {
            super(cause);
        }
    }

    /** Opens a metadata store in a folder, with the disk that its checkpoints go to. */
    private interface Stores extends BiFunction<Path, Disk, MetadataStore> {}

    private static MetadataStore rocks(Path folder, Disk disk) {
        return RocksMetadataStore.open(folder, new RocksContext().disk(disk));
    }

    /** What one life was told until its disk had enough. */
    private static final class Life {
        final Path folder;
        final FaultyDisk disk;
        final Stores stores;
        final CompletableFuture<Throwable> stopped = new CompletableFuture<>();
        final List<String> created = new ArrayList<>();

        /** Values appended to the topic that stays, and how many of them are acknowledged. */
        final List<String> kept = new ArrayList<>();

        int keptAcknowledged;
        long unsyncedAcknowledged;
        boolean mayBeDeleted;
        boolean isDeleted;

        /** No engine was there yet that could have called its failure handler. */
        boolean isStarting;

        /** Killed before the faulty call was reached. */
        boolean isKilledBefore;

        /** The engine said itself that it could not go on, as when it is closed. */
        boolean isGivenUp;

        Life(Path folder, FaultyDisk disk, Stores stores) {
            this.folder = folder;
            this.disk = disk;
            this.stores = stores;
        }

        void live() throws IOException {
            try (TestEngine engine = start("first boot")) {
                create(engine, KEPT, Map.of());
                create(engine, UNSYNCED, NEVER_SYNCED);
                create(engine, GONE, Map.of());
                appendKept(engine, 10);
                appendUnsynced(engine);
                for (int i = 0; i < GONE_COUNT; i++) {
                    append(engine.log(GONE, 0), "x".repeat(200_000));
                    if (i % KEPT_EVERY == 0) {
                        appendKept(engine, 10);
                    }
                }
                deleteGone(engine);
                await(() -> isTrimmed());
                appendKept(engine, 50_000);
                appendUnsynced(engine);
            }
            throwIfStopped();
            try (TestEngine engine = start("first boot")) {
                create(engine, "late", Map.of());
                appendKept(engine, 10);
                appendUnsynced(engine);
                isKilledBefore = disk.faultyCallName().isEmpty();
                disk.die();
            } catch (RuntimeException e) {
                // Closing it was not possible any more.
                if (!stopped.isDone() && !disk.isDead()) {
                    throw e;
                }
            }
        }

        private TestEngine start(String bootId) {
            isStarting = true;
            TestEngine engine =
                    new TestEngine(
                            folder,
                            context ->
                                    settings(context, disk, stores, bootId)
                                            .failureHandler(this::stop));
            isStarting = false;
            return engine;
        }

        private void stop(Throwable failure) {
            disk.die();
            stopped.complete(failure);
        }

        private void throwIfStopped() {
            if (stopped.isDone()) {
                throw new Stopped(stopped.join());
            }
        }

        private void create(TestEngine engine, String name, Map<String, String> configs) {
            List<TopicSpec> specs = List.of(new TopicSpec(name, 1, configs));
            List<CatalogResult> results = get(() -> engine.engine.catalog().create(specs, false));
            assertNotNull(results.get(0).topic(), results::toString);
            created.add(name);
        }

        private void deleteGone(TestEngine engine) {
            Topic gone = engine.engine.catalog().find(GONE);
            mayBeDeleted = true;
            get(() -> engine.engine.catalog().delete(List.of(gone.id())));
            isDeleted = true;
        }

        private void appendKept(TestEngine engine, int length) {
            String value = kept.size() + "-" + "k".repeat(length);
            kept.add(value);
            assertEquals(kept.size() - 1, append(engine.log(KEPT, 0), value));
            keptAcknowledged = kept.size();
        }

        private void appendUnsynced(TestEngine engine) {
            unsyncedAcknowledged = 1 + append(engine.log(UNSYNCED, 0), "u");
        }

        /** Appends and waits for the acknowledgement, or for the engine's end. */
        private long append(PartitionLog log, String value) {
            ByteBuffer batch = batch(value);
            long offset = log.append(batch);
            for (int attempt = 1; attempt < ATTEMPTS && offset < 0; attempt++) {
                throwIfStopped();
                offset = log.append(batch);
            }
            assertTrue(offset >= 0, "refused: " + offset);
            CompletableFuture<Void> reached = new CompletableFuture<>();
            log.onHighWatermark(offset + 1, () -> reached.complete(null));
            join(reached);
            return offset;
        }

        /** The answer to a change of the catalog, which may be refused for lack of space. */
        private <T> T get(Supplier<CompletableFuture<T>> change) {
            for (int attempt = 1; ; attempt++) {
                try {
                    return join(change.get());
                } catch (OutOfSpaceException e) {
                    if (attempt == ATTEMPTS) {
                        throw e;
                    }
                }
            }
        }

        private <T> T join(CompletableFuture<T> answer) {
            try {
                CompletableFuture.anyOf(answer.handle((a, b) -> a), stopped)
                        .get(PATIENCE_S, TimeUnit.SECONDS);
                if (!answer.isDone()) {
                    throw new Stopped(stopped.join());
                }
                return answer.get(0, TimeUnit.SECONDS);
            } catch (java.util.concurrent.ExecutionException e) {
                throw e.getCause() instanceof OutOfSpaceException full
                        ? full
                        : new Stopped(e.getCause());
            } catch (InterruptedException | java.util.concurrent.TimeoutException e) {
                throw new AssertionError(e);
            }
        }

        private void await(TestEngine.Condition condition) {
            TestEngine.await("trim", () -> disk.isDead() || condition.holds());
            throwIfStopped();
        }

        /**
         * Whether what lived among the deleted topic's batches is sealed, and its cycles are gone;
         * or that is not to be expected.
         */
        private boolean isTrimmed() {
            return SEALING.matcher(disk.faultyCallName()).matches()
                    || Files.exists(folder.resolve("journal/trimmed.properties"))
                            && cycleCount() <= 2;
        }

        private long cycleCount() {
            try (Stream<Path> files = Files.walk(folder.resolve("journal/data-1"))) {
                return files.filter(file -> file.toString().endsWith(".cq4")).count();
            } catch (IOException | UncheckedIOException e) {
                return Long.MAX_VALUE; // a file went while it was looked at
            }
        }
    }

    private static EngineContext settings(
            EngineContext context, Disk disk, Stores stores, String bootId) {
        return context.journalCount(1)
                .retentionCheckIntervalMs(5)
                .bootId(bootId)
                .disk(disk)
                .metadataStoreFactory(path -> stores.apply(path, disk));
    }

    @Test
    void whicheverCallHasAFaultNothingAcknowledgedIsLost() throws IOException {
        walk(HeapMetadataStore::open, true);
    }

    /** RocksDB writes its own files by its own calls, so the power is not cut here. */
    @Test
    void whicheverCallFailsTheProjectionInRocksDbStaysTrue() throws IOException {
        walk(EngineFaultTest::rocks, false);
    }

    /** Nobody is told that what it was for is safe, and nothing more is taken. */
    @Test
    void aFailedForceEndsTheEngine() {
        FaultyDisk disk = new FaultyDisk(temporary, SEED);
        CompletableFuture<Throwable> stopped = new CompletableFuture<>();
        try (TestEngine engine =
                new TestEngine(
                        temporary.resolve("data"),
                        context ->
                                context.journalCount(1)
                                        .disk(disk)
                                        .failureHandler(stopped::complete))) {
            engine.create(KEPT, 1, Map.of());
            PartitionLog log = engine.log(KEPT, 0);
            TestEngine.append(log, batch("a"));
            disk.at(1, Fault.FAIL);
            assertEquals(1, log.append(batch("b")));
            assertInstanceOf(JournalFailedException.class, TestEngine.get(stopped));
            String call = disk.faultyCallName();
            assertTrue(call.startsWith("force 0") && call.endsWith(".cq4"), call);
            assertThrows(JournalFailedException.class, () -> log.append(batch("c")));
            assertEquals(1, log.highWatermark());
            assertEquals(0, disk.retriedForces(), "forced again");
        }
    }

    private void walk(Stores stores, boolean isPowerCut) throws IOException {
        System.out.println("headrace.seed=" + SEED);
        EachCall.Life life = (call, fault) -> live(call, fault, stores, isPowerCut);
        if (ALL) {
            EachCall.withEveryFault(life);
        } else {
            EachCall.bySeed(SEED, CALLS_PER_FAULT, life);
        }
    }

    /** False if the call was not reached. */
    private boolean live(int call, Fault fault, Stores stores, boolean isPowerCut)
            throws IOException {
        Path folder = Files.createDirectories(temporary.resolve(call + "-" + fault));
        FaultyDisk disk = new FaultyDisk(folder, SEED + call).pausing().at(call, fault);
        Life life = new Life(folder.resolve("data"), disk, stores);
        try {
            life.live();
        } catch (EngineException | Stopped | UncheckedIOException expected) {
            assertFalse(disk.faultyCallName().isEmpty(), () -> expected.toString());
            life.isGivenUp = expected instanceof EngineException;
        }
        String what = fault + " at call " + call + ": " + disk.faultyCallName();
        disk.die();
        try {
            assertEquals(0, disk.retriedForces(), "forced again");
            assertStopped(disk, life);
            if (isPowerCut) {
                Path after = folder.resolveSibling(folder.getFileName() + "-cut");
                disk.afterPowerCut(after, new Random(SEED + call));
                check(after.resolve("data"), life, "second boot");
                TestEngine.deleteFolder(after);
            }
            check(life.folder, life, "first boot");
            TestEngine.deleteFolder(folder);
        } catch (Exception | AssertionError e) {
            throw new AssertionFailedError(what + ", seed " + SEED, e);
        }
        return disk.isReached();
    }

    /** What was to be forced is lost, so the process ends; or did not even start, or is gone. */
    private static void assertStopped(FaultyDisk disk, Life life) {
        String call = disk.faultyCallName();
        if (call.startsWith("force 0") && call.endsWith(".cq4")) {
            assertTrue(
                    life.stopped.isDone()
                            || life.isStarting
                            || life.isGivenUp
                            || life.isKilledBefore,
                    call);
        }
    }

    private void check(Path folder, Life life, String bootId) {
        Disk disk = new FaultyDisk(folder, SEED);
        try (TestEngine engine =
                new TestEngine(folder, context -> settings(context, disk, life.stores, bootId))) {
            for (String topic : life.created) {
                boolean mayBeGone = topic.equals(GONE) && life.mayBeDeleted;
                assertTrue(mayBeGone || engine.engine.catalog().find(topic) != null, topic);
            }
            if (life.isDeleted) {
                assertNull(engine.engine.catalog().find(GONE));
            }
            if (life.created.contains(KEPT)) {
                checkKept(engine, life);
            }
            if (life.created.contains(UNSYNCED)) {
                long offset = TestEngine.append(engine.log(UNSYNCED, 0), batch("u"));
                assertTrue(offset >= life.unsyncedAcknowledged, "offset again: " + offset);
            }
        }
    }

    private static void checkKept(TestEngine engine, Life life) {
        PartitionLog log = engine.log(KEPT, 0);
        List<String> found = readAll(log, 0);
        assertTrue(found.size() >= life.keptAcknowledged, () -> found.size() + " are left");
        assertTrue(found.size() <= life.kept.size(), () -> found.size() + " are there");
        for (int i = 0; i < found.size(); i++) {
            assertEquals(i + ":" + life.kept.get(i), found.get(i));
        }
        assertEquals(found.size(), TestEngine.append(log, batch("one more")));
        assertEquals(List.of(found.size() + ":one more"), readAll(log, found.size()));
    }
}
