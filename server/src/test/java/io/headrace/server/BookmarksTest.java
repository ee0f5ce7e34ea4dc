package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.server.admin.Json;
import io.headrace.server.bookmark.Bookmarks;
import io.headrace.server.config.ServerConfig;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Bookmarks over HTTP and the command line, for groups of real consumers. */
@Timeout(300)
class BookmarksTest {
    private static final String GROUP = "train";
    private static final int RECORDS = 20;
    private static final long DEADLINE_NANOS = TimeUnit.SECONDS.toNanos(60);

    @TempDir Path folder;
    private HeadraceServer server;
    private Admin admin;

    /** An answer of the admin listener. */
    private record Answer(int status, JsonNode json) {
        String error() {
            return json.path("error").asText();
        }
    }

    @BeforeEach
    void launch() {
        Map<String, String> settings = ServerTestSettings.of(folder.resolve("data"));
        settings.put("headrace.journal.cycle.bytes", Integer.toString(64 << 20));
        server = HeadraceServer.launch(ServerConfig.of(settings));
        admin = Admin.create(configs(Map.of()));
    }

    @AfterEach
    void close() {
        admin.close(Duration.ofSeconds(5));
        server.close();
    }

    private Properties configs(Map<String, String> more) {
        Properties configs = new Properties();
        configs.put("bootstrap.servers", "127.0.0.1:" + server.kafkaPort());
        configs.putAll(more);
        return configs;
    }

    private Answer send(String method, String path, String body) throws Exception {
        HttpRequest request =
                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.adminPort() + path))
                        .header("X-Headrace", "1")
                        .timeout(Duration.ofSeconds(60))
                        .method(method, BodyPublishers.ofString(body))
                        .build();
        HttpResponse<byte[]> response =
                HttpClient.newHttpClient().send(request, BodyHandlers.ofByteArray());
        return new Answer(response.statusCode(), Json.parse(response.body()));
    }

    private Answer get(String path) throws Exception {
        return send("GET", "/bookmarks" + path, "");
    }

    private Answer post(String path, String body) throws Exception {
        return send("POST", "/bookmarks/" + path, body);
    }

    private Answer save(String name) throws Exception {
        Answer saved = post(name, "{\"group\":\"" + GROUP + "\"}");
        assertEquals(200, saved.status(), saved::error);
        return saved;
    }

    private void create(String topic, int partitions, Map<String, String> configs)
            throws Exception {
        admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1).configs(configs)))
                .all()
                .get();
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(
                        configs(Map.of()), new StringSerializer(), new StringSerializer())) {
            for (int partition = 0; partition < partitions; partition++) {
                for (int i = 0; i < RECORDS; i++) {
                    producer.send(
                            new ProducerRecord<>(topic, partition, null, partition + ":" + i));
                }
            }
        }
    }

    private KafkaConsumer<String, String> consumer(String protocol) {
        return new KafkaConsumer<>(
                configs(
                        Map.of(
                                "group.id", GROUP,
                                "group.protocol", protocol,
                                "auto.offset.reset", "earliest",
                                "max.poll.records", "7",
                                "enable.auto.commit", "false")),
                new StringDeserializer(),
                new StringDeserializer());
    }

    /** Subscribes, reads so many records or some more, commits, and leaves the group. */
    private List<String> consume(String protocol, int count, String... topics) {
        List<String> values = new ArrayList<>();
        try (KafkaConsumer<String, String> consumer = consumer(protocol)) {
            consumer.subscribe(Arrays.asList(topics));
            long deadline = System.nanoTime() + DEADLINE_NANOS;
            while (values.size() < count) {
                assertTrue(System.nanoTime() < deadline, () -> "only " + values);
                for (ConsumerRecord<String, String> record :
                        consumer.poll(Duration.ofMillis(100))) {
                    values.add(record.topic() + ":" + record.value());
                }
            }
            consumer.commitSync();
        }
        return values;
    }

    private void commit(Map<TopicPartition, OffsetAndMetadata> positions) throws Exception {
        admin.alterConsumerGroupOffsets(GROUP, positions).all().get();
    }

    private void commit(String topic, int partition, long offset) throws Exception {
        commit(Map.of(new TopicPartition(topic, partition), new OffsetAndMetadata(offset)));
    }

    /** The positions of a group, as Kafka's own tools see them. */
    private Map<String, OffsetAndMetadata> positions(String group) throws Exception {
        Map<String, OffsetAndMetadata> found = new TreeMap<>();
        admin.listConsumerGroupOffsets(group)
                .partitionsToOffsetAndMetadata()
                .get()
                .forEach(
                        (partition, position) -> {
                            if (position != null) {
                                found.put(partition.toString(), position);
                            }
                        });
        return found;
    }

    @ParameterizedTest
    @ValueSource(strings = {"classic", "consumer"})
    void aGroupGoesOnWhereItStood(String protocol) throws Exception {
        create("images", 3, Map.of());
        create("text", 1, Map.of());
        consume(protocol, 15, "images", "text");
        Map<String, OffsetAndMetadata> before = positions(GROUP);
        assertEquals(before.size(), save("llama@100").json().path("partitions").asInt());

        List<String> onwards = consume(protocol, 30, "images", "text");
        create("other", 2, Map.of());
        consume(protocol, 40, "other");
        assertTrue(positions(GROUP).containsKey("other-1"));

        for (int repeated = 0; repeated < 2; repeated++) {
            Answer restored = post("llama@100/restore", "{}");
            assertEquals(200, restored.status());
            assertEquals(repeated == 0 ? 2 : 0, restored.json().path("removed").asInt());
            assertEquals(before, positions(GROUP));
        }
        List<String> again = consume(protocol, onwards.size(), "images", "text");
        assertTrue(again.containsAll(onwards), () -> onwards + " then " + again);
        // What the bookmark does not hold has no position: it is read from its beginning.
        assertEquals(40, consume(protocol, 40, "other").size());
    }

    @Test
    void offsetsKeepTheirMetadata() throws Exception {
        create("images", 1, Map.of());
        TopicPartition partition = new TopicPartition("images", 0);
        commit(Map.of(partition, new OffsetAndMetadata(7, "{\"shard\": \"a\"}")));
        save("llama@1");
        commit("images", 0, 9);
        assertEquals(200, post("llama@1/restore", "{}").status());
        OffsetAndMetadata restored = positions(GROUP).get("images-0");
        assertEquals(7, restored.offset());
        assertEquals("{\"shard\": \"a\"}", restored.metadata());
    }

    /** So that a crash leaves all of it, or nothing. */
    @Test
    void aRestoreIsOneBatch() throws Exception {
        create("images", 5, Map.of());
        create("text", 1, Map.of());
        for (int partition = 0; partition < 5; partition++) {
            commit("images", partition, 4);
        }
        save("llama@1");
        commit("text", 0, 7); // is taken back in the same batch
        Topic offsets = server.engine().catalog().find("__consumer_offsets");
        Map<Integer, Long> ends = new HashMap<>();
        for (int partition = 0; partition < offsets.partitionCount(); partition++) {
            ends.put(partition, server.engine().partitionLog(offsets, partition).logEndOffset());
        }
        assertEquals(200, post("llama@1/restore", "{}").status());
        List<Integer> recordCounts = new ArrayList<>();
        ends.forEach(
                (partition, end) -> {
                    PartitionLog log = server.engine().partitionLog(offsets, partition);
                    if (log.logEndOffset() > end) {
                        try (ReadResult result = log.read(end, 1)) { // one batch at least
                            ByteBuffer batch = ((RecordsLease) result).slice(0);
                            recordCounts.add(RecordBatch.offsetCount(batch, batch.position()));
                        }
                    }
                });
        assertEquals(List.of(6), recordCounts);
    }

    @Test
    void anotherGroupIsGivenThePositions() throws Exception {
        create("images", 2, Map.of());
        commit("images", 1, 4);
        save("llama@1");
        Answer restored = post("llama@1/restore", "{\"group\":\"eval\"}");
        assertEquals("eval", restored.json().path("group").asText());
        assertEquals(positions(GROUP), positions("eval"));
        assertEquals(1, positions("eval").size());
    }

    @ParameterizedTest
    @ValueSource(strings = {"classic", "consumer"})
    void aGroupWithMembersIsRefused(String protocol) throws Exception {
        create("images", 3, Map.of());
        consume(protocol, 5, "images");
        save("llama@1");
        Map<String, OffsetAndMetadata> before = positions(GROUP);
        try (KafkaConsumer<String, String> first = consumer(protocol);
                KafkaConsumer<String, String> second = consumer(protocol)) {
            first.subscribe(List.of("images"));
            second.subscribe(List.of("images"));
            long deadline = System.nanoTime() + DEADLINE_NANOS;
            while (first.assignment().isEmpty() || second.assignment().isEmpty()) {
                assertTrue(System.nanoTime() < deadline);
                first.poll(Duration.ofMillis(50));
                second.poll(Duration.ofMillis(50));
            }
            Answer refused = post("llama@1/restore", "{}");
            assertEquals(409, refused.status());
            assertEquals(
                    "group has members, end them first: group=train members=2", refused.error());
            assertEquals(before, positions(GROUP));
        }
        assertEquals(200, post("llama@1/restore", "{}").status());
    }

    @Test
    void recordsThatAreGoneAreNamed() throws Exception {
        create("images", 2, Map.of());
        commit("images", 1, 4);
        save("llama@1");
        commit("images", 1, 12);
        TopicPartition partition = new TopicPartition("images", 1);
        admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(10))).all().get();
        Map<String, OffsetAndMetadata> before = positions(GROUP);
        Answer refused = post("llama@1/restore", "{}");
        assertEquals(409, refused.status());
        assertEquals(
                "records at a position are gone: topic=images partition=1 offset=4 start=10 end=20",
                refused.error());
        assertEquals(before, positions(GROUP));
    }

    @Test
    void aPositionBeyondTheEndIsNamed() throws Exception {
        create("images", 1, Map.of());
        commit("images", 0, 4);
        commit("images", 0, RECORDS + 1);
        save("llama@1");
        Answer refused = post("llama@1/restore", "{}");
        assertEquals(409, refused.status());
        assertEquals(
                "position is beyond the end: topic=images partition=0 offset=21 start=0 end=20",
                refused.error());
        commit("images", 0, RECORDS); // at the end is where a group that has read all stands
        save("llama@1");
        assertEquals(200, post("llama@1/restore", "{}").status());
    }

    @Test
    void aTopicThatIsGoneOrMadeAnewIsNamed() throws Exception {
        create("images", 1, Map.of());
        commit("images", 0, 4);
        save("llama@1");
        admin.deleteTopics(List.of("images")).all().get();
        Answer gone = post("llama@1/restore", "{}");
        assertEquals(409, gone.status());
        assertEquals("topic of a position is gone: topic=images", gone.error());
        create("images", 1, Map.of());
        Answer anew = post("llama@1/restore", "{}");
        assertEquals(409, anew.status());
        assertTrue(
                anew.error().startsWith("topic of a position was made anew since: topic=images"),
                anew::error);
        assertEquals(Map.of(), positions(GROUP));
    }

    /** A topic whose mode changes has no logs for a moment: nothing of it is lost. */
    @Test
    void aTopicThatCannotBeReachedForAMomentIsNotLost() throws Exception {
        create("images", 8, Map.of());
        Map<TopicPartition, OffsetAndMetadata> all = new HashMap<>();
        for (int partition = 0; partition < 8; partition++) {
            all.put(new TopicPartition("images", partition), new OffsetAndMetadata(RECORDS));
        }
        commit(all);
        save("llama@1");
        AtomicBoolean isEnding = new AtomicBoolean();
        Thread changes =
                new Thread(
                        () -> {
                            for (int i = 0; !isEnding.get(); i++) {
                                changeMode("images", i % 2 == 0 ? "hybrid" : "persistent");
                            }
                        });
        changes.start();
        try {
            int unreachable = 0;
            for (int i = 0; i < 200 && unreachable < 3; i++) {
                Answer answer = post("llama@1/restore", "{}");
                assertTrue(answer.status() == 200 || answer.status() == 503, answer::error);
                unreachable += answer.status() == 503 ? 1 : 0;
            }
        } finally {
            isEnding.set(true);
            changes.join(60_000);
        }
        assertEquals(200, post("llama@1/restore", "{}").status());
    }

    private void changeMode(String topic, String mode) {
        AlterConfigOp op =
                new AlterConfigOp(
                        new ConfigEntry("headrace.storage.mode", mode), AlterConfigOp.OpType.SET);
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        try {
            admin.incrementalAlterConfigs(Map.of(resource, List.of(op))).all().get();
        } catch (ExecutionException refused) {
            // the last change is under way
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void bookmarksOutliveTheServer() throws Exception {
        create("images", 1, Map.of());
        commit("images", 0, 4);
        save("llama@9");
        save("llama@100");
        save("gpt@5");
        commit("images", 0, 6);
        save("llama@9"); // in its place
        assertEquals(200, post("gpt@5/delete", "{}").status());
        ObjectNode state = Json.object().put("state", "{\"epoch\": 1, \"name\": \"Gänse\"}");
        assertEquals(200, post("gpt@6", Json.text(state)).status());

        close();
        launch();
        assertEquals(List.of("gpt@6", "llama@9", "llama@100"), names(get("")));
        assertEquals(List.of("llama@9", "llama@100"), names(get("?job=llama")));
        assertEquals(List.of("llama@9"), names(get("?after=gpt%406&limit=1")));
        assertEquals(List.of("llama@100"), names(get("?job=llama&after=llama%409")));
        assertEquals(List.of(), names(get("?job=llam")));
        assertEquals(404, get("/gpt@5").status());
        JsonNode held = get("/llama@9").json();
        assertEquals(
                6, held.path("topics").path(0).path("positions").path(0).path("offset").asLong());
        assertEquals(
                "{\"epoch\": 1, \"name\": \"Gänse\"}",
                post("gpt@6/restore", "{}").json().path("state").asText());
        commit("images", 0, 8);
        assertEquals(200, post("llama@100/restore", "{}").status());
        assertEquals(4, positions(GROUP).get("images-0").offset());
    }

    private static List<String> names(Answer list) {
        List<String> names = new ArrayList<>();
        list.json().path("bookmarks").forEach(b -> names.add(b.path("bookmark").asText()));
        return names;
    }

    @Test
    void whatCannotBeDoneIsSaid() throws Exception {
        create("images", 1, Map.of());
        commit("images", 0, 4);
        assertError(400, "not a bookmark's name: value=llama allowed=", post("llama", "{}"));
        assertError(400, "not a bookmark's name: value=a@-1 ", post("a@-1", "{}"));
        assertError(400, "not a bookmark's name: value=a@07 ", post("a@07", "{}"));
        assertError(400, "nothing to keep, neither group nor state: ", post("a@1", "{}"));
        assertError(400, "bad value: key=group value=\"\"", post("a@1", "{\"group\":\"\"}"));
        assertError(
                409,
                "group has committed no position: bookmark=a@1 group=trian",
                post("a@1", "{\"group\":\"trian\"}"));
        assertError(400, "bad value: key=gruop ", post("a@1", "{\"gruop\":\"train\"}"));
        assertError(400, "bad value: key=gruop ", post("a@1/restore", "{\"gruop\":\"b\"}"));
        assertError(404, "no such bookmark: bookmark=a@1", post("a@1/restore", "{}"));
        assertError(404, "no such bookmark: bookmark=a@1", post("a@1/delete", "{}"));
        assertError(404, "no such bookmark: bookmark=a@1", get("/a@1"));
        assertError(405, "wrong method: method=GET", get("/a@1/restore"));
        assertError(400, "bad value: key=job value=a/b", get("?job=a/b"));
        post("a@1", "{\"state\":\"x\"}");
        assertError(
                409,
                "bookmark holds no positions: bookmark=a@1 group=b",
                post("a@1/restore", "{\"group\":\"b\"}"));
    }

    private static void assertError(int status, String beginning, Answer answer) {
        assertTrue(answer.error().startsWith(beginning), answer::error);
        assertEquals(status, answer.status());
    }

    @Test
    void aStateIsOfAMebibyteAtMost() throws Exception {
        String longest = "\"".repeat(Bookmarks.STATE_LENGTH_MAX);
        assertEquals(200, post("a@1", Json.text(Json.object().put("state", longest))).status());
        assertEquals(longest, post("a@1/restore", "{}").json().path("state").asText());
        assertError(
                400,
                "state too long: bookmark=a@2 bytes=1048577 max=1048576",
                post("a@2", Json.text(Json.object().put("state", longest + "x"))));
    }

    @Test
    void clientsNeitherMakeNorWriteNorDeleteTheTopicOfBookmarks() throws Exception {
        String topic = "__headrace_bookmarks";
        NewTopic made = new NewTopic(topic, 1, (short) 1);
        ExecutionException refused =
                assertThrows(
                        ExecutionException.class,
                        () -> admin.createTopics(List.of(made)).all().get());
        assertEquals(InvalidTopicException.class, refused.getCause().getClass());
        post("a@1", "{\"state\":\"x\"}");
        assertThrows(
                ExecutionException.class, () -> admin.deleteTopics(List.of(topic)).all().get());
        assertThrows(
                ExecutionException.class,
                () ->
                        admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(2)))
                                .all()
                                .get());
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(
                        configs(Map.of()), new StringSerializer(), new StringSerializer())) {
            assertThrows(
                    ExecutionException.class,
                    () -> producer.send(new ProducerRecord<>(topic, "a@1", "y")).get());
        }
        assertEquals("x", get("/a@1").json().path("state").asText());
    }

    /** Some megabytes in one commit. */
    @Test
    void manyPartitionsAreRestoredAtOnce() throws Exception {
        int partitions = 5_000;
        admin.createTopics(List.of(new NewTopic("wide", partitions, (short) 1))).all().get();
        Map<TopicPartition, OffsetAndMetadata> all = new HashMap<>();
        for (int partition = 0; partition < partitions; partition++) {
            all.put(
                    new TopicPartition("wide", partition),
                    new OffsetAndMetadata(0, "m".repeat(500) + partition));
        }
        commit(all);
        Map<String, OffsetAndMetadata> before = positions(GROUP);
        assertEquals(partitions, save("llama@1").json().path("partitions").asInt());
        assertEquals(200, post("llama@1/restore", "{\"group\":\"other\"}").status());
        assertEquals(before, positions("other"));
    }

    @Test
    void positionsThatOneCommitCannotSetAreRefused() throws Exception {
        int partitions = 16_000;
        admin.createTopics(List.of(new NewTopic("wide", partitions, (short) 1))).all().get();
        for (int half = 0; half < 2; half++) {
            Map<TopicPartition, OffsetAndMetadata> all = new HashMap<>();
            for (int i = half; i < partitions; i += 2) {
                all.put(new TopicPartition("wide", i), new OffsetAndMetadata(0, "m".repeat(450)));
            }
            commit(all);
            if (half == 0) {
                save("llama@1");
            }
        }
        String beginning = "more positions than one commit can hold: group=";
        assertError(409, beginning + "train", post("llama@2", "{\"group\":\"train\"}"));
        String longer = "g".repeat(900);
        assertError(
                409,
                beginning + "ggg",
                post("llama@1/restore", Json.text(Json.object().put("group", longer))));
        assertEquals(200, post("llama@1/restore", "{\"group\":\"other\"}").status());
    }

    /** A commit is at most a quarter as long as a journal file. */
    @Test
    void positionsThatAShortJournalFileCannotHoldAreRefused() throws Exception {
        close();
        Map<String, String> settings = ServerTestSettings.of(folder.resolve("short"));
        server = HeadraceServer.launch(ServerConfig.of(settings));
        admin = Admin.create(configs(Map.of()));
        int partitions = 4_000;
        admin.createTopics(List.of(new NewTopic("wide", partitions, (short) 1))).all().get();
        for (int half = 0; half < 2; half++) {
            Map<TopicPartition, OffsetAndMetadata> all = new HashMap<>();
            for (int i = half; i < partitions; i += 2) {
                all.put(new TopicPartition("wide", i), new OffsetAndMetadata(0, "m".repeat(400)));
            }
            commit(all);
            if (half == 0) {
                save("llama@1");
            }
        }
        Map<String, OffsetAndMetadata> before = positions(GROUP);
        Answer refused = post("llama@1/restore", "{}"); // it has to take away the other half
        assertError(409, "more positions than one commit can hold: group=train", refused);
        assertTrue(refused.error().contains("max=1048576"), refused::error);
        assertTrue(refused.error().contains("headrace.journal.cycle.bytes"), refused::error);
        assertEquals(before, positions(GROUP));
        assertEquals(200, post("llama@1/restore", "{\"group\":\"other\"}").status());
    }

    @Test
    void halfOfASurrogatePairIsNoText() throws Exception {
        assertError(
                400,
                "not a text, it has half of a surrogate pair: bookmark=a@1 key=state",
                post("a@1", "{\"state\":\"x\\ud800\"}"));
        assertError(
                400,
                "not a text, it has half of a surrogate pair: bookmark=a@1 key=group",
                post("a@1", "{\"group\":\"\\udc00x\"}"));
        assertEquals(200, post("a@1", "{\"state\":\"\\ud83d\\ude00\"}").status());
        assertError(
                400,
                "not a text, it has half of a surrogate pair: bookmark=a@1 key=group",
                post("a@1/restore", "{\"group\":\"\\ud800\"}"));
    }

    /** Whoever does not read his answer keeps a thread of those that talk to callers, no other. */
    @Test
    void callersThatDoNotReadHoldUpNobodyWhoAsksHowTheServerIs() throws Exception {
        int partitions = 1_000; // some 8 MB of JSON, more than sockets hold
        admin.createTopics(List.of(new NewTopic("wide", partitions, (short) 1))).all().get();
        Map<TopicPartition, OffsetAndMetadata> all = new HashMap<>();
        for (int i = 0; i < partitions; i++) {
            all.put(new TopicPartition("wide", i), new OffsetAndMetadata(0, "\"".repeat(4_000)));
        }
        commit(all);
        save("a@1");
        List<Socket> stuck = new ArrayList<>();
        try {
            for (int i = 0; i < 4; i++) { // so many talk at a time
                Socket socket = new Socket();
                stuck.add(socket);
                socket.setSoTimeout(30_000);
                socket.setReceiveBufferSize(4096);
                socket.connect(new InetSocketAddress("127.0.0.1", server.adminPort()));
                String asked = "GET /bookmarks/a@1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
                socket.getOutputStream().write(asked.getBytes(StandardCharsets.US_ASCII));
                assertEquals('H', socket.getInputStream().read(), "an answer begins");
            }
            for (String path : List.of("/healthz", "/readyz", "/metrics")) {
                HttpRequest request =
                        HttpRequest.newBuilder(
                                        URI.create("http://127.0.0.1:" + server.adminPort() + path))
                                .timeout(Duration.ofSeconds(30))
                                .build();
                assertEquals(
                        200,
                        HttpClient.newHttpClient()
                                .send(request, BodyHandlers.ofString())
                                .statusCode());
            }
        } finally {
            for (Socket socket : stuck) {
                socket.close();
            }
        }
        assertEquals(200, get("/a@1").status());
    }

    private void createLanes(int lanes) throws Exception {
        Map<String, String> configs =
                Map.of(
                        "headrace.view.type", "share",
                        "headrace.view.topics", "images",
                        "headrace.view.group", GROUP);
        admin.createTopics(List.of(new NewTopic("lanes", lanes, (short) 1).configs(configs)))
                .all()
                .get();
    }

    /** What a lane was given after the bookmark is delivered again, whatever the reset. */
    @Test
    void lanesOfAShareViewGoBackToWhereTheyStoodOrToTheirStarts() throws Exception {
        create("images", 2, Map.of());
        createLanes(4);
        List<String> first = consume("consumer", 1, "lanes");
        int lanesBefore = positions(GROUP).size();
        save("llama@1");
        List<String> second = consume("consumer", 2 * RECORDS - first.size(), "lanes");
        assertEquals(2 * RECORDS, first.size() + second.size());
        Map<String, OffsetAndMetadata> after = positions(GROUP);
        Answer restored = post("llama@1/restore", "{}");
        assertEquals(200, restored.status(), restored::error);
        assertEquals(after.size() - lanesBefore, restored.json().path("removed").asInt());
        assertEquals(after.keySet(), positions(GROUP).keySet(), "lanes have starts, all of them");
        List<String> again = new ArrayList<>();
        Properties configs =
                configs(
                        Map.of(
                                "group.id", GROUP,
                                "auto.offset.reset", "latest",
                                "enable.auto.commit", "false"));
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(configs, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of("lanes"));
            long deadline = System.nanoTime() + DEADLINE_NANOS;
            while (again.size() < second.size()) {
                assertTrue(System.nanoTime() < deadline, () -> "only " + again);
                consumer.poll(Duration.ofMillis(100))
                        .forEach(record -> again.add(record.topic() + ":" + record.value()));
            }
        }
        assertEquals(second.stream().sorted().toList(), again.stream().sorted().toList());
    }

    /** One that is expected back is a member. */
    @Test
    void aStaticMemberThatIsGoneIsAMemberUntilItsSessionEnds() throws Exception {
        create("images", 1, Map.of());
        commit("images", 0, 3);
        save("llama@1");
        Properties configs =
                configs(
                        Map.of(
                                "group.id", GROUP,
                                "group.protocol", "classic",
                                "group.instance.id", "rank-0",
                                "session.timeout.ms", "6000",
                                "auto.offset.reset", "earliest",
                                "enable.auto.commit", "false"));
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(configs, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of("images"));
            long deadline = System.nanoTime() + DEADLINE_NANOS;
            while (consumer.poll(Duration.ofMillis(100)).isEmpty()) {
                assertTrue(System.nanoTime() < deadline);
            }
            consumer.commitSync();
        }
        assertError(409, "group has members, end them first: ", post("llama@1/restore", "{}"));
        long deadline = System.nanoTime() + DEADLINE_NANOS;
        while (post("llama@1/restore", "{}").status() != 200) {
            assertTrue(System.nanoTime() < deadline);
            LockSupport.parkNanos(100_000_000);
        }
        assertEquals(3, positions(GROUP).get("images-0").offset());
    }

    /** A member that was put out, and does not know it yet, commits over nothing. */
    @Test
    void aLateCommitOfAMemberThatIsGoneIsRefused() throws Exception {
        create("images", 1, Map.of());
        commit("images", 0, 3);
        save("llama@1");
        try (KafkaConsumer<String, String> late = consumer("classic")) {
            late.subscribe(List.of("images"));
            long deadline = System.nanoTime() + DEADLINE_NANOS;
            while (late.poll(Duration.ofMillis(100)).isEmpty()) {
                assertTrue(System.nanoTime() < deadline);
            }
            admin.removeMembersFromConsumerGroup(GROUP, new RemoveMembersFromConsumerGroupOptions())
                    .all()
                    .get();
            Answer restored = post("llama@1/restore", "{}");
            assertEquals(200, restored.status(), restored::error);
            assertThrows(CommitFailedException.class, late::commitSync);
        }
        assertEquals(3, positions(GROUP).get("images-0").offset());
    }

    /** A position in a topic that was made anew under its name is none in the new one. */
    @Test
    void aStaleRowOfATopicThatWasMadeAnewIsNeitherSavedNorRestored() throws Exception {
        create("images", 1, Map.of());
        create("text", 1, Map.of());
        commit("images", 0, 3);
        commit("text", 0, 4);
        admin.deleteTopics(List.of("images")).all().get();
        create("images", 1, Map.of());
        Answer saved = save("llama@1");
        assertEquals(1, saved.json().path("partitions").asInt());
        assertEquals("text", get("/llama@1").json().path("topics").path(0).path("topic").asText());
        commit("images", 0, 5);
        assertEquals(1, post("llama@1/restore", "{}").json().path("removed").asInt());
        assertEquals(List.of("text-0"), List.copyOf(positions(GROUP).keySet()));
    }

    @Test
    void theCommandLineSavesRestoresListsAndDeletes() throws Exception {
        create("images", 2, Map.of());
        commit("images", 0, 4);
        Path state = Files.writeString(folder.resolve("state.json"), "{\"epoch\": 3}");
        assertEquals(
                "saved llama@7  group train  partitions 1\n",
                run(0, "save", "llama@7", "--group", "train", "--state", state.toString()));
        assertEquals("saved llama@8\n", run(0, "save", "llama@8", "--state", state.toString()));
        commit("images", 0, 9);
        commit("images", 1, 9);
        Path back = folder.resolve("back.json");
        assertEquals(
                "restored llama@7  group train  partitions 1  positions removed 1\n",
                run(0, "restore", "llama@7", "--state", back.toString()));
        assertTrue(Files.notExists(folder.resolve("back.json.tmp")));
        assertEquals("{\"epoch\": 3}", Files.readString(back));
        assertEquals("[images-0]", positions(GROUP).keySet().toString());
        assertEquals(4, positions(GROUP).get("images-0").offset());
        assertEquals(
                List.of("llama@7", "llama@8"),
                run(0, "list", "llama").lines().map(line -> line.split("  ")[1]).toList());
        assertEquals("deleted llama@8\n", run(0, "delete", "llama@8"));
        assertEquals(1, run(0, "list").lines().count());

        assertEquals(
                "headrace: no such bookmark: bookmark=llama@8\n", run(1, "restore", "llama@8"));
        commit("images", 0, 9);
        run(1, "restore", "llama@7", "--state", folder.resolve("absent/x.json").toString());
        assertEquals(9, positions(GROUP).get("images-0").offset()); // nothing was restored
        assertTrue(run(1, "restore", "llama").startsWith("headrace: not a bookmark's name: "));
        assertTrue(run(2, "save", "llama@9").startsWith("headrace: nothing to keep"));
        assertEquals(
                "headrace: group has committed no position: bookmark=llama@9 group=x\n",
                run(1, "save", "llama@9", "--group", "x"));
    }

    /** Runs a command of {@code headrace bookmark}; returns what it printed. */
    private String run(int exitCode, String... arguments) {
        List<String> all = new ArrayList<>(List.of("bookmark"));
        all.addAll(List.of(arguments));
        all.addAll(List.of("--admin-server", "127.0.0.1:" + server.adminPort()));
        StringWriter text = new StringWriter();
        int code =
                Headrace.commandLine()
                        .setOut(new PrintWriter(text))
                        .setErr(new PrintWriter(text))
                        .execute(all.toArray(String[]::new));
        assertEquals(exitCode, code, text::toString);
        return text.toString();
    }
}
