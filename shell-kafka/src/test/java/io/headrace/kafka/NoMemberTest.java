package io.headrace.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.kafka.group.GroupContext;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData.TopicPartitions;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.HeartbeatResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who is told that he is no member does not keep those who are from being noted. */
@Timeout(60)
class NoMemberTest {
    /** As many as are noted of a connection. */
    private static final int NAMES = 64;

    private final HeapEngine engine = new HeapEngine();
    private KafkaShell shell;
    private RawClient stays;
    private RawClient ends;

    @BeforeEach
    void launch() throws IOException {
        shell =
                KafkaShell.launch(
                        new KafkaShellContext()
                                .engine(engine)
                                .groups(
                                        new GroupContext()
                                                .lostMemberMs(1)
                                                .heartbeatHoldMs(0)
                                                .property(
                                                        "group.consumer.heartbeat.interval.ms",
                                                        "100")
                                                .property(
                                                        "group.consumer.session.timeout.ms",
                                                        "300000"))
                                .listeners(List.of(Listener.of("127.0.0.1", 0))));
        engine.createNow("t", 2);
        stays = new RawClient(shell.boundPort());
        ends = new RawClient(shell.boundPort());
    }

    @AfterEach
    void close() throws IOException {
        stays.close();
        ends.close();
        shell.close();
        engine.close();
    }

    @Test
    void inAConsumerGroup() throws IOException {
        join(stays, "stays");
        for (int i = 0; i < NAMES; i++) {
            ConsumerGroupHeartbeatResponseData told = ask(ends, alive("unknown-" + i, 5));
            assertEquals(Errors.UNKNOWN_MEMBER_ID.code(), told.errorCode());
        }
        anotherEndsAndItsPartitionsMove();
    }

    @Test
    void inAClassicGroup() throws IOException {
        join(stays, "stays");
        for (int i = 0; i < NAMES; i++) {
            HeartbeatResponseData told =
                    ends.ask(
                            new HeartbeatRequestData()
                                    .setGroupId("classic")
                                    .setMemberId("unknown-" + i)
                                    .setGenerationId(1),
                            4,
                            HeartbeatResponseData.class);
            assertEquals(Errors.UNKNOWN_MEMBER_ID.code(), told.errorCode());
        }
        anotherEndsAndItsPartitionsMove();
    }

    private void anotherEndsAndItsPartitionsMove() throws IOException {
        ConsumerGroupHeartbeatResponseData joined = join(ends, "ends");
        awaitPartitions(stays, "stays", 1);
        ends.close();
        awaitPartitions(stays, "stays", 2);
        assertTrue(joined.memberEpoch() > 0);
    }

    private static ConsumerGroupHeartbeatResponseData join(RawClient connection, String member)
            throws IOException {
        ConsumerGroupHeartbeatResponseData joined;
        do {
            joined =
                    ask(
                            connection,
                            alive(member, 0)
                                    .setRebalanceTimeoutMs(60_000)
                                    .setSubscribedTopicNames(List.of("t"))
                                    .setTopicPartitions(List.of()));
        } while (joined.errorCode() == Errors.COORDINATOR_LOAD_IN_PROGRESS.code());
        assertEquals(Errors.NONE.code(), joined.errorCode());
        return joined;
    }

    /** Joins again and again, which says what the member has to have by now. */
    private static void awaitPartitions(RawClient connection, String member, int count)
            throws IOException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        int owned = -1;
        while (owned != count) {
            assertTrue(System.nanoTime() < deadline, "owned=" + owned);
            var told = join(connection, member).assignment().topicPartitions();
            owned = told.isEmpty() ? 0 : told.get(0).partitions().size();
            ask(
                    connection,
                    alive(member, join(connection, member).memberEpoch())
                            .setTopicPartitions(
                                    told.stream()
                                            .map(
                                                    of ->
                                                            new TopicPartitions()
                                                                    .setTopicId(of.topicId())
                                                                    .setPartitions(of.partitions()))
                                            .toList()));
        }
    }

    private static ConsumerGroupHeartbeatResponseData ask(
            RawClient connection, ConsumerGroupHeartbeatRequestData request) throws IOException {
        return connection.ask(request, 1, ConsumerGroupHeartbeatResponseData.class);
    }

    private static ConsumerGroupHeartbeatRequestData alive(String member, int epoch) {
        return new ConsumerGroupHeartbeatRequestData()
                .setGroupId("c")
                .setMemberId(member)
                .setMemberEpoch(epoch);
    }
}
