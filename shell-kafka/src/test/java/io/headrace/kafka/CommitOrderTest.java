package io.headrace.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.stream.Stream;
import org.apache.kafka.common.message.MetadataRequestData;
import org.apache.kafka.common.message.MetadataRequestData.MetadataRequestTopic;
import org.apache.kafka.common.message.MetadataResponseData;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestPartition;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestTopic;
import org.apache.kafka.common.message.OffsetCommitResponseData;
import org.apache.kafka.common.message.OffsetFetchRequestData;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestGroup;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestTopics;
import org.apache.kafka.common.message.OffsetFetchResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What one connection asks about a group reaches the coordinator in that order. */
@Timeout(60)
class CommitOrderTest {
    private static final int COMMIT_VERSION = 8;
    private static final int FETCH_VERSION = 8;

    private final HeapEngine engine = new HeapEngine();
    private KafkaShell shell;
    private RawClient client;

    @BeforeEach
    void launch() throws IOException {
        shell =
                KafkaShell.launch(
                        new KafkaShellContext()
                                .engine(engine)
                                .listeners(List.of(Listener.of("127.0.0.1", 0))));
        client = new RawClient(shell.boundPort());
        engine.createNow("known", 1);
        engine.createNow("new", 1);
        commitUntilLoaded();
    }

    @AfterEach
    void close() throws IOException {
        engine.heldName = null;
        client.close();
        shell.close();
        engine.close();
    }

    private void commitUntilLoaded() throws IOException {
        Errors error;
        do {
            client.send(commit(0, "known"), COMMIT_VERSION);
            error = receiveCommit();
        } while (error == Errors.COORDINATOR_LOAD_IN_PROGRESS);
        assertEquals(Errors.NONE, error);
        // So that the shell finds the topic without asking the catalog; the groups still have to.
        client.ask(
                new MetadataRequestData()
                        .setTopics(List.of(new MetadataRequestTopic().setName("new"))),
                12,
                MetadataResponseData.class);
    }

    @Test
    void aCommitDoesNotOvertakeOneThatHasToWaitForItsTopic() throws IOException {
        engine.heldName = "new";
        client.send(commit(1, "known", "new"), COMMIT_VERSION);
        client.send(commit(2, "known"), COMMIT_VERSION);
        assertTrue(client.isSilentFor(300));
        engine.heldName = null;
        assertEquals(Errors.NONE, receiveCommit());
        assertEquals(Errors.NONE, receiveCommit());
        client.send(offsets(), FETCH_VERSION);
        assertEquals(2, receiveOffset());
    }

    @Test
    void aFetchOfOffsetsSeesTheCommitBeforeIt() throws IOException {
        engine.heldName = "new";
        client.send(commit(1, "known", "new"), COMMIT_VERSION);
        client.send(offsets(), FETCH_VERSION);
        assertTrue(client.isSilentFor(300));
        engine.heldName = null;
        assertEquals(Errors.NONE, receiveCommit());
        assertEquals(1, receiveOffset());
    }

    @Test
    void anotherConnectionDoesNotWait() throws IOException {
        engine.heldName = "new";
        client.send(commit(1, "known", "new"), COMMIT_VERSION);
        try (RawClient other = new RawClient(shell.boundPort())) {
            other.ask(commit(2, "known"), COMMIT_VERSION, OffsetCommitResponseData.class);
        }
        engine.heldName = null;
        assertEquals(Errors.NONE, receiveCommit());
    }

    private static OffsetCommitRequestData commit(long offset, String... topics) {
        return new OffsetCommitRequestData()
                .setGroupId("g")
                .setTopics(Stream.of(topics).map(topic -> commitOf(topic, offset)).toList());
    }

    private static OffsetCommitRequestTopic commitOf(String topic, long offset) {
        return new OffsetCommitRequestTopic()
                .setName(topic)
                .setPartitions(
                        List.of(new OffsetCommitRequestPartition().setCommittedOffset(offset)));
    }

    private Errors receiveCommit() throws IOException {
        OffsetCommitResponseData response =
                client.receive(
                        ApiKeys.OFFSET_COMMIT, COMMIT_VERSION, OffsetCommitResponseData.class);
        return Errors.forCode(response.topics().get(0).partitions().get(0).errorCode());
    }

    private static OffsetFetchRequestData offsets() {
        return new OffsetFetchRequestData()
                .setGroups(
                        List.of(
                                new OffsetFetchRequestGroup()
                                        .setGroupId("g")
                                        .setTopics(
                                                List.of(
                                                        new OffsetFetchRequestTopics()
                                                                .setName("known")
                                                                .setPartitionIndexes(
                                                                        List.of(0))))));
    }

    private long receiveOffset() throws IOException {
        return client.receive(ApiKeys.OFFSET_FETCH, FETCH_VERSION, OffsetFetchResponseData.class)
                .groups()
                .get(0)
                .topics()
                .get(0)
                .partitions()
                .get(0)
                .committedOffset();
    }
}
