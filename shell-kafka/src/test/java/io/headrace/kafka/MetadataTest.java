package io.headrace.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.PoolArenaMetric;
import io.netty.buffer.PooledByteBufAllocator;
import java.io.IOException;
import java.util.List;
import org.apache.kafka.common.message.MetadataRequestData;
import org.apache.kafka.common.message.MetadataRequestData.MetadataRequestTopic;
import org.apache.kafka.common.message.MetadataResponseData;
import org.apache.kafka.common.message.MetadataResponseData.MetadataResponseTopic;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Metadata: all topics in every version, named ones, and those that are not there. */
@Timeout(60)
class MetadataTest {
    private final HeapEngine engine = new HeapEngine();
    private final KafkaShellContext context =
            new KafkaShellContext()
                    .engine(engine)
                    .nodeId(3)
                    .listeners(List.of(Listener.of("127.0.0.1", 0)));
    private KafkaShell shell;
    private RawClient client;

    private RawClient client() throws IOException {
        if (client == null) {
            shell = KafkaShell.launch(context);
            client = new RawClient(shell.boundPort());
        }
        return client;
    }

    @AfterEach
    void close() throws IOException {
        client.close();
        shell.close();
        engine.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 999, 1000, 1001, 2500})
    void allTopicsAreListedInEveryVersion(int topicCount) throws IOException {
        for (int i = 0; i < topicCount; i++) {
            engine.createNow("topic-" + i, 1 + i % 3);
        }
        for (short version : ApiKeys.METADATA.allVersions()) {
            MetadataRequestData all =
                    new MetadataRequestData().setTopics(version == 0 ? List.of() : null);
            MetadataResponseData response = client().ask(all, version, MetadataResponseData.class);
            assertEquals(3, response.brokers().iterator().next().nodeId());
            assertEquals(shell.boundPort(), response.brokers().iterator().next().port());
            long here =
                    response.topics().stream()
                            .filter(topic -> topic.name().startsWith("topic-"))
                            .count();
            assertEquals(topicCount, here, "version " + version);
        }
    }

    @Test
    void aMissingTopicIsCreatedIfBothSidesAgree() throws IOException {
        context.partitionCountDefault(4);
        assertEquals(Errors.UNKNOWN_TOPIC_OR_PARTITION.code(), ask("new", false).errorCode());
        assertNull(engine.find("new"));
        assertEquals(4, ask("new", true).partitions().size());
        assertEquals(Errors.INVALID_TOPIC_EXCEPTION.code(), ask("no/slash", false).errorCode());
    }

    @Test
    void aMissingTopicIsNotCreatedIfTheServerForbidsIt() throws IOException {
        context.autoCreateTopics(false);
        assertEquals(Errors.UNKNOWN_TOPIC_OR_PARTITION.code(), ask("new", true).errorCode());
        assertNull(engine.find("new"));
    }

    @Test
    void twoClientsMayAskForTheSameMissingTopic() throws IOException {
        client();
        try (RawClient other = new RawClient(shell.boundPort())) {
            for (int i = 0; i < 20; i++) {
                client.send(metadata("new-" + i, true), 12);
                other.send(metadata("new-" + i, true), 12);
                for (RawClient each : List.of(client, other)) {
                    MetadataResponseData response =
                            each.receive(ApiKeys.METADATA, 12, MetadataResponseData.class);
                    assertEquals(0, response.topics().iterator().next().errorCode());
                }
            }
        }
        assertTrue(engine.topicCount() >= 20);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 12, 13})
    void aListThatCannotBeMadeIsNotAnEmptyList(int version) throws IOException {
        for (int i = 0; i < 1500; i++) {
            engine.createNow("topic-" + i, 1);
        }
        client();
        engine.listFailure = new OutOfMemoryError("thrown by the test");
        assertRefused(version);
        long before = directBytes();
        for (int i = 0; i < 20; i++) {
            assertRefused(version);
        }
        assertTrue(directBytes() < before + 20 * 64 * 1024, "before " + before);
        engine.listFailure = null;
        MetadataResponseData response =
                client().ask(
                                new MetadataRequestData().setTopics(null),
                                version,
                                MetadataResponseData.class);
        assertTrue(response.topics().size() >= 1500);
    }

    private void assertRefused(int version) throws IOException {
        try (RawClient asking = new RawClient(shell.boundPort())) {
            asking.send(new MetadataRequestData().setTopics(null), version);
            assertTrue(asking.isClosedByServer());
        }
    }

    private static long directBytes() {
        return PooledByteBufAllocator.DEFAULT.metric().directArenas().stream()
                .mapToLong(PoolArenaMetric::numActiveBytes)
                .sum();
    }

    private MetadataResponseTopic ask(String topic, boolean create) throws IOException {
        return client().ask(metadata(topic, create), 12, MetadataResponseData.class)
                .topics()
                .iterator()
                .next();
    }

    private static MetadataRequestData metadata(String topic, boolean create) {
        return new MetadataRequestData()
                .setAllowAutoTopicCreation(create)
                .setTopics(List.of(new MetadataRequestTopic().setName(topic)));
    }
}
