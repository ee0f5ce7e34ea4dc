package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
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
import io.headrace.engine.Views.UnionStatus;
import io.headrace.engine.batch.RecordBatch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a union copies, in which order, and that it does so once. */
final class UnionViewTest {
    private static final String PATTERN = "agents.*.status";

    @TempDir Path folder;
    private TestEngine engine;

    @AfterEach
    void close() {
        if (engine != null) {
            engine.close();
        }
    }

    private void start() {
        engine = new TestEngine(folder, context -> context.retentionCheckIntervalMs(50));
    }

    private void restart() {
        engine.close();
        start();
    }

    private Topic union(int partitions) {
        return engine.create(
                "all",
                partitions,
                Map.of(
                        "headrace.view.type", "union",
                        "headrace.view.topics", PATTERN,
                        "retention.ms", "-1"));
    }

    private static String agent(int number) {
        return "agents.%03d.status".formatted(number);
    }

    private void produce(String topic, int partition, String... values) {
        append(engine.log(topic, partition), batch(values));
    }

    /** A record of a union. */
    private record Copy(int at, String topic, long topicId, int partition, long offset, Record of) {
        String value() {
            if (!of.hasValue()) {
                return "none";
            }
            byte[] bytes = new byte[of.valueSize()];
            of.value().get(bytes);
            return new String(bytes, StandardCharsets.UTF_8);
        }

        @Override
        public String toString() {
            return topic + "/" + partition + "@" + offset + "=" + value();
        }
    }

    private static Copy copy(int at, Record record) {
        Header[] headers = record.headers();
        Header topic = headers[headers.length - 2];
        Header origin = headers[headers.length - 1];
        assertEquals("headrace.topic", topic.key());
        assertEquals("headrace.origin", origin.key());
        ByteBuffer from = ByteBuffer.wrap(origin.value());
        return new Copy(
                at,
                new String(topic.value(), StandardCharsets.UTF_8),
                from.getLong(),
                from.getInt(),
                from.getLong(),
                record);
    }

    /** All that is in a partition of the union now; offsets are dense. */
    private List<Copy> readUnion(int partition) {
        PartitionLog log = engine.log("all", partition);
        List<Copy> copies = new ArrayList<>();
        long offset = log.logStartOffset();
        while (true) {
            try (ReadResult result = TestEngine.read(log, offset, 1 << 20)) {
                if (!(result instanceof RecordsLease lease)) {
                    assertEquals(Unavailable.CAUGHT_UP, result);
                    return copies;
                }
                for (int i = 0; i < lease.sliceCount(); i++) {
                    for (Record record :
                            MemoryRecords.readableRecords(owned(lease.slice(i))).records()) {
                        assertEquals(offset, record.offset());
                        copies.add(copy(partition, record));
                        offset++;
                    }
                }
            }
        }
    }

    private static ByteBuffer owned(ByteBuffer slice) {
        return ByteBuffer.allocate(slice.remaining()).put(slice.duplicate()).flip();
    }

    /** Waits until so many records are in the union. */
    private List<Copy> awaitUnion(int partitions, int count) {
        await(
                count + " records in the union",
                () ->
                        IntStream.range(0, partitions)
                                        .mapToLong(it -> engine.log("all", it).highWatermark())
                                        .sum()
                                >= count);
        List<Copy> copies = new ArrayList<>();
        for (int partition = 0; partition < partitions; partition++) {
            copies.addAll(readUnion(partition));
        }
        assertEquals(count, copies.size(), copies::toString);
        return copies;
    }

    private static List<String> texts(List<Copy> copies) {
        return copies.stream().map(Copy::toString).toList();
    }

    private UnionStatus status() {
        Topic topic = engine.engine.catalog().find("all");
        assertNotNull(topic);
        return get(engine.engine.views().unionStatus(topic));
    }

    private void delete(String name) {
        Topic topic = engine.engine.catalog().find(name);
        assertNotNull(topic);
        get(engine.engine.catalog().delete(List.of(topic.id())));
    }

    @Test
    void recordsOfAllTopicsOfTheNameComeTogetherAsTheyAreAndSayWhereTheyComeFrom() {
        start();
        Topic first = engine.create(agent(1), 1, Map.of("retention.ms", "-1"));
        engine.create("agents.1.outbox", 1, Map.of());
        union(1);
        Header[] own = {new RecordHeader("trace", new byte[] {7}), new RecordHeader("none", null)};
        SimpleRecord record =
                new SimpleRecord(
                        123_456,
                        "k".getBytes(StandardCharsets.UTF_8),
                        "v".getBytes(StandardCharsets.UTF_8),
                        own);
        for (CompressionType codec : CompressionType.values()) {
            append(
                    engine.log(agent(1), 0),
                    MemoryRecords.withRecords(
                                    Compression.of(codec).build(),
                                    record,
                                    new SimpleRecord(99, null, (byte[]) null))
                            .buffer());
        }
        produce("agents.1.outbox", 0, "not this");
        List<Copy> copies = awaitUnion(1, 2 * CompressionType.values().length);
        for (int i = 0; i < copies.size(); i++) {
            Copy copy = copies.get(i);
            assertEquals(agent(1), copy.topic);
            assertEquals(first.id(), copy.topicId);
            assertEquals(i, copy.offset);
            Record of = copy.of;
            if (i % 2 == 0) {
                assertEquals("v", copy.value());
                assertEquals(ByteBuffer.wrap("k".getBytes(StandardCharsets.UTF_8)), of.key());
                assertEquals(123_456, of.timestamp());
                assertEquals(4, of.headers().length);
                assertEquals(own[0], of.headers()[0]);
                assertEquals(own[1], of.headers()[1]);
            } else {
                assertEquals(false, of.hasValue() || of.hasKey());
                assertEquals(99, of.timestamp());
            }
        }
        assertEquals(new UnionStatus(1, 0, copies.size(), 0), settledStatus());
    }

    /** Rows follow the journal. */
    private UnionStatus settledStatus() {
        await("rows", () -> status().behind() == 0);
        return status();
    }

    @Test
    void eachPartitionBelowKeepsItsOrderAndItsPlace() {
        start();
        union(3);
        int count = 0;
        for (int agent = 0; agent < 20; agent++) {
            engine.create(agent(agent), 2, Map.of());
        }
        for (int round = 0; round < 10; round++) {
            for (int agent = 0; agent < 20; agent++) {
                produce(agent(agent), round % 2, "r" + round, "s" + round);
                count += 2;
            }
        }
        Map<String, Long> next = new HashMap<>();
        Map<String, Integer> place = new HashMap<>();
        for (Copy copy : awaitUnion(3, count)) {
            String from = copy.topic + "/" + copy.partition;
            assertEquals(next.getOrDefault(from, 0L), copy.offset, from);
            next.put(from, copy.offset + 1);
            assertEquals(copy.at, place.computeIfAbsent(copy.topic, it -> copy.at));
        }
        assertEquals(3, new TreeSet<>(place.values()).size(), "all topics went to one partition");
    }

    @Test
    void topicsThatAreMadeLaterAreInIt() {
        start();
        union(1);
        for (int agent = 0; agent < 5; agent++) {
            engine.create(agent(agent), 1, Map.of());
            produce(agent(agent), 0, "a" + agent);
            assertEquals(
                    agent(agent) + "/0@0=a" + agent,
                    awaitUnion(1, agent + 1).get(agent).toString());
        }
    }

    @Test
    void beginsWithTheOldestRecordsAndReadsWhatIsCold() {
        start();
        for (int agent = 0; agent < 400; agent++) {
            engine.create(agent(agent), 1, Map.of());
            produce(agent(agent), 0, "a" + agent, "b" + agent);
        }
        get(engine.log(agent(7), 0).deleteRecords(1));
        restart(); // nothing is in memory any more
        union(2);
        List<String> texts = texts(awaitUnion(2, 799));
        assertTrue(texts.contains(agent(7) + "/0@1=b7"), texts::toString);
        assertEquals(0, status().skipped());
    }

    @Test
    void aStartGoesOnWhereTheJournalSays() throws IOException {
        start();
        union(2);
        int count = 0;
        for (int life = 0; life < 4; life++) {
            for (int agent = 0; agent < 6; agent++) {
                if (life == 0) {
                    engine.create(
                            agent(agent),
                            1,
                            Map.of(
                                    "headrace.storage.mode",
                                    agent % 2 == 0 ? "persistent" : "hybrid"));
                }
                produce(agent(agent), 0, "life" + life, "again" + life);
                count += 2;
            }
            if (life % 2 == 0) {
                awaitUnion(2, count);
            }
            engine.close();
            if (life == 2) {
                TestEngine.deleteFolder(folder.resolve("rocksdb"));
            }
            start();
            awaitUnion(2, count);
        }
        assertEquals(count, new TreeSet<>(texts(awaitUnion(2, count))).size());
        await("rows", () -> status().behind() == 0);
        assertEquals(0, status().skipped());
    }

    @Test
    void ofEveryModeAndCompactedOnesToo() {
        start();
        union(1);
        engine.create(agent(0), 1, Map.of("headrace.storage.mode", "memory"));
        engine.create(agent(1), 1, Map.of("headrace.storage.mode", "hybrid"));
        engine.create(agent(2), 1, Map.of("cleanup.policy", "compact"));
        engine.create(agent(3), 1, Map.of("flush.messages", "1000"));
        for (int agent : new int[] {0, 1, 3}) {
            produce(agent(agent), 0, "v");
        }
        append(
                engine.log(agent(2), 0),
                KeyedRecord.batch(CompressionType.LZ4, 1000, new KeyedRecord("k", "v")));
        List<String> texts = texts(awaitUnion(1, 4));
        for (int agent = 0; agent < 4; agent++) {
            assertTrue(texts.contains(agent(agent) + "/0@0=v"), texts::toString);
        }
        restart();
        produce(agent(0), 0, "w");
        Copy copy = awaitUnion(1, 5).get(4);
        assertEquals(agent(0) + "w", copy.topic + copy.value());
    }

    @Test
    void aTopicThatChangesItsModeGoesOn() {
        start();
        union(1);
        Topic topic = engine.create(agent(0), 1, Map.of());
        int count = 0;
        for (String mode : List.of("memory", "hybrid", "persistent", "memory")) {
            produce(agent(0), 0, "before " + mode);
            CatalogResult altered =
                    get(
                            engine.engine
                                    .catalog()
                                    .alterConfigs(
                                            topic.id(),
                                            Map.of("headrace.storage.mode", mode),
                                            false));
            assertNotNull(altered.topic(), altered::toString);
            produce(agent(0), 0, "as " + mode);
            count += 2;
            awaitUnion(1, count);
        }
    }

    @Test
    void aTopicThatIsDeletedLeavesItsCopiesAndOneOfItsNameIsAnother() {
        start();
        union(1);
        Topic old = engine.create(agent(0), 1, Map.of());
        produce(agent(0), 0, "old", "older");
        awaitUnion(1, 2);
        delete(agent(0));
        Topic other = engine.create(agent(0), 1, Map.of());
        produce(agent(0), 0, "new");
        List<Copy> copies = awaitUnion(1, 3);
        assertEquals(agent(0) + "/0@0=new", copies.get(2).toString());
        assertEquals(old.id(), copies.get(1).topicId);
        assertEquals(other.id(), copies.get(2).topicId);
        restart();
        assertEquals(3, awaitUnion(1, 3).size());
        assertEquals(1, settledStatus().topics());
    }

    @Test
    void aUnionThatIsMadeAnewBeginsAnew() {
        start();
        union(1);
        engine.create(agent(0), 1, Map.of());
        produce(agent(0), 0, "a", "b");
        awaitUnion(1, 2);
        delete("all");
        produce(agent(0), 0, "c");
        union(2);
        assertEquals(
                List.of(agent(0) + "/0@0=a", agent(0) + "/0@1=b", agent(0) + "/0@2=c"),
                texts(awaitUnion(2, 3)));
    }

    @Test
    void whatCannotBeReadIsPassedOver() {
        start();
        union(1);
        engine.create(agent(0), 1, Map.of());
        ByteBuffer broken = batch("first", "second");
        broken.put(RecordBatch.HEADER_LENGTH, (byte) 0x7E); // longer than the batch
        RecordBatch.seal(broken, 0);
        append(engine.log(agent(0), 0), broken);
        ByteBuffer garbage = batch("x".repeat(50));
        garbage.put(22, (byte) 4); // said to be of zstd
        RecordBatch.seal(garbage, 0);
        append(engine.log(agent(0), 0), garbage);
        produce(agent(0), 0, "sound");
        assertEquals(List.of(agent(0) + "/0@3=sound"), texts(awaitUnion(1, 1)));
        assertEquals(new UnionStatus(1, 0, 1, 3), settledStatus());
        restart();
        assertEquals(1, awaitUnion(1, 1).size());
    }

    @Test
    void offsetsAreThoseOfTheLogWhateverTheRecordsSay() {
        start();
        union(1);
        engine.create(agent(0), 1, Map.of());
        ByteBuffer batch = batch("a", "b", "c");
        int delta = RecordBatch.HEADER_LENGTH + 3; // behind length, attributes and time
        int next = 1 + batch.get(RecordBatch.HEADER_LENGTH) / 2;
        batch.put(delta, (byte) (2 * 50)).put(delta + next, (byte) 0);
        RecordBatch.seal(batch, 0);
        append(engine.log(agent(0), 0), batch);
        produce(agent(0), 0, "d");
        String at = agent(0) + "/0@";
        List<String> expected = List.of(at + "0=a", at + "1=b", at + "2=c", at + "3=d");
        assertEquals(expected, texts(awaitUnion(1, 4)));
        assertEquals(new UnionStatus(1, 0, 4, 0), settledStatus());
    }

    @Test
    void whatDoesNotFitIntoABatchComesAloneOrIsPassedOver() {
        start();
        union(1);
        engine.create(agent(0), 1, Map.of("max.message.bytes", "1000000"));
        String longest = "x".repeat((1 << 18) - 200); // a journal takes a quarter of a MiB here
        append(engine.log(agent(0), 0), batch("a", longest.substring(1000), "b"));
        append(engine.log(agent(0), 0), batch(longest.substring(100)));
        append(engine.log(agent(0), 0), batch("c"));
        List<Copy> copies = awaitUnion(1, 5);
        assertEquals(List.of(0L, 1L, 2L, 3L, 4L), copies.stream().map(Copy::offset).toList());
        append(engine.log(agent(0), 0), batch("y".repeat((1 << 18) - 100)));
        append(engine.log(agent(0), 0), batch("d"));
        assertEquals("d", awaitUnion(1, 6).get(5).value());
        assertEquals(1, status().skipped());
    }

    @Test
    void isReadOnlyAndKeepsItsPartitions() {
        start();
        Topic union = union(1);
        assertEquals(PartitionLog.READ_ONLY, engine.log("all", 0).append(batch("a")));
        assertEquals(
                TopicCatalog.Error.REFUSED,
                get(engine.engine.catalog().grow(union.id(), 2, false)).error());
        for (String pattern : List.of("", "*", "*.status", "a,b", "__x*", "a b*")) {
            Map<String, String> configs =
                    Map.of("headrace.view.type", "union", "headrace.view.topics", pattern);
            assertEquals(
                    TopicCatalog.Error.INVALID_CONFIG,
                    get(engine.engine
                                    .catalog()
                                    .create(List.of(new TopicSpec("u", 1, configs)), false))
                            .get(0)
                            .error(),
                    pattern);
        }
    }

    @Test
    void deletesItsOwnRecordsAndCopiesNoneAgain() {
        start();
        union(1);
        engine.create(agent(0), 1, Map.of());
        produce(agent(0), 0, "a", "b");
        awaitUnion(1, 2);
        get(engine.log("all", 0).deleteRecords(-1));
        restart();
        produce(agent(0), 0, "c");
        await("c", () -> engine.log("all", 0).highWatermark() == 3);
        assertEquals(List.of(agent(0) + "/0@2=c"), texts(readUnion(0)));
    }

    @Test
    void severalUnionsEachHaveTheirOwn() {
        start();
        union(1);
        engine.create(
                "some",
                1,
                Map.of("headrace.view.type", "union", "headrace.view.topics", "agents.00*"));
        engine.create(agent(1), 1, Map.of());
        engine.create(agent(77), 1, Map.of());
        produce(agent(1), 0, "a");
        produce(agent(77), 0, "b");
        awaitUnion(1, 2);
        await("some", () -> engine.log("some", 0).highWatermark() == 1);
        restart();
        awaitUnion(1, 2);
        assertEquals(1, engine.log("some", 0).highWatermark());
    }
}
