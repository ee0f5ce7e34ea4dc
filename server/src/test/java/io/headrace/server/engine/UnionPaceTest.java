package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Unavailable;
import io.headrace.engine.Views.UnionStatus;
import io.headrace.engine.journal.JournalScan;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Which of what is below a union comes first, and what is in nobody's way. */
@Timeout(300)
final class UnionPaceTest {
    private static final String UNIONS = "headrace-unions";
    private static final String PROJECTOR = "headrace-projector";
    private static final String BUDGET = "headrace.memory.topic.budget.bytes";
    private static final String DAMAGED = "union waits for a damaged topic";

    /** A quarter of the lag at which producers are refused, and some. */
    private static final int LAG_BATCHES = 290;

    private static final int LAG_BATCH_BYTES = 1_000_000;

    /** More than wait at the tap, of 65,536. */
    private static final int MANY = 66_000;

    private static final int PER_REQUEST = 1000;

    @TempDir Path folder;

    private TestEngine start(HeldPool background, int journals) {
        return new TestEngine(
                folder,
                context -> context.journalCount(journals).journalCycleBytes(64 << 20),
                background);
    }

    private static void union(TestEngine engine) {
        engine.create(
                "all",
                1,
                Map.of(
                        "headrace.view.type", "union",
                        "headrace.view.topics", "agents.*",
                        "retention.ms", "-1"));
    }

    private static UnionStatus status(TestEngine engine) {
        Topic topic = Objects.requireNonNull(engine.engine.catalog().find("all"));
        return get(engine.engine.views().unionStatus(topic));
    }

    private static void awaitUnion(TestEngine engine, long count) {
        await(count + " records", () -> engine.log("all", 0).highWatermark() >= count);
        assertEquals(count, engine.log("all", 0).logEndOffset());
    }

    /** Where a record is in the union. */
    private static int place(TestEngine engine, String value) {
        List<String> records = TestEngine.readAll(engine.log("all", 0), 0);
        for (int i = 0; i < records.size(); i++) {
            if (records.get(i).endsWith(":" + value)) {
                return i;
            }
        }
        throw new AssertionError("not there: " + value);
    }

    /** What was there before the union, beside many topics that are appended to all the time. */
    @Test
    void theBacklogGetsItsShareHoweverMuchHasRisen() {
        int topics = 40;
        int batches = 20;
        HeldPool background = new HeldPool(UNIONS);
        try (TestEngine engine = start(background, 1)) {
            engine.create("agents.quiet", 1, Map.of());
            append(engine.log("agents.quiet", 0), batch("quiet"));
            background.hold();
            union(engine);
            for (int topic = 0; topic < topics; topic++) {
                engine.create("agents.loud." + topic, 1, Map.of());
                for (int i = 0; i < batches; i++) {
                    append(engine.log("agents.loud." + topic, 0), batch("x".repeat(100_000)));
                }
            }
            engine.create("agents.new", 1, Map.of());
            append(engine.log("agents.new", 0), batch("new"));
            background.release();
            awaitUnion(engine, topics * batches + 2);
            int place = place(engine, "quiet");
            assertTrue(place < topics * batches * 3 / 4, "the backlog waits: " + place);
            place = place(engine, "new");
            assertTrue(place < topics * batches / 2, "what is new waits: " + place);
        }
    }

    @Test
    void theBacklogWaitsAsLongAsTheIndexLagsAndWhatIsNewDoesNot() {
        HeldPool background = new HeldPool(PROJECTOR);
        try (TestEngine engine = start(background, 1)) {
            engine.create("agents.old", 1, Map.of());
            append(engine.log("agents.old", 0), batch("old"));
            engine.create("bulk", 1, Map.of());
            background.hold();
            ByteBuffer bulk = batch("x".repeat(LAG_BATCH_BYTES));
            for (int i = 0; i < LAG_BATCHES; i++) {
                assertTrue(engine.log("bulk", 0).append(bulk.duplicate()) >= 0);
            }
            union(engine);
            engine.create("agents.new", 1, Map.of());
            for (int i = 0; i < 3; i++) {
                append(engine.log("agents.new", 0), batch("new" + i));
                awaitUnion(engine, i + 1);
            }
            background.release();
            awaitUnion(engine, 4);
            assertEquals(3, place(engine, "old"));
        }
    }

    /** What comes to a partition that was copied to its end, be it more than one go. */
    @Test
    void whatIsBusyGoesOnHoweverFarTheIndexLags() {
        int batches = 20;
        HeldPool projector = new HeldPool(PROJECTOR);
        HeldPool unions = new HeldPool(UNIONS, projector);
        try (TestEngine engine = start(unions, 1)) {
            engine.create("agents.busy", 1, Map.of());
            append(engine.log("agents.busy", 0), batch("first"));
            union(engine);
            awaitUnion(engine, 1);
            engine.create("bulk", 1, Map.of());
            projector.hold();
            unions.hold();
            ByteBuffer bulk = batch("x".repeat(LAG_BATCH_BYTES));
            for (int i = 0; i < LAG_BATCHES; i++) {
                assertTrue(engine.log("bulk", 0).append(bulk.duplicate()) >= 0);
            }
            ByteBuffer busy = batch("x".repeat(100_000));
            for (int i = 0; i < batches; i++) {
                assertTrue(engine.log("agents.busy", 0).append(busy.duplicate()) >= 0);
            }
            unions.release();
            awaitUnion(engine, 1 + batches);
            projector.release();
        }
    }

    /** What the journal had of a topic that is in memory now, and memory has overwritten since. */
    @Test
    void whatWasPersistentAndIsOverwrittenInMemoryCountsAsSkipped() {
        int batches = 20;
        HeldPool background = new HeldPool(UNIONS);
        try (TestEngine engine = start(background, 1)) {
            engine.create("agents.moved", 1, Map.of(BUDGET, "200000"));
            append(engine.log("agents.moved", 0), batch("copied"));
            union(engine);
            awaitUnion(engine, 1);
            background.hold();
            append(engine.log("agents.moved", 0), batch("persistent"));
            Topic topic = Objects.requireNonNull(engine.engine.catalog().find("agents.moved"));
            Map<String, String> memory = Map.of("headrace.storage.mode", "memory");
            get(engine.engine.catalog().alterConfigs(topic.id(), memory, false));
            for (int i = 0; i < batches; i++) {
                append(engine.log("agents.moved", 0), batch("x".repeat(100_000)));
            }
            long start = engine.log("agents.moved", 0).logStartOffset();
            assertTrue(start > 2, "nothing is overwritten: " + start);
            background.release();
            await("rows", () -> status(engine).behind() == 0 && status(engine).skipped() > 0);
            long left = batches + 2 - start;
            assertEquals(new UnionStatus(1, 0, 1 + left, start - 1), status(engine));
        }
    }

    /** What does not find room at the tap is found by a look through the catalog. */
    @Test
    void allAreCopiedThoughMoreHaveRisenThanCanWait() {
        HeldPool background = new HeldPool(UNIONS);
        try (TestEngine engine = start(background, 2)) {
            union(engine);
            createMany(engine);
            background.hold();
            for (int i = 0; i < MANY; i++) {
                PartitionLog log = engine.log("agents." + i, 0);
                while (log.append(batch("a")) < 0) {
                    LockSupport.parkNanos(1_000_000);
                }
            }
            background.release();
            for (int i = 0; i < 6 && engine.log("all", 0).highWatermark() < MANY; i++) {
                awaitSome(engine);
            }
            awaitUnion(engine, MANY);
            assertTrue(engine.metric("headrace_union_overflows_total") > 0, "all found room");
        }
    }

    private static void awaitSome(TestEngine engine) {
        long deadline = System.nanoTime() + 20_000_000_000L;
        while (engine.log("all", 0).highWatermark() < MANY && System.nanoTime() < deadline) {
            LockSupport.parkNanos(10_000_000);
        }
    }

    private static void createMany(TestEngine engine) {
        for (int from = 0; from < MANY; from += PER_REQUEST) {
            List<TopicSpec> specs = new ArrayList<>();
            for (int i = from; i < Math.min(from + PER_REQUEST, MANY); i++) {
                specs.add(new TopicSpec("agents." + i, 1, Map.of()));
            }
            get(engine.engine.catalog().create(specs, false));
        }
    }

    @Test
    void aDamagedTopicIsSaidOnceHoweverMuchIsAppendedToIt() throws IOException {
        long[] at = new long[1];
        try (TestEngine engine = start(new HeldPool("none"), 1)) {
            engine.create("agents.damaged", 1, Map.of());
            append(engine.log("agents.damaged", 0), batch("damaged"));
            engine.create("agents.sound", 1, Map.of());
        }
        Path cycle =
                JournalScan.read(
                                folder.resolve("journal/data-1"),
                                (position, type, id, number, offset, epoch, time, payload) -> {
                                    if (type == EntryType.BATCH) {
                                        at[0] = position;
                                    }
                                })
                        .get(0)
                        .path();
        try (FileChannel file = FileChannel.open(cycle, StandardOpenOption.WRITE)) {
            file.write(
                    ByteBuffer.wrap(new byte[] {77}),
                    Journal.fileOffset(at[0]) + Journal.ENVELOPE_LENGTH + 70);
        }
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        PrintStream before = System.err;
        System.setErr(new PrintStream(said, true, StandardCharsets.UTF_8));
        try (TestEngine engine = start(new HeldPool("none"), 1)) {
            assertEquals(
                    Unavailable.CORRUPT,
                    TestEngine.read(engine.log("agents.damaged", 0), 0, 1 << 16));
            union(engine);
            await("said", () -> said.toString(StandardCharsets.UTF_8).contains(DAMAGED));
            for (int i = 0; i < 20; i++) {
                append(engine.log("agents.damaged", 0), batch("behind" + i));
                append(engine.log("agents.sound", 0), batch("sound" + i));
                awaitUnion(engine, i + 1);
            }
            assertEquals(1, engine.metric("headrace_union_unreadable_partitions"));
            get(engine.log("agents.damaged", 0).deleteRecords(1));
        } finally {
            System.setErr(before);
        }
        String text = said.toString(StandardCharsets.UTF_8);
        assertEquals(1, text.split(DAMAGED, -1).length - 1, text);
    }

    /** A batch of some kilobytes that would be more than 64 MiB. */
    @Test
    void whatIsTooLongDecompressedIsSkippedAndCounted() {
        try (TestEngine engine = start(new HeldPool("none"), 1)) {
            union(engine);
            engine.create("agents.bomb", 1, Map.of());
            append(engine.log("agents.bomb", 0), batch("before"));
            SimpleRecord quarter = new SimpleRecord(1, null, new byte[16 << 20]);
            ByteBuffer bomb =
                    MemoryRecords.withRecords(
                                    Compression.zstd().build(), quarter, quarter, quarter, quarter)
                            .buffer();
            assertTrue(bomb.remaining() < 100_000);
            append(engine.log("agents.bomb", 0), bomb);
            append(engine.log("agents.bomb", 0), batch("behind"));
            awaitUnion(engine, 2);
            assertEquals(1, place(engine, "behind"));
            await("rows", () -> status(engine).behind() == 0);
            assertEquals(new UnionStatus(1, 0, 2, 4), status(engine));
            String labels = "{topic=\"all\"";
            assertEquals(2, engine.metric("headrace_union_copied_records_total" + labels + "}"));
            assertTrue(engine.metric("headrace_union_copied_bytes_total" + labels + "}") > 200);
            assertEquals(0, engine.metric("headrace_union_refused_appends_total" + labels + "}"));
            assertEquals(
                    4,
                    engine.metric(
                            "headrace_union_skipped_records_total"
                                    + labels
                                    + ",reason=\"unreadable\"}"));
            assertEquals(0, engine.metric("headrace_union_waiting_partitions"));
        }
    }
}
