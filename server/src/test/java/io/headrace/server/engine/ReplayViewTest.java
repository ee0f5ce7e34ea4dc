package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.awaitHighWatermark;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Unavailable;
import io.headrace.engine.Views.Share;
import io.headrace.engine.Views.Wish;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.record.internal.CompressionType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What a replay view shows of the topics that it is over. */
final class ReplayViewTest {
    private static final String RANGES = "headrace.view.ranges";

    @TempDir Path folder;
    private TestEngine engine;

    @BeforeEach
    void start() {
        engine = new TestEngine(folder, context -> context.retentionCheckIntervalMs(50));
    }

    @AfterEach
    void close() {
        engine.close();
    }

    private static Map<String, String> replay(String ranges) {
        return Map.of("headrace.view.type", "replay", RANGES, ranges);
    }

    private PartitionLog view(int partitions, String ranges) {
        engine.create("again", partitions, replay(ranges));
        return engine.log("again", 0);
    }

    /** Three batches of three records each. */
    private void produceNine(String topic, int partition) {
        PartitionLog log = engine.log(topic, partition);
        append(log, batch("a", "b", "c"));
        append(log, batch("d", "e", "f"));
        append(log, batch("g", "h", "i"));
        awaitHighWatermark(log, 9);
    }

    @Test
    void aRangeIsReadWithItsOffsetsAndNothingElseIs() {
        engine.create("orders", 2, Map.of());
        produceNine("orders", 0);
        produceNine("orders", 1);
        engine.create("again", 2, replay("orders=1:3-6,0:1-8"));

        PartitionLog whole = engine.log("again", 0);
        assertEquals(3, whole.logStartOffset());
        assertEquals(6, whole.highWatermark());
        assertEquals(List.of("3:d", "4:e", "5:f"), TestEngine.readAll(whole, 3));
        assertEquals(Unavailable.CAUGHT_UP, whole.read(6, 100));
        assertEquals(Unavailable.OFFSET_OUT_OF_RANGE, whole.read(7, 100));
        assertEquals(Unavailable.OFFSET_OUT_OF_RANGE, whole.read(2, 100));

        PartitionLog cut = engine.log("again", 1);
        List<String> expected = List.of("1:b", "2:c", "3:d", "4:e", "5:f", "6:g", "7:h");
        assertEquals(expected, TestEngine.readAll(cut, 1));
        assertEquals(List.of("7:h"), TestEngine.readAll(cut, 7));

        engine.close();
        start();
        assertEquals(expected, TestEngine.readAll(engine.log("again", 1), 1));
    }

    @ParameterizedTest
    @EnumSource(
            value = CompressionType.class,
            names = {"NONE", "GZIP", "SNAPPY", "LZ4", "ZSTD"})
    void aBatchIsCutWhateverItsCodec(CompressionType codec) {
        engine.create("orders", 1, Map.of());
        PartitionLog log = engine.log("orders", 0);
        KeyedRecord[] records = {
            new KeyedRecord("k", "a"), new KeyedRecord("k", null), new KeyedRecord("l", "b")
        };
        append(log, KeyedRecord.batch(codec, System.currentTimeMillis(), records));
        append(log, KeyedRecord.batch(codec, System.currentTimeMillis(), records));
        awaitHighWatermark(log, 6);

        PartitionLog again = view(1, "orders=0:0-5");
        assertEquals(
                List.copyOf(KeyedRecord.readAll(log, 0).headMap(5L).values()),
                List.copyOf(KeyedRecord.readAll(again, 0).values()));
    }

    @Test
    void whatIsGoneIsAnErrorAndNotPassedOver() {
        engine.create("orders", 1, Map.of());
        produceNine("orders", 0);
        PartitionLog again = view(1, "orders=0:0-9");
        get(engine.log("orders", 0).deleteRecords(6));
        assertEquals(Unavailable.CORRUPT, again.read(2, 100));
        assertEquals(List.of("6:g", "7:h", "8:i"), TestEngine.readAll(again, 6));
    }

    @Test
    void whatAMemoryTopicLostIsAnErrorToo() {
        engine.create("orders", 1, Map.of("headrace.storage.mode", "memory"));
        produceNine("orders", 0);
        view(1, "orders=0:0-9");
        engine.close();
        start();
        assertEquals(Unavailable.CORRUPT, engine.log("again", 0).read(2, 100));

        PartitionLog log = engine.log("orders", 0);
        long offset = append(log, batch("z"));
        awaitHighWatermark(log, offset + 1);
        assertEquals(Unavailable.CORRUPT, engine.log("again", 0).read(2, 100));
    }

    @Test
    void aLaneIsReplayedToItsEndWithinABatch() {
        engine.create("orders", 1, Map.of());
        append(engine.log("orders", 0), batch("a", "b", "c", "d"));
        awaitHighWatermark(engine.log("orders", 0), 4);
        Map<String, String> share =
                Map.of(
                        "headrace.view.type", "share",
                        "headrace.view.topics", "orders",
                        "headrace.view.group", "workers",
                        "headrace.view.takeback.ms", "1");
        engine.create("work", 2, share);
        Topic work = engine.engine.catalog().find("work");
        assertNotNull(work);
        Share views = engine.engine.views().share(work);
        assertNotNull(views);
        views.committedBefore(new int[] {0, 1}, new long[] {0, 0});
        views.wish(new Wish(new int[] {0}, 1 << 20));
        awaitHighWatermark(engine.log("work", 0), 4);
        views.committed(new int[] {0}, new long[] {2}, new int[] {0});
        views.wish(new Wish(new int[] {1}, 1 << 20));
        TestEngine.await("taken back", () -> engine.log("work", 1).highWatermark() > 0);

        PartitionLog again = view(1, "work=0:0-2");
        assertEquals(List.of("0:a", "1:b"), TestEngine.readAll(again, 0));
        try (ReadResult read = TestEngine.read(again, 0, 1 << 20)) {
            assertEquals(2, assertInstanceOf(RecordsLease.class, read).nextOffset());
        }
    }

    @Test
    void lanesCanBeReplayed() {
        engine.create("orders", 1, Map.of());
        produceNine("orders", 0);
        engine.create(
                "work",
                2,
                Map.of(
                        "headrace.view.type", "share",
                        "headrace.view.topics", "orders",
                        "headrace.view.group", "workers"));
        Topic work = engine.engine.catalog().find("work");
        assertNotNull(work);
        Share share = engine.engine.views().share(work);
        assertNotNull(share);
        share.wish(new Wish(new int[] {1}, 1 << 20));
        awaitHighWatermark(engine.log("work", 1), 9);

        assertEquals(
                List.of("1:b", "2:c", "3:d", "4:e"), TestEngine.readAll(view(1, "work=1:1-5"), 1));
    }

    @Test
    void itIsFixed() {
        engine.create("orders", 1, Map.of());
        produceNine("orders", 0);
        PartitionLog again = view(1, "orders=0:0-9");
        Topic topic = again.topic();
        TopicCatalog catalog = engine.engine.catalog();
        assertEquals(PartitionLog.READ_ONLY, again.append(batch("x")));
        CatalogResult grown = get(catalog.grow(topic.id(), 2, false));
        assertEquals(TopicCatalog.Error.REFUSED, grown.error());
        CatalogResult altered =
                get(catalog.alterConfigs(topic.id(), Map.of(RANGES, "orders=0:0-1"), false));
        assertEquals(TopicCatalog.Error.REFUSED, altered.error());
        Topic orders = catalog.find("orders");
        assertNotNull(orders);
        CatalogResult deleted = get(catalog.delete(List.of(orders.id()))).get(0);
        assertEquals(TopicCatalog.Error.REFUSED, deleted.error());
        assertTrue(deleted.message().contains("again"), deleted.message());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "''|1",
                "orders|1",
                "=0:0-1|1",
                "orders=|1",
                "orders=0|1",
                "orders=0:2-1|1",
                "orders=0:-1-1|1",
                "orders=x:0-1|1",
                "orders=0:0-99999999999999999999|1",
                "orders=0:0-1,0:1-2|2",
                "orders=0:0-1;orders=0:1-2|2",
                "orders=1:0-1|1",
                "others=0:0-1|1",
                "orders=0:0-1|2",
                "first=0:0-1|1",
            })
    void whatIsNoneIsRefusedByName(String ranges, int partitions) {
        engine.create("orders", 1, Map.of());
        engine.create("first", 1, replay("orders=0:0-0"));
        TopicSpec spec = new TopicSpec("again", partitions, replay(ranges));
        CatalogResult refused = get(engine.engine.catalog().create(List.of(spec), false)).get(0);
        assertEquals(TopicCatalog.Error.INVALID_CONFIG, refused.error());
        assertTrue(refused.message().contains(RANGES), refused.message());
    }
}
