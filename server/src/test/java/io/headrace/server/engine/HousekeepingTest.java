package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.log.Background;
import io.headrace.engine.spi.HeapMetadataStore;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.engine.testing.FaultyDisk;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever goes wrong in the background once does not end it for good. */
class HousekeepingTest {
    private static final long HOUR_MS = 3_600_000;
    private static final long LONG_BYTES = 4L << 30;

    @TempDir Path folder;

    @Test
    void anErrorDoesNotEndMaintenance() {
        AtomicInteger failures = new AtomicInteger();
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context ->
                                context.retentionCheckIntervalMs(5)
                                        .clockMs(() -> clockOf(failures)))) {
            await("error", () -> failures.get() > 0);
            long passes = engine.metric("headrace_retention_passes_total");
            await("pass", () -> engine.metric("headrace_retention_passes_total") > passes);
        }
    }

    private static long clockOf(AtomicInteger failures) {
        boolean isMaintenance = Thread.currentThread().getName().equals("headrace-maintenance");
        if (isMaintenance && failures.getAndIncrement() == 0) {
            throw new LinkageError("on purpose");
        }
        return System.currentTimeMillis();
    }

    /** A topic that was deleted waits for the index, and nothing else waits for that. */
    @Test
    void retentionGoesOnWhileADeletionWaitsForAnIndexThatLags() {
        CountDownLatch index = new CountDownLatch(1);
        AtomicBoolean isLagging = new AtomicBoolean();
        AtomicInteger barriers = new AtomicInteger();
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context ->
                                context.journalCount(1)
                                        .retentionCheckIntervalMs(5)
                                        .metadataStoreFactory(
                                                path -> lagging(open(path), isLagging, index)),
                        impatient(barriers))) {
            try {
                checkThatPassesGoOn(engine, isLagging, barriers);
            } finally {
                index.countDown();
            }
        }
    }

    /** Nobody is told that there is nothing to read below the high watermark. */
    @Test
    void aColdReadWaitsForAnIndexThatLags() throws Exception {
        AtomicBoolean isLagging = new AtomicBoolean();
        CountDownLatch index = new CountDownLatch(1);
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context ->
                                context.journalCount(1)
                                        .metadataStoreFactory(
                                                path -> lagging(open(path), isLagging, index)))) {
            try {
                engine.create("t", 1, Map.of());
                PartitionLog log = engine.log("t", 0);
                isLagging.set(true);
                while (log.read(0, 1) != Unavailable.COLD) {
                    append(log, batch("x".repeat(60_000)));
                }
                CompletableFuture<ReadResult> read = new CompletableFuture<>();
                log.readCold(0, 1, read::complete);
                assertThrows(TimeoutException.class, () -> read.get(300, TimeUnit.MILLISECONDS));
                index.countDown();
                try (ReadResult result = TestEngine.get(read)) {
                    assertInstanceOf(RecordsLease.class, result);
                }
            } finally {
                index.countDown();
            }
        }
    }

    private static void checkThatPassesGoOn(
            TestEngine engine, AtomicBoolean isLagging, AtomicInteger barriers) {
        engine.create("t", 1, Map.of());
        Topic gone = engine.create("gone", 1, Map.of());
        append(engine.log("gone", 0), batch("a"));
        isLagging.set(true);
        append(engine.log("t", 0), batch("b"));
        TestEngine.get(engine.engine.catalog().delete(List.of(gone.id())));
        await("barrier", () -> barriers.get() > 0);
        long passes = engine.metric("headrace_retention_passes_total");
        await("passes", () -> engine.metric("headrace_retention_passes_total") > passes + 3);
    }

    static MetadataStore open(Path path) {
        return HeapMetadataStore.open(path);
    }

    /** A store that lets the projector wait. */
    static MetadataStore lagging(
            MetadataStore store, AtomicBoolean isLagging, CountDownLatch gate) {
        return proxy(
                MetadataStore.class,
                store,
                (method, arguments) -> {
                    if (method.equals("write") && isLagging.get() && isOn("headrace-projector")) {
                        gate.await();
                    }
                });
    }

    static boolean isOn(String thread) {
        return Thread.currentThread().getName().equals(thread);
    }

    /** Threads on which nobody waits for long. */
    private static Background impatient(AtomicInteger timeouts) {
        return proxy(
                Background.class,
                Background.THREADS,
                (method, arguments) -> {
                    if (method.equals("await") && isOn("headrace-maintenance")) {
                        awaitBriefly((CompletableFuture<?>) arguments[0], timeouts);
                    }
                });
    }

    private static void awaitBriefly(CompletableFuture<?> future, AtomicInteger timeouts)
            throws Exception {
        try {
            future.get(100, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            timeouts.incrementAndGet();
            throw e;
        }
    }

    interface Before {
        void call(String method, Object[] arguments) throws Exception;
    }

    static <T> T proxy(Class<T> type, T target, Before before) {
        return type.cast(
                Proxy.newProxyInstance(
                        type.getClassLoader(),
                        new Class<?>[] {type},
                        (proxy, method, arguments) -> {
                            before.call(method.getName(), arguments);
                            try {
                                return method.invoke(target, arguments);
                            } catch (InvocationTargetException e) {
                                throw e.getCause();
                            }
                        }));
    }

    @Test
    void anErrorDoesNotEndSealing() {
        AtomicInteger segments = new AtomicInteger();
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context -> context.journalCount(1).retentionCheckIntervalMs(5),
                        WatchedFiles.of(
                                call -> {
                                    if (call.equals("create") && segments.incrementAndGet() == 2) {
                                        throw new LinkageError("on purpose");
                                    }
                                }))) {
            fill(engine);
            await("sealed", () -> engine.metric("headrace_segments") > 1);
            assertEquals(1, engine.metric("headrace_sealing_failures_total"));
        }
    }

    @Test
    void aSegmentThatCannotBeDeletedIsDeletedLater() {
        AtomicInteger attempts = new AtomicInteger();
        HaltingFiles files =
                new HaltingFiles(HaltingFiles.Step.NEVER) {
                    @Override
                    public void delete(Path file) throws IOException {
                        if (attempts.incrementAndGet() == 1) {
                            throw new IOException("on purpose");
                        }
                        super.delete(file);
                    }
                };
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context -> context.journalCount(1).retentionCheckIntervalMs(5),
                        files)) {
            fill(engine);
            await("sealed", () -> engine.metric("headrace_segments") > 1);
            engine.log("kept", 0).deleteRecords(-1);
            engine.log("month", 0).deleteRecords(-1);
            await("attempt", () -> attempts.get() > 0);
            await("all gone", () -> engine.metric("headrace_segments") == 0);
            assertFalse(hasSegments());
        }
    }

    private boolean hasSegments() {
        try (Stream<Path> files = Files.list(folder.resolve("segments/data-1"))) {
            return files.findAny().isPresent();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Each checkpoint is a copy of the store. */
    @Test
    void whereTheStoreIsLongDeadFilesWaitUnlessTheDiskIsShort() throws IOException {
        FaultyDisk disk = new FaultyDisk(folder, 1);
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context ->
                                context.journalCount(1)
                                        .disk(disk)
                                        .diskReserveBytes(100 << 20)
                                        .retentionCheckIntervalMs(5))) {
            makeStoreLong();
            fillAndDelete(engine, "first");
            await("gone", () -> journalFiles() <= 2);
            String checkpoint = checkpoint();
            fillAndDelete(engine, "second");
            long passes = engine.metric("headrace_retention_passes_total");
            await("passes", () -> engine.metric("headrace_retention_passes_total") > passes + 50);
            assertEquals(checkpoint, checkpoint());
            assertTrue(journalFiles() > 4, "files " + journalFiles());
            disk.usableBytes(LONG_BYTES + (110 << 20));
            await("gone", () -> journalFiles() <= 2);
        }
    }

    /** Minutes at the rate of checkpoints; a hole, so that it takes no space. */
    private void makeStoreLong() throws IOException {
        try (FileChannel file =
                FileChannel.open(
                        folder.resolve("rocksdb/of-somebody-else"),
                        StandardOpenOption.CREATE_NEW,
                        StandardOpenOption.WRITE)) {
            file.write(ByteBuffer.wrap(new byte[1]), LONG_BYTES);
        }
    }

    private static void fillAndDelete(TestEngine engine, String name) {
        Topic topic = engine.create(name, 1, Map.of());
        for (int i = 0; i < 100; i++) {
            append(engine.log(name, 0), batch("x".repeat(60_000)));
        }
        get(engine.engine.catalog().delete(List.of(topic.id())));
    }

    private long journalFiles() {
        try (Stream<Path> files = Files.walk(folder.resolve("journal/data-1"))) {
            return files.filter(file -> file.toString().endsWith(".cq4")).count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private String checkpoint() throws IOException {
        try (Stream<Path> paths = Files.list(folder.resolve("checkpoints"))) {
            return paths.map(Path::toString).sorted().toList().toString();
        }
    }

    /** Several journal files that are mostly dead, and will be two segments. */
    static void fill(TestEngine engine) {
        engine.create("kept", 1, Map.of("retention.ms", "-1"));
        engine.create("month", 1, Map.of("retention.ms", String.valueOf(30 * 24 * HOUR_MS)));
        engine.create("hour", 1, Map.of("retention.ms", String.valueOf(HOUR_MS)));
        long old = System.currentTimeMillis() - 2 * HOUR_MS;
        for (int i = 0; i < 100; i++) {
            append(engine.log("hour", 0), batch(old, "x".repeat(60_000)));
            append(engine.log("kept", 0), batch("kept " + i));
            append(engine.log("month", 0), batch("month " + i));
        }
    }
}
