package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.get;
import static io.headrace.server.engine.TestEngine.readAll;
import static io.headrace.server.engine.TestEngine.records;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.journal.JournalRepair;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.kafka.common.record.internal.CompressionType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Batches that the index still knows, and that a repair has cut out. */
class CutOutTest {
    private static final List<String> VALUES = List.of("first", "second", "third", "fourth");

    @TempDir Path data;

    private Path journal() {
        return data.resolve("journal/data-1");
    }

    private TestEngine start() {
        return new TestEngine(data, context -> context.journalCount(1));
    }

    @BeforeEach
    void fill() {
        try (TestEngine engine = start()) {
            engine.create("t", 1, Map.of());
            VALUES.forEach(value -> append(engine.log("t", 0), batch(value)));
        }
    }

    /** The journal's file with that value. */
    private Path cycle(String value) throws IOException {
        try (Stream<Path> files = Files.walk(journal())) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                if (indexOf(value, Files.readAllBytes(file)) >= 0) {
                    return file;
                }
            }
        }
        throw new AssertionError("not found: " + value);
    }

    private static int indexOf(String value, byte[] in) {
        byte[] wanted = value.getBytes(StandardCharsets.UTF_8);
        for (int at = 0; at + wanted.length <= in.length; at++) {
            if (Arrays.equals(in, at, at + wanted.length, wanted, 0, wanted.length)) {
                return at;
            }
        }
        return -1;
    }

    private void damage(String value) throws IOException {
        Path cycle = cycle(value);
        byte[] bytes = Files.readAllBytes(cycle);
        bytes[indexOf(value, bytes)] ^= 1;
        Files.write(cycle, bytes);
    }

    private void repair() throws IOException {
        assertTrue(!JournalRepair.run(journal(), data.resolve("side")).isEmpty(), "sound");
    }

    @Test
    void readersPassOverThem() throws IOException {
        damage("second");
        damage("third");
        try (TestEngine engine = start()) {
            assertEquals(Unavailable.CORRUPT, TestEngine.read(engine.log("t", 0), 1, 1 << 16));
        }
        repair();
        try (TestEngine engine = start()) {
            PartitionLog log = engine.log("t", 0);
            assertEquals(List.of("0:first", "3:fourth"), readAll(log, 0));
            assertEquals(List.of("3:fourth"), readAll(log, 2));
        }
    }

    /** Not as if the reader had caught up: it would wait for what is to come, and that is there. */
    @Test
    void thoseAtTheEndAreSaidToBeCutOutUntilSomethingFollows() throws IOException {
        damage("fourth");
        repair();
        try (TestEngine engine = start()) {
            PartitionLog log = engine.log("t", 0);
            assertEquals(Unavailable.CUT_OUT, TestEngine.read(log, 3, 1 << 16));
            append(log, batch("new"));
        }
        try (TestEngine engine = start()) {
            try (ReadResult result = TestEngine.read(engine.log("t", 0), 3, 1 << 16)) {
                assertEquals(List.of("4:new"), records((RecordsLease) result, 3));
            }
        }
    }

    @Test
    void compactionTakesThemAsGone() throws IOException {
        TreeMap<Long, KeyedRecord> kept = new TreeMap<>();
        try (TestEngine engine = start()) {
            engine.create("c", 1, Map.of("cleanup.policy", "compact"));
            for (String value : List.of("older", "newer", "damaged", "last")) {
                appendKeyed(engine.log("c", 0), "key", value);
            }
        }
        damage("damaged");
        repair();
        try (TestEngine engine = start()) {
            Topic topic = engine.engine.catalog().find("c");
            Map<String, String> soon =
                    Map.of("cleanup.policy", "compact", "max.compaction.lag.ms", "1");
            get(engine.engine.catalog().alterConfigs(topic.id(), soon, false));
            PartitionLog log = engine.log("c", 0);
            kept.put(1L, new KeyedRecord("key", "newer"));
            kept.put(3L, new KeyedRecord("key", "last"));
            await("compacted", () -> KeyedRecord.readAll(log, 0).equals(kept));
            appendKeyed(log, "key", "more");
            kept.remove(1L);
            kept.put(4L, new KeyedRecord("key", "more"));
            await("compacted again", () -> KeyedRecord.readAll(log, 0).equals(kept));
            assertEquals(0, engine.metric("headrace_compaction_damaged_partitions_total"));
        }
    }

    private static void appendKeyed(PartitionLog log, String key, String value) {
        long nowMs = System.currentTimeMillis() - 1000;
        append(log, KeyedRecord.batch(CompressionType.NONE, nowMs, new KeyedRecord(key, value)));
    }

    /** So that nothing keeps the file; a partition's end stays known. */
    @Test
    void sealingTakesThemAsGone() throws IOException {
        try (TestEngine engine = start()) {
            engine.create("filling", 1, Map.of());
            append(engine.log("filling", 0), batch("x".repeat(200_000)));
            List.of("fifth", "sixth").forEach(value -> append(engine.log("t", 0), batch(value)));
        }
        List<Path> damaged = List.of(cycle("second"), cycle("fifth"));
        damage("second");
        damage("fifth");
        repair();
        try (TestEngine engine = sealing()) {
            List<String> left =
                    new ArrayList<>(List.of("0:first", "2:third", "3:fourth", "5:sixth"));
            PartitionLog filling = engine.log("filling", 0);
            for (int i = 0; i < 40; i++) {
                append(filling, batch("x".repeat(200_000)));
                left.add(append(engine.log("t", 0), batch("more")) + ":more");
            }
            get(filling.deleteRecords(-1));
            await("gone", () -> damaged.stream().noneMatch(Files::exists));
            assertEquals(left, readAll(engine.log("t", 0), 0));
        }
    }

    private TestEngine sealing() {
        return new TestEngine(
                data, context -> context.journalCount(1).retentionCheckIntervalMs(50));
    }
}
