package io.headrace.kafka.group;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.kafka.topic.TopicDirectory;
import io.headrace.kafka.topic.TopicIds;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The offsets topic goes back to its live size, and says the same at every moment. */
@Timeout(120)
class OffsetsCompactorTest {
    private static final long NEVER = 1L << 50;
    private static final String GROUP = "g";

    private final HeldEngine engine = new HeldEngine();
    private GroupsClient client = start(64 << 10);

    private GroupsClient start(long compactionBytesMin) {
        return new GroupsClient(
                Groups.start(
                        new TopicDirectory(engine, new TopicIds("test-cluster")),
                        new GroupContext()
                                .property("offsets.topic.num.partitions", "1")
                                .compactionBytesMin(compactionBytesMin)));
    }

    private void restart(long compactionBytesMin) {
        client.close();
        engine.crash();
        client = start(compactionBytesMin);
    }

    private HeldEngine.HeldLog log() {
        return engine.log(Groups.OFFSETS_TOPIC, 0);
    }

    @AfterEach
    void close() {
        client.close();
    }

    @Test
    void manyCommitsOfFewKeysShrinkToTheLatest() throws Exception {
        engine.create("t", 10);
        int commitCount = 200_000;
        commitMany(commitCount);

        client.await(() -> log().byteCount() < 256 << 10);
        assertTrue(log().logStartOffset() > 0);
        assertOffsets(commitCount);
        restart(NEVER);
        assertOffsets(commitCount);
    }

    /** Commits 1 to {@code count}, in turns on ten partitions, many at once. */
    private void commitMany(int count) throws Exception {
        client.committed(GROUP, "t", 0); // returns when the group was loaded
        List<CompletableFuture<Errors>> pending = new ArrayList<>();
        for (int i = 1; i <= count; i++) {
            pending.add(client.commitAsync(GROUP, "t", i % 10, i, "metadata"));
            if (pending.size() == 1_000 || i == count) {
                for (CompletableFuture<Errors> commit : pending) {
                    assertEquals(Errors.NONE, commit.get(20, TimeUnit.SECONDS));
                }
                pending.clear();
            }
        }
    }

    private void assertOffsets(int count) throws Exception {
        for (int i = count - 9; i <= count; i++) {
            assertEquals(i + " metadata", client.committed(GROUP, "t", i % 10));
        }
    }

    @Test
    void membersAndExpressionsSurviveCompaction() throws Exception {
        engine.create("t", 10);
        engine.create("agents.1", 3);
        String member = Uuid.randomUuid().toString();
        var joined = client.heartbeat("members", member, 0, List.of("t"), "agents\\..*");
        int epoch = client.awaitAssigned("members", member, joined.memberEpoch(), 13);
        String gone = Uuid.randomUuid().toString();
        client.heartbeat("members-gone", gone, 0, List.of("t"), null);
        client.heartbeat("members-gone", gone, -1, null, null);
        long before = log().logEndOffset();
        commitMany(20_000);
        client.await(() -> log().logStartOffset() > before);

        restart(NEVER);

        var response = client.heartbeat("members", member, epoch, null, null);
        assertEquals(epoch, response.memberEpoch());
        assertEquals(2, client.knownTopicCount());
    }

    @Test
    void nothingIsDeletedBeforeTheSnapshotIsDurable() throws Exception {
        engine.create("t", 10);
        restart(NEVER);
        commitMany(5_000);
        long logEnd = log().logEndOffset();
        client.close();
        engine.holdSync();

        client = start(1024);
        client.awaitAppended(engine, GROUP, logEnd + 10);

        assertEquals(0, log().logStartOffset());
        engine.crash(); // the snapshot was there, and is lost
        restart(NEVER);
        assertEquals(logEnd, log().logEndOffset());
        assertOffsets(5_000);
    }

    @Test
    void logWithTheSnapshotAndAllBeforeItReplaysToTheSame() throws Exception {
        engine.create("t", 10);
        restart(NEVER);
        commitMany(5_000);
        String member = Uuid.randomUuid().toString();
        int epoch = client.heartbeat("members", member, 0, List.of("t"), null).memberEpoch();
        long logEnd = log().logEndOffset();
        log().refusesDeletion = true;
        restart(1024);
        client.awaitAppended(engine, GROUP, logEnd + 10);
        client.await(() -> log().highWatermark() == log().logEndOffset());

        restart(NEVER);

        assertEquals(0, log().logStartOffset());
        assertOffsets(5_000);
        assertEquals(epoch, client.heartbeat("members", member, epoch, null, null).memberEpoch());
    }

    @Test
    void halfASnapshotIsHarmless() throws Exception {
        engine.create("t", 10);
        restart(NEVER);
        commitMany(5_000);
        // Live records of more than one batch: the second one is refused.
        String metadata = "x".repeat(4_000);
        for (int i = 0; i < 100; i++) {
            client.commit("big-" + i, "t", 0, i, metadata);
        }
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < 100; i++) {
                client.commit("big-" + i, "t", 0, i, metadata);
            }
        }
        client.close();
        engine.crash();
        log().appendsLeftBeforeRefusal = 1;
        client = start(1024);
        client.await(() -> log().refused);
        log().refusal = 0;

        client.commit(GROUP, "t", 0, 7, "after");
        assertEquals("7 after", client.committed(GROUP, "t", 0));
        restart(NEVER);
        assertEquals("7 after", client.committed(GROUP, "t", 0));
        assertEquals("99 " + metadata, client.committed("big-99", "t", 0));
    }

    @Test
    void commitsDuringCompactionAreKept() throws Exception {
        engine.create("t", 10);
        restart(1024); // as good as always compacting
        commitMany(30_000);
        assertOffsets(30_000);
        assertTrue(log().logStartOffset() > 0);
        restart(NEVER);
        assertOffsets(30_000);
    }

    @Test
    void commitWhileTheLogIsBeingReadIsInTheSnapshot() throws Exception {
        engine.create("t", 10);
        client.commit(GROUP, "t", 3, 1, "before");
        CountDownLatch gate = new CountDownLatch(1);
        log().readGate = gate;
        commitMany(2_000);
        client.await(() -> log().readersAtGate.get() > 0);

        client.commit(GROUP, "t", 3, 999_999, "during");
        log().readGate = null;
        gate.countDown();

        client.await(() -> log().logStartOffset() > 2_000);
        restart(NEVER);
        assertEquals("999999 during", client.committed(GROUP, "t", 3));
    }

    @Test
    void deletedGroupsStayDeleted() throws Exception {
        engine.create("t", 10);
        engine.create("short-lived", 1);
        client.commit("victim", "short-lived", 0, 5, "");
        engine.delete("short-lived");
        client.await(() -> client.committed("victim", "short-lived", 0).startsWith("-1"));
        commitMany(20_000);
        client.await(() -> log().logStartOffset() > 100);
        restart(NEVER);
        assertEquals("-1 ", client.committed("victim", "short-lived", 0));
    }

    @Test
    void logThatIsMostlyAliveIsLeftAlone() throws Exception {
        engine.create("t", 10);
        restart(1024);
        for (int i = 0; i < 200; i++) {
            client.commit("group-" + i, "t", 0, i, "");
        }
        assertEquals(0, log().logStartOffset());
    }
}
