package io.headrace.kafka.group;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.PartitionLog;
import io.headrace.kafka.topic.TopicDirectory;
import io.headrace.kafka.topic.TopicIds;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What groups promise, over an engine whose syncs the test decides about. */
@Timeout(60)
class GroupsTest {
    private final HeldEngine engine = new HeldEngine();
    private GroupsClient client = start(new GroupContext());

    private GroupsClient start(GroupContext context) {
        return new GroupsClient(
                Groups.start(new TopicDirectory(engine, new TopicIds("test-cluster")), context));
    }

    private void restart() {
        client.close();
        engine.crash();
        client = start(new GroupContext());
    }

    @AfterEach
    void close() {
        client.close();
    }

    @Test
    void commitIsAnsweredOnlyWhenItIsDurable() throws Exception {
        engine.create("t", 1);
        client.commit("g", "t", 0, 5, "first");
        engine.holdSync();

        CompletableFuture<Errors> second = client.commitAsync("g", "t", 0, 6, "second");
        client.awaitAppended(engine, "g", 2);
        assertFalse(second.isDone());

        engine.releaseSync();
        assertEquals(Errors.NONE, second.get(10, TimeUnit.SECONDS));
        assertEquals("6 second", client.committed("g", "t", 0));
    }

    @Test
    void commitThatWasNotDurableIsNotThereAfterACrash() throws Exception {
        engine.create("t", 1);
        client.commit("g", "t", 0, 5, "first");
        engine.holdSync();
        client.commitAsync("g", "t", 0, 6, "second");
        client.awaitAppended(engine, "g", 2);

        restart();

        assertEquals("5 first", client.committed("g", "t", 0));
    }

    @Test
    void offsetsAndMetadataSurviveARestart() throws Exception {
        engine.create("t", 3);
        for (int i = 0; i < 40; i++) {
            client.commit("group-" + i, "t", i % 3, 100 + i, "metadata " + i);
        }

        restart();

        for (int i = 0; i < 40; i++) {
            assertEquals((100 + i) + " metadata " + i, client.committed("group-" + i, "t", i % 3));
        }
    }

    @Test
    void offsetsAreLoadedFromColdStorage() throws Exception {
        engine.create("t", 1);
        client.commit("g", "t", 0, 5, "");
        engine.log(Groups.OFFSETS_TOPIC, client.partitionOf("g")).cold = true;

        restart();

        assertEquals("5 ", client.committed("g", "t", 0));
    }

    @Test
    void offsetsAreLoadedAlthoughTheStoreFailsInPassing() throws Exception {
        engine.create("t", 1);
        client.commit("g", "t", 0, 5, "");
        engine.log(Groups.OFFSETS_TOPIC, client.partitionOf("g")).failReads(2);

        restart();

        assertEquals("5 ", client.committed("g", "t", 0));
    }

    @Test
    void refusedAppendTellsTheClientToRetry() throws Exception {
        engine.create("t", 1);
        client.commit("g", "t", 0, 4, "");
        HeldEngine.HeldLog log = engine.log(Groups.OFFSETS_TOPIC, client.partitionOf("g"));
        log.refusal = PartitionLog.OUT_OF_SPACE;
        assertEquals(
                Errors.COORDINATOR_NOT_AVAILABLE,
                client.commitAsync("g", "t", 0, 5, "").get(10, TimeUnit.SECONDS));

        log.refusal = 0;
        client.commit("g", "t", 0, 6, "");
        assertEquals("6 ", client.committed("g", "t", 0));
    }

    @Test
    void offsetsOfADeletedTopicVanish() throws Exception {
        engine.create("t", 1);
        engine.create("kept", 1);
        client.commit("g", "t", 0, 5, "");
        client.commit("g", "kept", 0, 7, "");

        engine.delete("t");

        client.await(() -> client.committed("g", "t", 0).startsWith("-1"));
        assertEquals("7 ", client.committed("g", "kept", 0));
        restart();
        assertEquals("-1 ", client.committed("g", "t", 0));
    }

    @Test
    void offsetsOfATopicDeletedWhileTheServerWasDownVanish() throws Exception {
        engine.create("t", 2);
        client.commit("g", "t", 1, 5, "");
        client.close();
        engine.crash();
        engine.delete("t");

        client = start(new GroupContext());

        client.await(() -> client.committed("g", "t", 1).startsWith("-1"));
    }

    @Test
    void offsetsOfARecreatedTopicAreNotThoseOfItsPredecessor() throws Exception {
        engine.create("t", 1);
        client.commit("g", "t", 0, 5, "");
        engine.delete("t");
        engine.create("t", 1);
        client.await(() -> client.committed("g", "t", 0).startsWith("-1"));
        client.commit("g", "t", 0, 1, "");
        assertEquals("1 ", client.committed("g", "t", 0));
    }

    @Test
    void coordinatorKnowsOnlyTheTopicsThatGroupsName() throws Exception {
        for (int i = 0; i < 50; i++) {
            engine.create("unrelated-" + i, 1);
        }
        engine.create("a", 2);
        client.heartbeat("g", "m", 0, List.of("a", "absent"), null);
        assertEquals(1, client.knownTopicCount());

        engine.create("unrelated-late", 1);
        engine.create("absent", 1);
        client.await(() -> client.knownTopicCount() == 2);
    }

    @Test
    void memberIsGivenPartitionsOfATopicAtItsFirstHeartbeat() throws Exception {
        engine.create("a", 4);
        ConsumerGroupHeartbeatResponseData joined =
                client.heartbeat("g", Uuid.randomUuid().toString(), 0, List.of("a"), null);
        assertEquals(List.of(0, 1, 2, 3), client.assigned(joined));
    }

    @Test
    void memberIsGivenThePartitionsOfAGrownTopicAndOfALateOne() throws Exception {
        long topicId = engine.create("a", 1).id();
        String member = Uuid.randomUuid().toString();
        var joined = client.heartbeat("g", member, 0, List.of("a", "late"), null);
        assertEquals(List.of(0), client.assigned(joined));

        engine.grow(topicId, 3, false).join();
        int epoch = client.awaitAssigned("g", member, joined.memberEpoch(), 3);
        engine.create("late", 2);
        client.awaitAssigned("g", member, epoch, 5);
    }

    @Test
    void memberIsGivenTheTopicsThatItsExpressionMatches() throws Exception {
        engine.create("agents.1.in", 1);
        engine.create("agents.2.in", 2);
        engine.create("agents.2.out", 4);
        engine.create("other", 8);
        String member = Uuid.randomUuid().toString();

        var joined = client.heartbeat("g", member, 0, List.of(), "agents\\.[0-9]+\\.in");

        client.awaitAssigned("g", member, joined.memberEpoch(), 3);
        assertEquals(2, client.knownTopicCount());
    }

    @Test
    void membersSurviveARestart() throws Exception {
        engine.create("a", 2);
        String member = Uuid.randomUuid().toString();
        int epoch = client.heartbeat("g", member, 0, List.of("a"), null).memberEpoch();

        restart();

        var response = client.heartbeat("g", member, epoch, null, null);
        assertEquals(Errors.NONE.code(), response.errorCode());
        assertEquals(1, client.knownTopicCount());
    }

    @Test
    void expressionsSurviveARestart() throws Exception {
        engine.create("agents.1", 1);
        String member = Uuid.randomUuid().toString();
        var joined = client.heartbeat("g", member, 0, List.of(), "agents\\..*");
        client.awaitAssigned("g", member, joined.memberEpoch(), 1);

        restart();
        client.heartbeat("other", "m", 0, List.of(), "none");
        engine.create("agents.2", 1);

        client.await(() -> client.knownTopicCount() == 2);
    }

    @Test
    void badPropertyIsNamed() {
        InvalidConfigException bad =
                assertThrows(
                        InvalidConfigException.class,
                        () ->
                                new GroupContext()
                                        .property("group.consumer.session.timeout.ms", "soon")
                                        .conclude());
        assertTrue(bad.getMessage().contains("group.consumer.session.timeout.ms"));
    }

    @Test
    void closingEndsEveryThread() throws Exception {
        engine.create("t", 1);
        client.commit("g", "t", 0, 5, "");
        client.close();
        client.await(
                () ->
                        Thread.getAllStackTraces().keySet().stream()
                                .noneMatch(t -> t.getName().startsWith("group")));
    }
}
