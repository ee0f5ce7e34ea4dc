package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.batch;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.headrace.engine.Topic;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.record.internal.CompressionType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where a shard has files to seal and partitions to compact, neither waits for long. */
class SealerTurnsTest {
    private static final long HOUR_MS = 3_600_000;
    private static final int SHARDS = 2;

    /** Batches of {@link #fill} that make half-dead files enough for a pass. */
    private static final int PASS_BATCHES = 120;

    @TempDir Path folder;

    @Test
    void eachShardSealsAndCompactsByTurns() {
        PassesByShard passes = new PassesByShard();
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context -> context.journalCount(SHARDS).retentionCheckIntervalMs(100),
                        passes)) {
            List<Map<String, String>> names = createTopics(engine);
            fill(engine, names.get(0));
            await("first pass", passes::isHeld);
            for (Map<String, String> topics : names) {
                fill(engine, topics);
                makeDirty(engine, topics);
            }
            await("indexed", () -> engine.metric("headrace_journal_unindexed_bytes") == 0);
            passes.release();
            await("three passes", () -> passes.of(1).size() >= 3);
            assertEquals(List.of("sealed", "compacted", "sealed"), passes.of(1).subList(0, 3));
        }
    }

    /** Per shard, the names of a topic that is kept, one that is not, and a compacted one. */
    private static List<Map<String, String>> createTopics(TestEngine engine) {
        List<Map<String, String>> names = new ArrayList<>();
        for (int journal = 1; journal <= SHARDS; journal++) {
            names.add(
                    Map.of(
                            "kept",
                            create(engine, journal, Map.of("retention.ms", "-1")),
                            "hour",
                            create(engine, journal, Map.of("retention.ms", "" + HOUR_MS)),
                            "compacted",
                            create(
                                    engine,
                                    journal,
                                    Map.of(
                                            "cleanup.policy",
                                            "compact",
                                            "max.compaction.lag.ms",
                                            "1"))));
        }
        return names;
    }

    private static String create(TestEngine engine, int journal, Map<String, String> configs) {
        for (int attempt = 0; ; attempt++) {
            Topic topic =
                    engine.create(
                            "t-" + configs.hashCode() + "-" + journal + "-" + attempt, 1, configs);
            if (topic.journal() == journal) {
                return topic.name();
            }
        }
    }

    private static void fill(TestEngine engine, Map<String, String> topics) {
        long old = System.currentTimeMillis() - 2 * HOUR_MS;
        for (int i = 0; i < PASS_BATCHES; i++) {
            append(engine.log(topics.get("hour"), 0), batch(old, "x".repeat(60_000)));
            append(engine.log(topics.get("kept"), 0), batch("kept"));
        }
        long end = engine.log(topics.get("hour"), 0).highWatermark();
        await("expired", () -> engine.log(topics.get("hour"), 0).logStartOffset() == end);
    }

    private static void makeDirty(TestEngine engine, Map<String, String> topics) {
        long then = System.currentTimeMillis() - 1000;
        for (int i = 0; i < 3; i++) {
            KeyedRecord superseded = new KeyedRecord("key", "value " + i);
            KeyedRecord kept = new KeyedRecord("key " + i, "value");
            append(
                    engine.log(topics.get("compacted"), 0),
                    KeyedRecord.batch(CompressionType.NONE, then, superseded, kept));
        }
    }

    /** Notes what each segment was written by, and holds the first one. */
    private static final class PassesByShard extends HaltingFiles {
        /** {@code RetentionClass.COMPACTED}: docs/design/formats.md. */
        private static final int COMPACTED = 64;

        private final CountDownLatch held = new CountDownLatch(1);
        private final CountDownLatch released = new CountDownLatch(1);
        private final Map<Integer, List<String>> passes =
                Map.of(
                        1,
                        Collections.synchronizedList(new ArrayList<>()),
                        2,
                        Collections.synchronizedList(new ArrayList<>()));

        PassesByShard() {
            super(Step.NEVER);
        }

        boolean isHeld() {
            return held.getCount() == 0;
        }

        void release() {
            released.countDown();
        }

        List<String> of(int shard) {
            return List.copyOf(passes.get(shard));
        }

        @Override
        public FileChannel create(Path file) throws IOException {
            held.countDown();
            try {
                released.await(60, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return super.create(file);
        }

        @Override
        public void rename(Path from, Path to) throws IOException {
            ByteBuffer header = ByteBuffer.allocate(28).order(ByteOrder.LITTLE_ENDIAN);
            try (FileChannel channel = open(from)) {
                read(channel, header, 0);
            }
            int shard = to.getParent().endsWith("data-1") ? 1 : 2;
            passes.get(shard).add(header.getInt(20) == COMPACTED ? "compacted" : "sealed");
            super.rename(from, to);
        }
    }
}
