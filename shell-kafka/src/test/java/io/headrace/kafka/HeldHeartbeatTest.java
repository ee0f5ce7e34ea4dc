package io.headrace.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.kafka.group.GroupContext;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.common.message.ApiVersionsRequestData;
import org.apache.kafka.common.message.ApiVersionsResponseData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData.TopicPartitions;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.HeartbeatResponseData;
import org.apache.kafka.common.message.JoinGroupRequestData;
import org.apache.kafka.common.message.JoinGroupRequestData.JoinGroupRequestProtocol;
import org.apache.kafka.common.message.JoinGroupRequestData.JoinGroupRequestProtocolCollection;
import org.apache.kafka.common.message.JoinGroupResponseData;
import org.apache.kafka.common.message.LeaveGroupRequestData;
import org.apache.kafka.common.message.LeaveGroupResponseData;
import org.apache.kafka.common.message.MetadataRequestData;
import org.apache.kafka.common.message.MetadataResponseData;
import org.apache.kafka.common.message.SyncGroupRequestData;
import org.apache.kafka.common.message.SyncGroupResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A heartbeat waits until there is something to say. */
@Timeout(60)
class HeldHeartbeatTest {
    private static final String INTERVAL_MS = "60000";

    private final HeapEngine engine = new HeapEngine();
    private KafkaShell shell;
    private RawClient client;

    @BeforeEach
    void launch() throws IOException {
        launch(new GroupContext().heartbeatHoldMs(60_000));
    }

    private void launch(GroupContext groups) throws IOException {
        shell =
                KafkaShell.launch(
                        new KafkaShellContext()
                                .engine(engine)
                                .groups(
                                        groups.property(
                                                        "group.consumer.heartbeat.interval.ms",
                                                        INTERVAL_MS)
                                                .property(
                                                        "group.consumer.session.timeout.ms",
                                                        "300000"))
                                .listeners(List.of(Listener.of("127.0.0.1", 0))));
        client = client("apache-kafka-java");
        engine.createNow("t", 2);
    }

    @AfterEach
    void close() throws IOException {
        client.close();
        shell.close();
        engine.close();
    }

    private RawClient client(String software) throws IOException {
        RawClient connected = new RawClient(shell.boundPort());
        connected.ask(
                new ApiVersionsRequestData()
                        .setClientSoftwareName(software)
                        .setClientSoftwareVersion("1"),
                3,
                ApiVersionsResponseData.class);
        return connected;
    }

    /** A classic member; the group has but one. */
    private final class Member {
        final RawClient connection;
        String id = "";
        int generation;

        Member(RawClient connection) throws IOException {
            this.connection = connection;
            JoinGroupResponseData joined;
            do {
                sendJoin(connection, id);
                joined = receiveJoin();
            } while (joined.errorCode() == Errors.COORDINATOR_LOAD_IN_PROGRESS.code()
                    || joined.errorCode() == Errors.MEMBER_ID_REQUIRED.code());
            assertEquals(Errors.NONE.code(), joined.errorCode());
            generation = joined.generationId();
            connection.ask(
                    new SyncGroupRequestData()
                            .setGroupId("g")
                            .setMemberId(id)
                            .setGenerationId(generation)
                            .setProtocolType("test")
                            .setProtocolName("range"),
                    5,
                    SyncGroupResponseData.class);
        }

        JoinGroupResponseData receiveJoin() throws IOException {
            JoinGroupResponseData joined =
                    connection.receive(ApiKeys.JOIN_GROUP, 7, JoinGroupResponseData.class);
            id = joined.memberId();
            return joined;
        }

        void sendHeartbeat() throws IOException {
            connection.send(
                    new HeartbeatRequestData()
                            .setGroupId("g")
                            .setMemberId(id)
                            .setGenerationId(generation),
                    4);
        }

        Errors receiveHeartbeat() throws IOException {
            return Errors.forCode(
                    connection
                            .receive(ApiKeys.HEARTBEAT, 4, HeartbeatResponseData.class)
                            .errorCode());
        }
    }

    private static void sendJoin(RawClient connection, String member) throws IOException {
        connection.send(
                new JoinGroupRequestData()
                        .setGroupId("g")
                        .setMemberId(member)
                        .setSessionTimeoutMs(300_000)
                        .setRebalanceTimeoutMs(60_000)
                        .setProtocolType("test")
                        .setProtocols(
                                new JoinGroupRequestProtocolCollection(
                                        List.of(
                                                        new JoinGroupRequestProtocol()
                                                                .setName("range")
                                                                .setMetadata(new byte[0]))
                                                .iterator())),
                7);
    }

    @Test
    void itIsAnsweredWhenSomebodyJoins() throws IOException {
        Member member = new Member(client);
        member.sendHeartbeat();
        assertTrue(client.isSilentFor(300));
        try (RawClient other = client("apache-kafka-java")) {
            sendJoin(other, "");
            String id =
                    other.receive(ApiKeys.JOIN_GROUP, 7, JoinGroupResponseData.class).memberId();
            sendJoin(other, id);
            assertEquals(Errors.REBALANCE_IN_PROGRESS, member.receiveHeartbeat());
        }
    }

    @Test
    void whatElseTheConnectionAsksDoesNotWait() throws IOException {
        Member member = new Member(client);
        member.sendHeartbeat();
        assertTrue(client.isSilentFor(300));
        client.send(new MetadataRequestData().setTopics(List.of()), 12);
        assertEquals(Errors.NONE, member.receiveHeartbeat());
        client.receive(ApiKeys.METADATA, 12, MetadataResponseData.class);
        member.sendHeartbeat(); // and this one waits again
        assertTrue(client.isSilentFor(300));
    }

    @Test
    void theNextTakesItsPlace() throws IOException {
        Member member = new Member(client);
        member.sendHeartbeat();
        assertTrue(client.isSilentFor(300));
        member.sendHeartbeat();
        assertEquals(Errors.NONE, member.receiveHeartbeat());
        assertTrue(client.isSilentFor(300), "the next waits");
    }

    @Test
    void otherSoftwareDoesNotWait() throws IOException {
        try (RawClient other = client("kafkajs")) {
            Member member = new Member(other);
            member.sendHeartbeat();
            assertEquals(Errors.NONE, member.receiveHeartbeat());
        }
    }

    @Test
    void nobodyWaitsWhereItIsSwitchedOff() throws IOException {
        client.close();
        shell.close();
        launch(new GroupContext().heartbeatHoldMs(0));
        Member member = new Member(client);
        member.sendHeartbeat();
        assertEquals(Errors.NONE, member.receiveHeartbeat());
    }

    @Test
    void whoLeavesDoesNotWait() throws IOException {
        Member member = new Member(client);
        member.sendHeartbeat();
        assertTrue(client.isSilentFor(300));
        client.send(
                new LeaveGroupRequestData()
                        .setGroupId("g")
                        .setMembers(
                                List.of(
                                        new LeaveGroupRequestData.MemberIdentity()
                                                .setMemberId(member.id))),
                5);
        assertEquals(Errors.NONE, member.receiveHeartbeat());
        client.receive(ApiKeys.LEAVE_GROUP, 5, LeaveGroupResponseData.class);
    }

    @Test
    void theServerStopsWithoutWaitingForIt() throws Exception {
        Member member = new Member(client);
        member.sendHeartbeat();
        assertTrue(client.isSilentFor(300));
        CompletableFuture<Void> closed = CompletableFuture.runAsync(shell::close);
        assertEquals(Errors.NONE, member.receiveHeartbeat());
        closed.join();
    }

    @Test
    void aMemberOfAConsumerGroupLearnsThatItHasToGiveUpPartitionsAtOnce() throws IOException {
        ConsumerGroupHeartbeatResponseData alone;
        do {
            alone = ask(client, join("m1"));
        } while (alone.errorCode() == Errors.COORDINATOR_LOAD_IN_PROGRESS.code());
        assertEquals(2, alone.assignment().topicPartitions().get(0).partitions().size());
        // It has been told, and is to be heard as soon as it has done so.
        ask(client, alive("m1", alone.memberEpoch()));
        ask(client, alive("m1", alone.memberEpoch()).setTopicPartitions(owned(alone)));
        client.send(alive("m1", alone.memberEpoch()), 1);
        assertTrue(client.isSilentFor(300));
        try (RawClient other = client("apache-kafka-java")) {
            ask(other, join("m2"));
            ConsumerGroupHeartbeatResponseData told =
                    client.receive(
                            ApiKeys.CONSUMER_GROUP_HEARTBEAT,
                            1,
                            ConsumerGroupHeartbeatResponseData.class);
            assertEquals(1, told.assignment().topicPartitions().get(0).partitions().size());
        }
    }

    private static List<TopicPartitions> owned(ConsumerGroupHeartbeatResponseData told) {
        return told.assignment().topicPartitions().stream()
                .map(
                        of ->
                                new TopicPartitions()
                                        .setTopicId(of.topicId())
                                        .setPartitions(of.partitions()))
                .toList();
    }

    private static ConsumerGroupHeartbeatResponseData ask(
            RawClient connection, ConsumerGroupHeartbeatRequestData request) throws IOException {
        return connection.ask(request, 1, ConsumerGroupHeartbeatResponseData.class);
    }

    private static ConsumerGroupHeartbeatRequestData join(String member) {
        return alive(member, 0)
                .setRebalanceTimeoutMs(60_000)
                .setSubscribedTopicNames(List.of("t"))
                .setTopicPartitions(List.of());
    }

    private static ConsumerGroupHeartbeatRequestData alive(String member, int epoch) {
        return new ConsumerGroupHeartbeatRequestData()
                .setGroupId("c")
                .setMemberId(member)
                .setMemberEpoch(epoch);
    }
}
