package io.headrace.kafka;

import static io.headrace.kafka.Batches.FETCH_VERSION;
import static io.headrace.kafka.Batches.batch;
import static io.headrace.kafka.Batches.batchOfLength;
import static io.headrace.kafka.Batches.fetch;
import static io.headrace.kafka.Batches.partitionOf;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.Topic;
import io.headrace.kafka.topic.TopicIds;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchRequestData.FetchPartition;
import org.apache.kafka.common.message.FetchRequestData.FetchTopic;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.FetchResponseData.PartitionData;
import org.apache.kafka.common.message.OffsetForLeaderEpochRequestData;
import org.apache.kafka.common.message.OffsetForLeaderEpochRequestData.OffsetForLeaderPartition;
import org.apache.kafka.common.message.OffsetForLeaderEpochRequestData.OffsetForLeaderTopic;
import org.apache.kafka.common.message.OffsetForLeaderEpochRequestData.OffsetForLeaderTopicCollection;
import org.apache.kafka.common.message.OffsetForLeaderEpochResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Fetch: what is returned, when, and how much. */
@Timeout(60)
class FetchTest {
    private final HeapEngine engine = new HeapEngine();
    private final KafkaShellContext context =
            new KafkaShellContext()
                    .engine(engine)
                    .clusterId("c")
                    .listeners(List.of(Listener.of("127.0.0.1", 0)));
    private KafkaShell shell;
    private RawClient client;
    private Topic topic;
    private HeapLog log;

    @BeforeEach
    void launch() throws IOException {
        shell = KafkaShell.launch(context);
        client = new RawClient(shell.boundPort());
        topic = engine.createNow("t", 2);
        log = engine.log("t", 0);
    }

    @AfterEach
    void close() throws IOException {
        client.close();
        shell.close();
        engine.close();
        assertEquals(0, engine.openLeases.get(), "open leases");
    }

    @Test
    void aLongPollIsAnsweredByTheNextBatch() throws IOException {
        client.send(fetch("t", 0, 600_000, 1), FETCH_VERSION);
        Await.until("it waits", () -> log.waiterCount() == 1);
        log.append(batch("a", "b").buffer());
        PartitionData data = partitionOf(receive());
        assertEquals(2, data.highWatermark());
        assertEquals(2, data.lastStableOffset());
        assertEquals(2, recordCount(data));
        assertEquals(0, log.waiterCount());
    }

    @Test
    void aLongPollEndsEmptyWhenItsTimeIsUp() throws IOException {
        PartitionData data = partitionOf(ask(fetch("t", 0, 50, 1)));
        assertEquals(Errors.NONE.code(), data.errorCode());
        assertEquals(0, recordCount(data));
        assertEquals(0, log.waiterCount());
    }

    @Test
    void aLongPollAtTheEndOfASourceEndsSoonSoThatTheNextEpochCanBegin() throws IOException {
        engine.createNow(
                "source",
                1,
                Map.of("headrace.source.uri", "s3://bucket/", "headrace.storage.mode", "source"));
        PartitionData data = partitionOf(ask(fetch("source", 0, 600_000, 1)));
        assertEquals(0, recordCount(data));
        assertEquals(0, engine.log("source", 0).waiterCount());
    }

    @Test
    void aPollWithoutWaitingTimeIsAnsweredAtOnce() throws IOException {
        assertEquals(0, recordCount(partitionOf(ask(fetch("t", 0, 0, 1)))));
    }

    @Test
    void fewerBytesThanWantedAreHeldBackUntilTheTimeIsUp() throws IOException {
        log.append(batchOfLength(100).buffer());
        client.send(fetch("t", 0, 600_000, 300), FETCH_VERSION);
        Await.until("it waits", () -> log.waiterCount() == 1);
        assertEquals(0, engine.openLeases.get(), "leases held while waiting");
        log.append(batchOfLength(200).buffer());
        assertEquals(2, recordCount(partitionOf(receive())));
        assertEquals(1, recordCount(partitionOf(ask(fetch("t", 1, 50, 300)))));
    }

    @Test
    void recordsAboveTheHighWatermarkAreNotShown() throws IOException {
        log.append(batch("safe").buffer());
        log.holdHighWatermark();
        log.append(batch("not yet").buffer());
        assertEquals(1, recordCount(partitionOf(ask(fetch("t", 0, 0, 1)))));
        client.send(fetch("t", 1, 600_000, 1), FETCH_VERSION);
        Await.until("it waits", () -> log.waiterCount() == 1);
        log.releaseHighWatermark();
        assertEquals(1, recordCount(partitionOf(receive())));
    }

    @Test
    void aLogThatPromisesMoreThanItGivesIsNotAskedInALoop() throws IOException {
        log.append(batch("there").buffer());
        log.stall();
        assertEquals(0, recordCount(partitionOf(ask(fetch("t", 0, 300, 1)))));
        assertTrue(log.readCount() < 1000, "reads: " + log.readCount());
    }

    @Test
    void coldBytesAreLoadedBeforeTheAnswer() throws IOException {
        log.append(batch("cold").buffer());
        log.chill();
        client.send(fetch("t", 0, 0, 1), FETCH_VERSION);
        Await.until("the read is asked for", () -> log.coldReadCount() == 1);
        assertTrue(client.isSilentFor(100), "answered without the bytes");
        log.completeColdReads();
        assertEquals(1, recordCount(partitionOf(receive())));
    }

    @Test
    void whoHasEnoughWaitsForColdBytesNoLongerThanForNewOnes() throws IOException {
        log.append(batch("cold").buffer());
        log.chill();
        engine.log("t", 1).append(batch("hot").buffer());
        FetchRequestData both = fetch("t", 0, 50, 1);
        List<FetchPartition> partitions = new ArrayList<>(both.topics().get(0).partitions());
        partitions.add(partitions.get(0).duplicate().setPartition(1));
        both.topics().get(0).setPartitions(partitions);
        FetchResponseData response = ask(both);
        assertEquals(0, recordCount(partitionOf(response)));
        assertEquals(1, recordCount(response.responses().get(0).partitions().get(1)));
        log.completeColdReads();
    }

    @Test
    void limitsAreKeptButForTheFirstBatch() throws IOException {
        for (int i = 0; i < 10; i++) {
            log.append(batchOfLength(1000).buffer());
        }
        FetchRequestData limited = fetch("t", 0, 0, 1);
        limited.topics().get(0).partitions().get(0).setPartitionMaxBytes(2500);
        assertEquals(2, recordCount(partitionOf(ask(limited))));
        limited.topics().get(0).partitions().get(0).setPartitionMaxBytes(1);
        assertEquals(1, recordCount(partitionOf(ask(limited))));
        FetchRequestData wholeLimited = fetch("t", 3, 0, 1).setMaxBytes(3500);
        assertEquals(3, recordCount(partitionOf(ask(wholeLimited))));
    }

    @Test
    void aFullResponseLeavesTheOtherPartitionsOut() throws IOException {
        log.append(batchOfLength(1000).buffer());
        engine.log("t", 1).append(batchOfLength(1000).buffer());
        FetchRequestData both = fetch("t", 0, 0, 1).setMaxBytes(1000);
        FetchPartition first = both.topics().get(0).partitions().get(0);
        both.topics().get(0).setPartitions(List.of(first, first.duplicate().setPartition(1)));
        FetchResponseData response = ask(both);
        assertEquals(1, recordCount(partitionOf(response)));
        PartitionData second = response.responses().get(0).partitions().get(1);
        assertEquals(0, recordCount(second));
        assertEquals(1, second.highWatermark());
    }

    @Test
    void coldPartitionsTogetherKeepTheLimit() throws IOException {
        FetchRequestData limited = coldFetch(8, 100_000).setMaxBytes(900_000);
        FetchResponseData response = afterLoading(limited, 8);
        int bytes = 0;
        for (PartitionData data : response.responses().get(0).partitions()) {
            bytes += data.records().sizeInBytes();
        }
        assertTrue(bytes <= 900_000, "bytes: " + bytes);
        assertTrue(bytes > 800_000, "bytes: " + bytes);
    }

    @Test
    void ofColdPartitionsOneBatchGoesHoweverSmallTheLimit() throws IOException {
        FetchResponseData response = afterLoading(coldFetch(8, 1000).setMaxBytes(1), 1);
        int records = 0;
        for (PartitionData data : response.responses().get(0).partitions()) {
            records += recordCount(data);
        }
        assertEquals(1, records);
    }

    @Test
    void onePartitionAloneMayUseTheWholeLimit() throws IOException {
        FetchResponseData response = afterLoading(coldFetch(1, 1000).setMaxBytes(5500), 1);
        assertEquals(5, recordCount(partitionOf(response)));
    }

    /** A fetch of cold partitions, each with ten batches of somewhat more than that length. */
    private FetchRequestData coldFetch(int partitionCount, int batchLength) {
        engine.createNow("cold", partitionCount);
        FetchRequestData data = fetch("cold", 0, 600_000, 1);
        FetchPartition first = data.topics().get(0).partitions().get(0);
        List<FetchPartition> all = new ArrayList<>();
        for (int partition = 0; partition < partitionCount; partition++) {
            HeapLog cold = engine.log("cold", partition);
            for (int i = 0; i < 10; i++) {
                cold.append(batchOfLength(batchLength).buffer());
            }
            cold.chill();
            all.add(first.duplicate().setPartition(partition));
        }
        data.topics().get(0).setPartitions(all);
        return data;
    }

    private FetchResponseData afterLoading(FetchRequestData data, int loadCount)
            throws IOException {
        client.send(data, FETCH_VERSION);
        for (int partition = 0; partition < loadCount; partition++) {
            HeapLog cold = engine.log("cold", partition);
            Await.until("it is loaded", () -> cold.coldReadCount() == 1);
        }
        for (int partition = 0; partition < loadCount; partition++) {
            engine.log("cold", partition).completeColdReads();
        }
        return receive();
    }

    @Test
    void aReadThatFailsGivesBackWhatWasReadBefore() throws IOException {
        log.append(batch("a").buffer());
        engine.log("t", 1).append(batch("b").buffer());
        FetchRequestData both = fetch("t", 0, 0, 1);
        FetchPartition first = both.topics().get(0).partitions().get(0);
        both.topics().get(0).setPartitions(List.of(first, first.duplicate().setPartition(1)));
        engine.log("t", 1).failReads(new OutOfMemoryError("thrown by the test"));
        assertEquals(Errors.UNKNOWN_SERVER_ERROR.code(), ask(both).errorCode());
        assertEquals(0, engine.openLeases.get(), "open leases");
    }

    @Test
    void aReadThatFailsAfterAWaitIsAnsweredToo() throws IOException {
        client.send(fetch("t", 0, 600_000, 1), FETCH_VERSION);
        Await.until("it waits", () -> log.waiterCount() == 1);
        log.failReads(new OutOfMemoryError("thrown by the test"));
        log.append(batch("a").buffer());
        assertEquals(Errors.UNKNOWN_SERVER_ERROR.code(), receive().errorCode());
    }

    @Test
    void whatFailsOnceTheBytesAreLoadedIsAnsweredToo() throws IOException {
        log.append(batch("cold").buffer());
        log.chill();
        client.send(fetch("t", 0, 600_000, 1), FETCH_VERSION);
        Await.until("the read is asked for", () -> log.coldReadCount() == 1);
        log.failLogStart(new OutOfMemoryError("thrown by the test"));
        log.completeColdReads();
        assertEquals(Errors.UNKNOWN_SERVER_ERROR.code(), receive().errorCode());
        assertEquals(0, engine.openLeases.get(), "open leases");
    }

    @Test
    void noFetchWaitsLongerThanTheServerAllows() throws IOException {
        context.fetchWaitMaxMs(50);
        assertEquals(0, recordCount(partitionOf(ask(fetch("t", 0, Integer.MAX_VALUE, 1)))));
    }

    @Test
    void manyShortBatchesAndLongOnesComeInOrder() throws IOException {
        int[] lengths = {10, 20_000, 30, 40, 9000, 8192, 50, 100_000, 1};
        for (int length : lengths) {
            log.append(batchOfLength(length).buffer());
        }
        PartitionData data = partitionOf(ask(fetch("t", 0, 0, 1)));
        List<Integer> received = new ArrayList<>();
        ((MemoryRecords) data.records())
                .batches()
                .forEach(
                        batch -> {
                            batch.ensureValid();
                            received.add(batch.iterator().next().valueSize());
                        });
        assertEquals(java.util.Arrays.stream(lengths).boxed().toList(), received);
    }

    @Test
    void offsetsOutOfRangeAndUnknownPartitionsAreErrors() throws IOException {
        assertError(Errors.OFFSET_OUT_OF_RANGE, fetch("t", 5, 600_000, 1), FETCH_VERSION);
        assertError(Errors.OFFSET_OUT_OF_RANGE, fetch("t", -1, 600_000, 1), FETCH_VERSION);
        assertError(Errors.UNKNOWN_TOPIC_OR_PARTITION, fetch("x", 0, 600_000, 1), FETCH_VERSION);
        FetchRequestData partition = fetch("t", 0, 600_000, 1);
        partition.topics().get(0).partitions().get(0).setPartition(2);
        assertError(Errors.UNKNOWN_TOPIC_OR_PARTITION, partition, FETCH_VERSION);
    }

    @Test
    void topicsAreFoundById() throws IOException {
        log.append(batch("a").buffer());
        Uuid id = new TopicIds("c").uuid(topic.id());
        client.send(fetch("", id, 0, 0, 1), 13);
        assertEquals(
                1,
                recordCount(
                        partitionOf(client.receive(ApiKeys.FETCH, 13, FetchResponseData.class))));
        assertError(Errors.UNKNOWN_TOPIC_ID, fetch("", Uuid.randomUuid(), 0, 600_000, 1), 13);
    }

    @Test
    void aWrongLeaderEpochIsRefused() throws IOException {
        log.append(batch("a").buffer());
        assertError(Errors.FENCED_LEADER_EPOCH, withEpoch(4), FETCH_VERSION);
        assertError(Errors.UNKNOWN_LEADER_EPOCH, withEpoch(6), FETCH_VERSION);
        assertEquals(1, recordCount(partitionOf(ask(withEpoch(5)))));
    }

    private static FetchRequestData withEpoch(int leaderEpoch) {
        FetchRequestData data = fetch("t", 0, 600_000, 1);
        data.topics().get(0).partitions().get(0).setCurrentLeaderEpoch(leaderEpoch);
        return data;
    }

    @Test
    void aSessionThatWeNeverGaveIsUnknown() throws IOException {
        FetchResponseData response = ask(fetch("t", 0, 0, 1).setSessionId(42).setSessionEpoch(1));
        assertEquals(Errors.FETCH_SESSION_ID_NOT_FOUND.code(), response.errorCode());
        FetchResponseData first = ask(fetch("t", 0, 0, 1).setSessionEpoch(0));
        assertEquals(0, first.sessionId());
    }

    @Test
    void aLogThatClosesIsAskedForAgain() throws IOException {
        log.append(batch("a").buffer());
        assertEquals(1, recordCount(partitionOf(ask(fetch("t", 0, 0, 1)))));
        log.close();
        assertEquals(1, recordCount(partitionOf(ask(fetch("t", 0, 0, 1)))));
    }

    @Test
    void aTopicDeletedUnderALongPollEndsIt() throws Exception {
        client.send(fetch("t", 0, 600_000, 1), FETCH_VERSION);
        Await.until("it waits", () -> log.waiterCount() == 1);
        engine.delete(List.of(topic.id())).get();
        assertEquals(
                Errors.NOT_LEADER_OR_FOLLOWER, Errors.forCode(partitionOf(receive()).errorCode()));
    }

    @Test
    void epochsEndWhereTheEngineSays() throws IOException {
        log.append(batch("a", "b").buffer());
        assertEquals(2, endOffset(5));
        assertEquals(-1, endOffset(6));
        assertEquals(-1, endOffset(1));
    }

    private long endOffset(int leaderEpoch) throws IOException {
        OffsetForLeaderTopicCollection topics = new OffsetForLeaderTopicCollection();
        topics.add(
                new OffsetForLeaderTopic()
                        .setTopic("t")
                        .setPartitions(
                                List.of(
                                        new OffsetForLeaderPartition()
                                                .setPartition(0)
                                                .setLeaderEpoch(leaderEpoch))));
        return client.ask(
                        new OffsetForLeaderEpochRequestData().setTopics(topics),
                        4,
                        OffsetForLeaderEpochResponseData.class)
                .topics()
                .iterator()
                .next()
                .partitions()
                .get(0)
                .endOffset();
    }

    @Test
    void oneFetchOfManyTopicsWaitsOnAllOfThem() throws IOException {
        List<FetchTopic> topics = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            engine.createNow("many-" + i, 1);
            topics.add(fetch("many-" + i, 0, 0, 1).topics().get(0));
        }
        client.send(fetch("t", 0, 600_000, 1).setTopics(topics), FETCH_VERSION);
        Await.until("the last waits", () -> engine.log("many-99", 0).waiterCount() == 1);
        engine.log("many-50", 0).append(batch("a").buffer());
        FetchResponseData response = receive();
        assertEquals(1, recordCount(response.responses().get(50).partitions().get(0)));
        assertEquals(0, engine.log("many-99", 0).waiterCount());
    }

    private void assertError(Errors error, FetchRequestData data, int version) throws IOException {
        client.send(data, version);
        PartitionData partition =
                partitionOf(client.receive(ApiKeys.FETCH, version, FetchResponseData.class));
        assertEquals(error, Errors.forCode(partition.errorCode()));
    }

    private FetchResponseData ask(FetchRequestData data) throws IOException {
        return client.ask(data, FETCH_VERSION, FetchResponseData.class);
    }

    private FetchResponseData receive() throws IOException {
        return client.receive(ApiKeys.FETCH, FETCH_VERSION, FetchResponseData.class);
    }

    private static int recordCount(PartitionData data) {
        int count = 0;
        for (var ignored : ((MemoryRecords) data.records()).records()) {
            count++;
        }
        return count;
    }
}
