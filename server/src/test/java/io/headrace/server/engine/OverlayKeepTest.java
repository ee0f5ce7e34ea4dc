package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.get;
import static io.headrace.server.engine.TestEngine.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.batch.RecordFilter;
import io.headrace.engine.testing.LeakCheck;
import io.headrace.kafka.KafkaRecordFilter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** What an overlay is over is what it is pinned to, whatever was under way when it was made. */
final class OverlayKeepTest {
    private static final Map<String, String> KEEPING = Map.of("retention.ms", "-1");
    private static final String PINNED = "headrace.view.pinned";

    @RegisterExtension final LeakCheck leaks = new LeakCheck();

    @TempDir Path folder;

    private static ByteBuffer batch(String key, String value) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(200 + key.length() + value.length());
        RecordBatchWriter writer = new RecordBatchWriter().begin(buffer, 1);
        writer.append(1, bytes(key), bytes(value));
        writer.end();
        return buffer.flip();
    }

    private static ByteBuffer bytes(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }

    private static CatalogResult create(
            TestEngine engine, String name, int partitions, Map<String, String> configs) {
        TopicSpec spec = new TopicSpec(name, partitions, configs);
        return get(engine.engine.catalog().create(List.of(spec), false)).get(0);
    }

    private static Map<String, String> overlay(String base, String patch, @Nullable String pin) {
        Map<String, String> configs = new HashMap<>();
        configs.put("headrace.view.type", "overlay");
        configs.put("headrace.view.topics", base);
        configs.put("headrace.view.patch", patch);
        if (pin != null) {
            configs.put(PINNED, pin);
        }
        return configs;
    }

    private static void assertRefused(CatalogResult result, String part) {
        assertNull(result.topic(), result::toString);
        assertTrue(result.message().contains(part), result::message);
    }

    private static String awaitPin(TestEngine engine, String name) {
        String[] pin = new String[1];
        await(
                "pin",
                () -> {
                    Topic topic = engine.engine.catalog().find(name);
                    pin[0] = topic == null ? null : topic.configs().get(PINNED);
                    // It is in the catalog a moment before the view knows it.
                    return pin[0] != null && engine.engine.partitionLog(topic, 0) != null;
                });
        return pin[0];
    }

    /** Looks into batches as ever, but stops where a compaction would take away a certain one. */
    private static final class HeldFilter implements RecordFilter {
        private static final int HELD_AT = 5;

        private final RecordFilter filter = new KafkaRecordFilter();
        private final AtomicInteger count = new AtomicInteger();
        private final CountDownLatch held = new CountDownLatch(1);
        private final CountDownLatch released = new CountDownLatch(1);

        @Override
        public boolean isCompactable(ByteBuffer batch) {
            return filter.isCompactable(batch);
        }

        @Override
        public void forEach(ByteBuffer batch, Visitor visitor) {
            filter.forEach(batch, visitor);
        }

        @Override
        public @Nullable ByteBuffer filter(
                ByteBuffer batch, Selection selection, long deleteHorizonMs) {
            if (count.incrementAndGet() == HELD_AT) {
                held.countDown();
                await(released);
            }
            return filter.filter(batch, selection, deleteHorizonMs);
        }

        static void await(CountDownLatch latch) {
            try {
                assertTrue(latch.await(60, TimeUnit.SECONDS));
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }

        @Override
        public ByteBuffer uncompressed(ByteBuffer batch) {
            return filter.uncompressed(batch);
        }
    }

    /** Batches are gone, and no pass has come to its end that would say below where. */
    @Test
    void aTopicWhoseCompactionWasBrokenOffIsNoBase() {
        HeldFilter filter = new HeldFilter();
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context ->
                                context.journalCount(1)
                                        .retentionCheckIntervalMs(20)
                                        .compactionPassBytes(1)
                                        .recordFilter(filter))) {
            Topic base = engine.create("base", 1, KEEPING);
            engine.create("patch", 1, KEEPING);
            for (int i = 0; i < 20; i++) {
                append(engine.log("base", 0), batch("k" + i % 2, "v" + i));
            }
            alter(engine, base, "compact");
            HeldFilter.await(filter.held);
            alter(engine, base, "delete");
            CatalogResult refused = create(engine, "view", 1, overlay("base", "patch", null));
            assertRefused(refused, "nothing was taken by compaction");
            filter.released.countDown();
            refused = create(engine, "view", 1, overlay("base", "patch", null));
            assertRefused(refused, "nothing was taken by compaction");
            // Once all of it has gone, nothing is missing any more.
            get(engine.log("base", 0).deleteRecords(-1));
            append(engine.log("base", 0), batch("a", "1"));
            append(engine.log("patch", 0), batch("a", "one"));
            assertNotNull(create(engine, "view", 1, overlay("base", "patch", null)).topic());
            assertEquals("20-21", awaitPin(engine, "view").replaceAll("^[0-9]+:|;.*", ""));
            assertEquals(List.of("20:one"), readAll(engine.log("view", 0), 20));
        }
    }

    private static void alter(TestEngine engine, Topic topic, String policy) {
        Map<String, String> changes =
                Map.of("cleanup.policy", policy, "max.compaction.lag.ms", "1");
        CatalogResult altered =
                get(engine.engine.catalog().alterConfigs(topic.id(), changes, false));
        assertNotNull(altered.topic(), altered::toString);
    }

    @Test
    void aPinOfOffsetsThatAreNotThereIsRefused() {
        try (TestEngine engine = new TestEngine(folder)) {
            Topic base = engine.create("base", 2, KEEPING);
            Topic patch = engine.create("patch", 1, KEEPING);
            for (int i = 0; i < 5; i++) {
                append(engine.log("base", 0), batch("k" + i, "v" + i));
                append(engine.log("base", 1), batch("k" + i, "v" + i));
                append(engine.log("patch", 0), batch("k" + i, "w" + i));
            }
            get(engine.log("base", 0).deleteRecords(2));
            get(engine.log("patch", 0).deleteRecords(1));
            assertNotNull(create(engine, "servers", 2, overlay("base", "patch", null)).topic());
            String pin = awaitPin(engine, "servers");
            String crc = pin.replaceAll("^.*;[0-9]+:([0-9a-f]{8}):.*$", "$1");
            assertEquals(base.id() + ":2-5,5;" + patch.id() + ":" + crc + ":1-5", pin);

            List<String> wrong = new ArrayList<>();
            for (String spans : List.of("1-5,5", "2-6,5", "2-5,6", "")) {
                wrong.add(base.id() + ":" + spans + ";" + patch.id() + ":" + crc + ":1-5");
            }
            for (String spans : List.of("5", "0-5", "1-6", "6-6")) {
                wrong.add(base.id() + ":2-5,5;" + patch.id() + ":" + crc + ":" + spans);
            }
            for (String each : wrong) {
                assertRefused(
                        create(engine, "given", 2, overlay("base", "patch", each)),
                        "offsets that base and patch have");
            }
            for (String each : List.of("2-5", "2-5,5,5")) {
                String other = base.id() + ":" + each + ";" + patch.id() + ":" + crc + ":1-5";
                assertRefused(
                        create(engine, "given", 2, overlay("base", "patch", other)),
                        "left to the server");
            }
            assertNotNull(create(engine, "given", 2, overlay("base", "patch", pin)).topic());
            assertEquals(List.of("2:w2", "3:w3", "4:w4"), readAll(engine.log("given", 0), 2));

            // Less than there is may be said: that is there, and stays.
            String less = base.id() + ":3-4,2;" + patch.id() + ":" + crc + ":1-5";
            assertNotNull(create(engine, "less", 2, overlay("base", "patch", less)).topic());
            assertEquals(List.of("3:w3"), readAll(engine.log("less", 0), 3));
            assertEquals(List.of("0:v0", "1:w1"), readAll(engine.log("less", 1), 0));

            // One that lies over another has what that has.
            Topic below = engine.engine.catalog().find("less");
            assertNotNull(below);
            String above = below.id() + ":3-4,2;" + patch.id() + ":" + crc + ":1-5";
            String more = below.id() + ":2-5,5;" + patch.id() + ":" + crc + ":1-5";
            assertRefused(
                    create(engine, "above", 2, overlay("less", "patch", more)),
                    "offsets that base and patch have");
            assertNotNull(create(engine, "above", 2, overlay("less", "patch", above)).topic());
            assertEquals(List.of("3:w3"), readAll(engine.log("above", 0), 3));
        }
    }
}
