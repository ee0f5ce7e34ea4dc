package io.headrace.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.OffsetOutOfRangeException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicIdException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.message.AlterConfigsRequestData;
import org.apache.kafka.common.message.AlterConfigsResponseData;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The stock Java admin client. */
@Timeout(60)
class AdminClientTest {
    private static final ConfigResource TOPIC = new ConfigResource(ConfigResource.Type.TOPIC, "t");

    private final HeapEngine engine = new HeapEngine();
    private KafkaShell shell;
    private Admin admin;

    @BeforeEach
    void launch() {
        shell =
                KafkaShell.launch(
                        new KafkaShellContext()
                                .engine(engine)
                                .nodeId(7)
                                .clusterId("test-cluster")
                                .listeners(List.of(Listener.of("127.0.0.1", 0))));
        admin = Admin.create(Map.of("bootstrap.servers", "127.0.0.1:" + shell.boundPort()));
    }

    @AfterEach
    void close() {
        admin.close();
        shell.close();
        engine.close();
    }

    @Test
    void aTopicIsCreatedDescribedListedAndDeleted() throws Exception {
        admin.createTopics(List.of(new NewTopic("t", 3, (short) 1))).all().get();
        TopicDescription topic = describe("t");
        assertEquals(3, topic.partitions().size());
        assertEquals(7, topic.partitions().get(2).leader().id());
        assertEquals(List.of("t"), List.copyOf(admin.listTopics().names().get()));
        admin.deleteTopics(List.of("t")).all().get();
        assertEquals(0, admin.listTopics().names().get().size());
        assertFailsWith(
                UnknownTopicOrPartitionException.class, admin.deleteTopics(List.of("t")).all());
    }

    @Test
    void aTopicIsFoundAndDeletedByItsId() throws Exception {
        admin.createTopics(List.of(new NewTopic("t", 1, (short) 1))).all().get();
        Uuid id = describe("t").topicId();
        assertNotEquals('-', id.toString().charAt(0));
        TopicCollection ids = TopicCollection.ofTopicIds(List.of(id));
        assertEquals("t", admin.describeTopics(ids).allTopicIds().get().get(id).name());
        admin.deleteTopics(ids).all().get();
        assertFailsWith(UnknownTopicIdException.class, admin.describeTopics(ids).allTopicIds());
        TopicCollection foreign = TopicCollection.ofTopicIds(List.of(Uuid.randomUuid()));
        assertFailsWith(UnknownTopicIdException.class, admin.describeTopics(foreign).allTopicIds());
    }

    @Test
    void whatCannotBeCreatedIsRefusedByName() throws Exception {
        engine.createNow("there", 1);
        var results =
                admin.createTopics(
                                List.of(
                                        new NewTopic("there", 1, (short) 1),
                                        new NewTopic("replicated", 1, (short) 3),
                                        new NewTopic("elsewhere", Map.of(0, List.of(8))),
                                        new NewTopic("here", Map.of(0, List.of(7), 1, List.of(7))),
                                        new NewTopic(
                                                "default", Optional.empty(), Optional.empty())))
                        .values();
        assertFailsWith(TopicExistsException.class, results.get("there"));
        assertFailsWith(InvalidReplicationFactorException.class, results.get("replicated"));
        assertFailsWith(
                org.apache.kafka.common.errors.InvalidReplicaAssignmentException.class,
                results.get("elsewhere"));
        results.get("here").get();
        results.get("default").get();
        assertEquals(2, describe("here").partitions().size());
    }

    @Test
    void aTopicGrowsAndNeverShrinks() throws Exception {
        engine.createNow("t", 2);
        admin.createPartitions(Map.of("t", NewPartitions.increaseTo(4))).all().get();
        assertEquals(4, describe("t").partitions().size());
        assertFailsWith(
                InvalidPartitionsException.class,
                admin.createPartitions(Map.of("t", NewPartitions.increaseTo(3))).all());
        assertFailsWith(
                UnknownTopicOrPartitionException.class,
                admin.createPartitions(Map.of("x", NewPartitions.increaseTo(3))).all());
    }

    @Test
    void configsAreDescribedWithTheirSource() throws Exception {
        NewTopic topic =
                new NewTopic("t", 1, (short) 1).configs(Map.of("cleanup.policy", "compact"));
        admin.createTopics(List.of(topic)).all().get();
        Config config = describeConfigs(TOPIC);
        assertEquals("compact", config.get("cleanup.policy").value());
        assertEquals(
                ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG,
                config.get("cleanup.policy").source());
        assertEquals("604800000", config.get("retention.ms").value());
        assertEquals(ConfigEntry.ConfigSource.DEFAULT_CONFIG, config.get("retention.ms").source());
        assertEquals("persistent", config.get("headrace.storage.mode").value());
        Config broker = describeConfigs(new ConfigResource(ConfigResource.Type.BROKER, "7"));
        assertEquals("true", broker.get("auto.create.topics.enable").value());
        assertTrue(broker.get("auto.create.topics.enable").isReadOnly());
    }

    @Test
    void configsAreSetAppendedToAndTakenBack() throws Exception {
        engine.createNow("t", 1);
        alter(new AlterConfigOp(new ConfigEntry("retention.ms", "1000"), OpType.SET));
        assertEquals("1000", describeConfigs(TOPIC).get("retention.ms").value());
        alter(new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact"), OpType.APPEND));
        assertEquals("delete,compact", describeConfigs(TOPIC).get("cleanup.policy").value());
        alter(new AlterConfigOp(new ConfigEntry("cleanup.policy", "delete"), OpType.SUBTRACT));
        assertEquals("compact", describeConfigs(TOPIC).get("cleanup.policy").value());
        alter(new AlterConfigOp(new ConfigEntry("retention.ms", ""), OpType.DELETE));
        assertEquals("604800000", describeConfigs(TOPIC).get("retention.ms").value());
    }

    /** As kafka-python and librdkafka still ask for it. */
    @Test
    void theOlderFormTakesNothingFromAVersionThatItDoesNotName() throws Exception {
        Map<String, String> configs =
                Map.of(
                        "headrace.version.of", "pairs",
                        "headrace.version.name", "v1",
                        "headrace.version.protected", "true",
                        "segment.ms", "1000");
        NewTopic topic = new NewTopic("pairs.v1", 1, (short) 1).configs(configs);
        admin.createTopics(List.of(topic)).all().get();
        alterWhole("pairs.v1", "max.message.bytes", "1000");
        Config altered = describeConfigs(new ConfigResource(ConfigResource.Type.TOPIC, "pairs.v1"));
        assertEquals("1000", altered.get("max.message.bytes").value());
        assertEquals("604800000", altered.get("segment.ms").value());
        assertEquals("pairs", altered.get("headrace.version.of").value());
        assertEquals("v1", altered.get("headrace.version.name").value());
        assertEquals("true", altered.get("headrace.version.protected").value());
        alterWhole("pairs.v1", "headrace.version.protected", "false");
        altered = describeConfigs(new ConfigResource(ConfigResource.Type.TOPIC, "pairs.v1"));
        assertEquals("false", altered.get("headrace.version.protected").value());
        assertEquals("pairs", altered.get("headrace.version.of").value());
    }

    private void alterWhole(String topic, String key, String value) throws Exception {
        AlterConfigsRequestData.AlterableConfig config =
                new AlterConfigsRequestData.AlterableConfig().setName(key).setValue(value);
        AlterConfigsRequestData.AlterConfigsResource resource =
                new AlterConfigsRequestData.AlterConfigsResource()
                        .setResourceType(ConfigResource.Type.TOPIC.id())
                        .setResourceName(topic);
        resource.configs().add(config);
        AlterConfigsRequestData data = new AlterConfigsRequestData();
        data.resources().add(resource);
        try (RawClient client = new RawClient(shell.boundPort())) {
            var response = client.ask(data, 2, AlterConfigsResponseData.class);
            assertEquals(0, response.responses().get(0).errorCode());
        }
    }

    @Test
    void aBadConfigIsRefusedAndChangesNothing() throws Exception {
        engine.createNow("t", 1);
        AlterConfigOp bad = new AlterConfigOp(new ConfigEntry("retention.ms", "soon"), OpType.SET);
        assertFailsWith(
                InvalidConfigurationException.class,
                admin.incrementalAlterConfigs(Map.of(TOPIC, List.of(bad))).all());
        AlterConfigOp noList =
                new AlterConfigOp(new ConfigEntry("retention.ms", "1"), OpType.APPEND);
        assertFailsWith(
                InvalidConfigurationException.class,
                admin.incrementalAlterConfigs(Map.of(TOPIC, List.of(noList))).all());
        assertEquals("604800000", describeConfigs(TOPIC).get("retention.ms").value());
    }

    @Test
    void offsetsAreListedByPlaceAndTime() throws Exception {
        engine.createNow("t", 1);
        produce(100, 200, 150);
        assertEquals(3, list(OffsetSpec.latest()).offset());
        assertEquals(0, list(OffsetSpec.earliest()).offset());
        assertEquals(1, list(OffsetSpec.maxTimestamp()).offset());
        assertEquals(200, list(OffsetSpec.maxTimestamp()).timestamp());
        assertEquals(1, list(OffsetSpec.forTimestamp(101)).offset());
        assertEquals(-1, list(OffsetSpec.forTimestamp(201)).offset());
    }

    @Test
    void deletedRecordsMoveTheLogStart() throws Exception {
        engine.createNow("t", 1);
        produce(1, 2, 3);
        TopicPartition partition = new TopicPartition("t", 0);
        long low =
                admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(2)))
                        .lowWatermarks()
                        .get(partition)
                        .get()
                        .lowWatermark();
        assertEquals(2, low);
        assertEquals(2, list(OffsetSpec.earliest()).offset());
        assertFailsWith(
                OffsetOutOfRangeException.class,
                admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(9))).all());
    }

    @Test
    void theClusterIsDescribed() throws Exception {
        var cluster = admin.describeCluster();
        assertEquals("test-cluster", cluster.clusterId().get());
        assertEquals(7, cluster.controller().get().id());
        assertEquals(shell.boundPort(), cluster.nodes().get().iterator().next().port());
    }

    @Test
    void manyTopicsAreListedAndDescribedPageByPage() throws Exception {
        for (int i = 0; i < 2500; i++) {
            engine.createNow("topic-" + i, 1);
        }
        assertEquals(2500, admin.listTopics().names().get().size());
        List<String> names = List.copyOf(admin.listTopics().names().get());
        assertEquals(2500, admin.describeTopics(names).allTopicNames().get().size());
    }

    @Test
    void anInvalidNameIsRefused() {
        assertFailsWith(
                InvalidTopicException.class,
                admin.describeTopics(List.of("no spaces")).topicNameValues().get("no spaces"));
    }

    private void produce(long... timestamps) throws Exception {
        Map<String, Object> configs =
                Map.of(
                        "bootstrap.servers",
                        "127.0.0.1:" + shell.boundPort(),
                        "batch.size",
                        0); // each record a batch of its own
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(configs, new StringSerializer(), new StringSerializer())) {
            for (long timestamp : timestamps) {
                producer.send(new ProducerRecord<>("t", 0, timestamp, null, "value")).get();
            }
        }
    }

    private ListOffsetsResultInfo list(OffsetSpec spec) throws Exception {
        TopicPartition partition = new TopicPartition("t", 0);
        return admin.listOffsets(Map.of(partition, spec)).partitionResult(partition).get();
    }

    private void alter(AlterConfigOp operation) throws Exception {
        admin.incrementalAlterConfigs(Map.of(TOPIC, List.of(operation))).all().get();
    }

    private Config describeConfigs(ConfigResource resource) throws Exception {
        return admin.describeConfigs(List.of(resource)).all().get().get(resource);
    }

    private TopicDescription describe(String name) throws Exception {
        return admin.describeTopics(List.of(name)).allTopicNames().get().get(name);
    }

    private static void assertFailsWith(Class<? extends Throwable> cause, KafkaFuture<?> future) {
        ExecutionException failure =
                assertThrows(ExecutionException.class, () -> future.get(20, TimeUnit.SECONDS));
        assertInstanceOf(cause, failure.getCause());
    }
}
