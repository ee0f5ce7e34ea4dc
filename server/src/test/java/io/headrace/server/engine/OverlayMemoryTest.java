package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.get;
import static io.headrace.server.engine.TestEngine.read;
import static io.headrace.server.engine.TestEngine.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.log.Background;
import io.headrace.engine.testing.LeakCheck;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** How long patches stay in memory, and what readers are told where there is no room for them. */
final class OverlayMemoryTest {
    private static final Map<String, String> KEEPING =
            Map.of("retention.ms", "-1", "max.message.bytes", "200000");
    private static final int READS_MAX = 4096;

    @RegisterExtension final LeakCheck leaks = new LeakCheck();

    @TempDir Path folder;

    private TestEngine launch(Background background) {
        return new TestEngine(folder, context -> context.retentionCheckIntervalMs(20), background);
    }

    private static ByteBuffer record(String key, String value) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(200 + key.length() + value.length());
        RecordBatchWriter writer = new RecordBatchWriter().begin(buffer, 1);
        writer.append(1, bytes(key), bytes(value));
        writer.end();
        return buffer.flip();
    }

    private static ByteBuffer bytes(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }

    private static void base(TestEngine engine) {
        engine.create("base", 1, KEEPING);
        append(engine.log("base", 0), record("k1", "v"));
    }

    /** A patch of so many hundreds of kilobytes, for each of which there is a key. */
    private static Topic overlay(TestEngine engine, String name, int hundreds) {
        engine.create(name + "-patch", 1, KEEPING);
        for (int i = 0; i < hundreds; i++) {
            append(engine.log(name + "-patch", 0), record("k" + i, name + "x".repeat(100_000)));
        }
        return view(engine, name, name + "-patch");
    }

    private static Topic view(TestEngine engine, String name, String patch) {
        return engine.create(
                name,
                1,
                Map.of(
                        "headrace.view.type", "overlay",
                        "headrace.view.topics", "base",
                        "headrace.view.patch", patch));
    }

    private static void awaitPin(TestEngine engine, String name) {
        await(
                "pin of " + name,
                () -> {
                    Topic topic = engine.engine.catalog().find(name);
                    // It is in the catalog a moment before the view knows it.
                    return topic != null
                            && topic.configs().containsKey("headrace.view.pinned")
                            && engine.engine.partitionLog(topic, 0) != null;
                });
    }

    private static void awaitSweep(TestEngine engine) {
        long passes = engine.metric("headrace_retention_passes_total");
        await("sweep", () -> engine.metric("headrace_retention_passes_total") > passes + 1);
    }

    private static long patchBytes(TestEngine engine) {
        return engine.metric("headrace_overlay_patch_bytes");
    }

    private static void assertShown(TestEngine engine, String name) {
        List<String> shown = readAll(engine.log(name, 0), 0);
        assertEquals(1, shown.size());
        assertTrue(shown.get(0).startsWith("0:" + name), shown.get(0));
    }

    @Test
    void aPatchThatNobodyAsksForGoesAfterTenMinutesAndIsReadAgain() {
        MovedClock clock = new MovedClock();
        try (TestEngine engine = launch(clock)) {
            base(engine);
            overlay(engine, "view", 3);
            awaitPin(engine, "view");
            assertShown(engine, "view");
            long bytes = patchBytes(engine);
            assertTrue(bytes >= 300_000, "in memory: " + bytes);
            clock.moveMs(500_000);
            assertShown(engine, "view"); // from here on nobody does
            clock.moveMs(570_000);
            awaitSweep(engine);
            assertEquals(bytes, patchBytes(engine));
            clock.moveMs(30_000);
            await("it goes", () -> patchBytes(engine) == 0);
            long replaced = engine.metric("headrace_overlay_replaced_records_total");
            assertShown(engine, "view");
            assertEquals(bytes, patchBytes(engine));
            assertEquals(replaced + 1, engine.metric("headrace_overlay_replaced_records_total"));
        }
    }

    /** Of the 12 MiB that patches may take, each of these takes more than half. */
    @Test
    void aPatchGoesForAnotherOnceNobodyHasAskedForTenSeconds() {
        MovedClock clock = new MovedClock();
        try (TestEngine engine = launch(clock)) {
            base(engine);
            overlay(engine, "one", 70);
            awaitPin(engine, "one");
            clock.moveMs(10_000);
            overlay(engine, "two", 70); // for which the first one goes
            awaitPin(engine, "two");
            assertShown(engine, "two");
            assertTrue(patchBytes(engine) < 8_000_000, "one is in memory");

            // Who asks too soon is told that there is no room, and the other one stays.
            PartitionLog one = engine.log("one", 0);
            assertEquals(Unavailable.BUSY, read(one, 0, 1 << 20));
            assertShown(engine, "two");
            clock.moveMs(10_000);
            await("room", () -> isShown(one));
            assertShown(engine, "one");
            assertTrue(patchBytes(engine) < 8_000_000, "one is in memory");
        }
    }

    private static boolean isShown(PartitionLog log) {
        try (ReadResult result = read(log, 0, 1 << 20)) {
            return result instanceof RecordsLease;
        }
    }

    private static List<CompletableFuture<ReadResult>> reads(PartitionLog log, int count) {
        List<CompletableFuture<ReadResult>> reads = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            CompletableFuture<ReadResult> read = new CompletableFuture<>();
            log.readCold(0, 1, read::complete);
            reads.add(read);
        }
        return reads;
    }

    private static void closeAll(List<CompletableFuture<ReadResult>> reads) {
        for (CompletableFuture<ReadResult> read : reads) {
            ReadResult result = get(read);
            result.close();
            assertInstanceOf(RecordsLease.class, result);
        }
    }

    private static boolean isBusy(CompletableFuture<ReadResult> read) {
        return read.getNow(Unavailable.COLD) == Unavailable.BUSY;
    }

    @Test
    void whoAsksWhereTooManyWaitIsToldSo() {
        try (TestEngine engine = new TestEngine(folder)) {
            base(engine);
            engine.create("patch", 1, KEEPING);
            append(engine.log("patch", 0), record("k1", "short"));
            view(engine, "view", "patch");
            awaitPin(engine, "view");
        }
        HeldPool pool = new HeldPool("headrace-view-assembler");
        try (TestEngine engine = launch(pool)) {
            PartitionLog view = engine.log("view", 0);
            pool.hold();
            List<CompletableFuture<ReadResult>> first = reads(view, READS_MAX);
            for (CompletableFuture<ReadResult> refused : reads(view, 3)) {
                assertEquals(Unavailable.BUSY, refused.getNow(Unavailable.COLD));
            }
            pool.release();
            closeAll(first);

            // The same where the patch is there, but nobody to look for its keys.
            pool.hold();
            List<CompletableFuture<ReadResult>> more = reads(view, READS_MAX + 100);
            await("refusal", () -> more.stream().anyMatch(OverlayMemoryTest::isBusy));
            pool.release();
            closeAll(more.stream().filter(read -> get(read) != Unavailable.BUSY).toList());
        }
    }
}
