package io.headrace.kafka;

import static io.headrace.kafka.Batches.PRODUCE_VERSION;
import static io.headrace.kafka.Batches.batch;
import static io.headrace.kafka.Batches.produce;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.batch.RecordBatch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.ApiVersionsRequestData;
import org.apache.kafka.common.message.InitProducerIdRequestData;
import org.apache.kafka.common.message.InitProducerIdResponseData;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.ProduceResponseData;
import org.apache.kafka.common.message.ProduceResponseData.PartitionProduceResponse;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Produce, acknowledgement by acknowledgement and refusal by refusal. */
@Timeout(60)
class ProduceTest {
    private final HeapEngine engine = new HeapEngine();
    private KafkaShell shell;
    private RawClient client;
    private HeapLog log;

    @BeforeEach
    void launch() throws IOException {
        shell =
                KafkaShell.launch(
                        new KafkaShellContext()
                                .engine(engine)
                                .listeners(List.of(Listener.of("127.0.0.1", 0))));
        client = new RawClient(shell.boundPort());
        engine.createNow("t", 1);
        log = engine.log("t", 0);
    }

    @AfterEach
    void close() throws IOException {
        client.close();
        shell.close();
        engine.close();
    }

    @Test
    void acksAllWaitsForTheHighWatermarkAndAcksOneDoesNot() throws IOException {
        log.holdHighWatermark();
        assertEquals(0, ask(produce("t", 1, batch("a", "b"))).baseOffset());
        client.send(produce("t", -1, batch("c")), PRODUCE_VERSION);
        assertTrue(client.isSilentFor(200), "acknowledged before the high watermark rose");
        log.releaseHighWatermark();
        assertEquals(2, result(receive()).baseOffset());
    }

    @Test
    void acksNoneGetsNoAnswer() throws IOException {
        client.send(produce("t", 0, batch("a")), PRODUCE_VERSION);
        int next =
                client.send(
                        new ApiVersionsRequestData()
                                .setClientSoftwareName("a")
                                .setClientSoftwareVersion("1"),
                        3);
        assertEquals(next, client.receiveCorrelationId());
        assertEquals(1, log.logEndOffset());
    }

    @Test
    void anErrorWithoutAnAnswerEndsTheConnection() throws IOException {
        client.send(produce("x", 0, batch("a")), PRODUCE_VERSION);
        assertTrue(client.isClosedByServer());
    }

    @Test
    void otherAcksAreRefused() throws IOException {
        assertError(Errors.INVALID_REQUIRED_ACKS, ask(produce("t", 2, batch("a"))));
        assertEquals(0, log.logEndOffset());
    }

    static Stream<Arguments> statuses() {
        return Stream.of(
                Arguments.of(PartitionLog.BACK_PRESSURED, Errors.NOT_ENOUGH_REPLICAS),
                Arguments.of(PartitionLog.OUT_OF_SPACE, Errors.KAFKA_STORAGE_ERROR),
                Arguments.of(PartitionLog.READ_ONLY, Errors.POLICY_VIOLATION),
                Arguments.of(PartitionLog.CORRUPT_BATCH, Errors.CORRUPT_MESSAGE),
                Arguments.of(PartitionLog.BATCH_TOO_LARGE, Errors.MESSAGE_TOO_LARGE),
                Arguments.of(
                        PartitionLog.OUT_OF_ORDER_SEQUENCE, Errors.OUT_OF_ORDER_SEQUENCE_NUMBER),
                Arguments.of(PartitionLog.INVALID_PRODUCER_EPOCH, Errors.INVALID_PRODUCER_EPOCH),
                Arguments.of(PartitionLog.INVALID_RECORD, Errors.INVALID_RECORD));
    }

    @ParameterizedTest
    @MethodSource("statuses")
    void eachRefusalOfTheEngineHasItsErrorCode(long status, Errors error) throws IOException {
        log.failNextAppend(status);
        PartitionProduceResponse result = ask(produce("t", -1, batch("a")));
        assertError(error, result);
        assertEquals(-1, result.baseOffset());
        assertTrue(result.errorMessage().contains("topic=t partition=0"), result.errorMessage());
    }

    @Test
    void aClosedLogIsAskedForAgain() throws IOException {
        ask(produce("t", -1, batch("a")));
        log.close();
        assertEquals(1, ask(produce("t", -1, batch("b"))).baseOffset());
    }

    @Test
    void aLogThatClosesWhileWaitedForAnswersRetriably() throws IOException {
        log.holdHighWatermark();
        client.send(produce("t", -1, batch("a")), PRODUCE_VERSION);
        Await.until("it is appended", () -> log.waiterCount() == 1);
        log.close();
        assertError(Errors.NOT_LEADER_OR_FOLLOWER, result(receive()));
    }

    @Test
    void unknownTopicsAndPartitionsAreNamed() throws IOException {
        assertError(Errors.UNKNOWN_TOPIC_OR_PARTITION, ask(produce("x", -1, batch("a"))));
        ProduceRequestData wrongPartition = produce("t", -1, batch("a"));
        wrongPartition.topicData().iterator().next().partitionData().get(0).setIndex(1);
        assertError(Errors.UNKNOWN_TOPIC_OR_PARTITION, ask(wrongPartition));
        ProduceRequestData wrongId = produce("", -1, batch("a"));
        wrongId.topicData().iterator().next().setTopicId(Uuid.randomUuid());
        client.send(wrongId, 13);
        assertError(
                Errors.UNKNOWN_TOPIC_ID,
                result(
                        client.receive(
                                org.apache.kafka.common.protocol.ApiKeys.PRODUCE,
                                13,
                                ProduceResponseData.class)));
    }

    @Test
    void theTimeOfAppendingIsAnsweredAsItIsInTheLog() throws IOException {
        assertEquals(-1, ask(produce("t", -1, batch("a"))).logAppendTimeMs());
        engine.createNow("stamped", 1, Map.of("message.timestamp.type", "LogAppendTime"));
        HeapLog stamped = engine.log("stamped", 0);
        for (int i = 0; i < 20; i++) {
            long answered = ask(produce("stamped", -1, batch("a"))).logAppendTimeMs();
            assertEquals(stored(stamped, i), answered);
        }
    }

    @Test
    void aBatchThatWasSentBeforeHasTheTimeOfTheFirstAppending() throws IOException {
        engine.createNow("stamped", 1, Map.of("message.timestamp.type", "LogAppendTime"));
        HeapLog stamped = engine.log("stamped", 0);
        stamped.append(batch("a").buffer(), 1000);
        stamped.append(batch("b").buffer(), 2000);
        stamped.failNextAppend(1); // as the engine answers a batch that it knows
        PartitionProduceResponse result = ask(produce("stamped", -1, batch("b")));
        assertEquals(1, result.baseOffset());
        assertEquals(2000, result.logAppendTimeMs());
    }

    private static long stored(HeapLog log, long offset) {
        try (RecordsLease lease = (RecordsLease) log.read(offset, 0)) {
            return RecordBatch.maxTimestamp(lease.slice(0), 0);
        }
    }

    @Test
    void aDeletedTopicIsUnknownAtOnce() throws Exception {
        ask(produce("t", -1, batch("a")));
        engine.delete(List.of(engine.find("t").id())).get();
        assertError(Errors.UNKNOWN_TOPIC_OR_PARTITION, ask(produce("t", -1, batch("b"))));
    }

    @Test
    void whatIsNotOneWholeBatchIsRefused() throws IOException {
        ByteBuffer two = ByteBuffer.allocate(1000);
        two.put(batch("a").buffer()).put(batch("b").buffer()).flip();
        assertRefused(Errors.INVALID_RECORD, MemoryRecords.readableRecords(two));
        ByteBuffer cut = batch("a long one to be cut").buffer();
        cut.limit(cut.limit() - 3);
        assertRefused(Errors.CORRUPT_MESSAGE, MemoryRecords.readableRecords(cut));
        assertRefused(
                Errors.CORRUPT_MESSAGE, MemoryRecords.readableRecords(ByteBuffer.allocate(60)));
        assertRefused(Errors.CORRUPT_MESSAGE, MemoryRecords.EMPTY);
        ByteBuffer flipped = batch("a").buffer();
        flipped.put(65, (byte) ~flipped.get(65));
        assertRefused(Errors.CORRUPT_MESSAGE, MemoryRecords.readableRecords(flipped));
    }

    @Test
    void oldFormatsMarkersAndTransactionsAreRefused() throws IOException {
        SimpleRecord record = new SimpleRecord("a".getBytes());
        assertRefused(
                Errors.INVALID_RECORD,
                MemoryRecords.withRecords(
                        (byte) 1, 0, Compression.NONE, TimestampType.CREATE_TIME, record, record));
        assertRefused(
                Errors.INVALID_TXN_STATE,
                MemoryRecords.withTransactionalRecords(Compression.NONE, 1, (short) 0, 0, record));
        assertRefused(
                Errors.INVALID_RECORD,
                MemoryRecords.withEndTransactionMarker(
                        1,
                        (short) 0,
                        new org.apache.kafka.common.record.internal.EndTransactionMarker(
                                org.apache.kafka.common.record.internal.ControlRecordType.COMMIT,
                                0)));
    }

    @Test
    void producerIdsAreNeverGivenTwice() throws IOException {
        long last = -1;
        for (int i = 0; i < 2500; i++) {
            InitProducerIdResponseData response =
                    client.ask(
                            new InitProducerIdRequestData()
                                    .setTransactionalId(null)
                                    .setTransactionTimeoutMs(1),
                            4,
                            InitProducerIdResponseData.class);
            assertTrue(response.producerId() > last, "given twice: " + response.producerId());
            last = response.producerId();
        }
    }

    @Test
    void aTransactionalProducerIsToldThatThereAreNone() throws IOException {
        InitProducerIdResponseData response =
                client.ask(
                        new InitProducerIdRequestData().setTransactionalId("x"),
                        4,
                        InitProducerIdResponseData.class);
        assertEquals(Errors.UNSUPPORTED_VERSION.code(), response.errorCode());
    }

    private void assertRefused(Errors error, MemoryRecords records) throws IOException {
        assertError(error, ask(produce("t", -1, records)));
        assertEquals(0, log.logEndOffset());
    }

    private static void assertError(Errors error, PartitionProduceResponse result) {
        assertEquals(error, Errors.forCode(result.errorCode()));
    }

    private PartitionProduceResponse ask(ProduceRequestData data) throws IOException {
        return result(client.ask(data, PRODUCE_VERSION, ProduceResponseData.class));
    }

    private ProduceResponseData receive() throws IOException {
        return client.receive(
                org.apache.kafka.common.protocol.ApiKeys.PRODUCE,
                PRODUCE_VERSION,
                ProduceResponseData.class);
    }

    private static PartitionProduceResponse result(ProduceResponseData response) {
        return response.responses().iterator().next().partitionResponses().get(0);
    }
}
