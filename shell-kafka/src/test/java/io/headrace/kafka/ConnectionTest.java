package io.headrace.kafka;

import static io.headrace.kafka.Batches.FETCH_VERSION;
import static io.headrace.kafka.Batches.PRODUCE_VERSION;
import static io.headrace.kafka.Batches.batch;
import static io.headrace.kafka.Batches.batchOfLength;
import static io.headrace.kafka.Batches.fetch;
import static io.headrace.kafka.Batches.partitionOf;
import static io.headrace.kafka.Batches.produce;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.PooledByteBufAllocator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.message.ApiVersionsRequestData;
import org.apache.kafka.common.message.ApiVersionsResponseData;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchRequestData.FetchPartition;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.MetadataRequestData;
import org.apache.kafka.common.message.ProduceResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Connections: frames, order, bounds, and what is left when they end. */
@Timeout(60)
class ConnectionTest {
    private static final int MIB = 1 << 20;

    private final HeapEngine engine = new HeapEngine();
    private final KafkaShellContext context =
            new KafkaShellContext().engine(engine).listeners(List.of(Listener.of("127.0.0.1", 0)));
    private KafkaShell shell;

    private RawClient connect() throws IOException {
        return connect(0);
    }

    private RawClient connect(int receiveBufferLength) throws IOException {
        if (shell == null) {
            shell = KafkaShell.launch(context);
        }
        return new RawClient(shell.boundPort(), receiveBufferLength);
    }

    @AfterEach
    void nothingIsLeft() {
        if (shell != null) {
            shell.close();
            assertEquals(0, metric("headrace_kafka_in_flight_bytes"), "bytes in flight");
            assertEquals(0, metric("headrace_kafka_parked_bytes"), "bytes parked");
            assertEquals(0, metric("headrace_kafka_response_bytes"), "bytes of responses");
            assertEquals(0, metric("headrace_kafka_connections"), "connections");
        }
        engine.close();
        assertEquals(0, engine.openLeases.get(), "open leases");
    }

    private long metric(String name) {
        AtomicLong found = new AtomicLong(-1);
        shell.metrics(
                (candidate, value) -> {
                    if (candidate.equals(name)) {
                        found.set(value);
                    }
                });
        return found.get();
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 0, 7, Integer.MIN_VALUE, 10 * MIB + 1, Integer.MAX_VALUE})
    void aFrameOfAnImpossibleLengthClosesTheConnection(int length) throws IOException {
        context.socketRequestMaxBytes(10 * MIB);
        try (RawClient client = connect()) {
            client.sendBytes(ByteBuffer.allocate(4).putInt(length).array());
            assertTrue(client.isClosedByServer());
        }
        assertEquals(1, metric("headrace_kafka_protocol_errors_total"));
        theServerStillAnswers();
    }

    @Test
    void anUnknownApiClosesTheConnection() throws IOException {
        try (RawClient client = connect()) {
            client.sendFrame(ByteBuffer.allocate(100).putShort((short) 999).array());
            assertTrue(client.isClosedByServer());
        }
        theServerStillAnswers();
    }

    @Test
    void anUnknownVersionClosesTheConnection() throws IOException {
        try (RawClient client = connect()) {
            byte[] frame = client.frame(new MetadataRequestData(), 12);
            frame[3] = 99;
            client.sendFrame(frame);
            assertTrue(client.isClosedByServer());
        }
        theServerStillAnswers();
    }

    @Test
    void anUnknownVersionOfApiVersionsIsAnsweredInVersionZero() throws IOException {
        try (RawClient client = connect()) {
            byte[] frame = client.frame(apiVersions(), 3);
            frame[3] = 99;
            client.sendFrame(frame);
            ApiVersionsResponseData answer =
                    client.receive(ApiKeys.API_VERSIONS, 0, ApiVersionsResponseData.class);
            assertEquals(Errors.UNSUPPORTED_VERSION.code(), answer.errorCode());
            assertEquals(
                    ApiKeys.API_VERSIONS.latestVersion(),
                    answer.apiKeys().find(ApiKeys.API_VERSIONS.id).maxVersion());
            assertEquals(0, answer.apiKeys().find(ApiKeys.PRODUCE.id).minVersion());
            client.ask(apiVersions(), 3, ApiVersionsResponseData.class);
        }
    }

    @Test
    void aTruncatedBodyClosesTheConnection() throws IOException {
        try (RawClient client = connect()) {
            byte[] frame = client.frame(fetch("t", 0, 0, 1), FETCH_VERSION);
            client.sendFrame(java.util.Arrays.copyOf(frame, frame.length - 10));
            assertTrue(client.isClosedByServer());
        }
        theServerStillAnswers();
    }

    private void theServerStillAnswers() throws IOException {
        try (RawClient client = connect()) {
            client.ask(apiVersions(), 3, ApiVersionsResponseData.class);
        }
    }

    private static ApiVersionsRequestData apiVersions() {
        return new ApiVersionsRequestData()
                .setClientSoftwareName("raw")
                .setClientSoftwareVersion("1");
    }

    @Test
    void aFrameMayComeByteByByte() throws IOException {
        try (RawClient client = connect()) {
            byte[] frame = client.frame(apiVersions(), 3);
            client.sendBytes(ByteBuffer.allocate(4).putInt(frame.length).array());
            for (byte each : frame) {
                client.sendBytes(new byte[] {each});
            }
            client.receive(ApiKeys.API_VERSIONS, 3, ApiVersionsResponseData.class);
        }
    }

    @Test
    void framesOfManyLengthsArriveWhole() throws IOException {
        engine.createNow("t", 1);
        try (RawClient client = connect()) {
            int[] lengths = {1, 1000, 65_000, 65_536, 70_000, 200_000, MIB, 5 * MIB, 3};
            for (int i = 0; i < lengths.length; i++) {
                client.send(produce("t", 1, batchOfLength(lengths[i])), PRODUCE_VERSION);
            }
            for (int i = 0; i < lengths.length; i++) {
                assertEquals(i, baseOffset(receiveProduce(client)));
            }
            for (int i = 0; i < lengths.length; i++) {
                FetchResponseData response =
                        client.ask(fetch("t", i, 0, 1), FETCH_VERSION, FetchResponseData.class);
                var records =
                        (org.apache.kafka.common.record.internal.MemoryRecords)
                                partitionOf(response).records();
                var record = records.records().iterator().next();
                assertEquals(i, record.offset());
                assertEquals(lengths[i], record.valueSize());
            }
        }
    }

    private static ProduceResponseData receiveProduce(RawClient client) throws IOException {
        return client.receive(ApiKeys.PRODUCE, PRODUCE_VERSION, ProduceResponseData.class);
    }

    private static long baseOffset(ProduceResponseData response) {
        var partition = response.responses().iterator().next().partitionResponses().get(0);
        assertEquals(Errors.NONE.code(), partition.errorCode());
        return partition.baseOffset();
    }

    @Test
    void responsesLeaveInTheOrderOfTheRequests() throws IOException {
        engine.createNow("t", 1);
        try (RawClient client = connect()) {
            int slow = client.send(fetch("t", 0, 20_000, 1), FETCH_VERSION);
            int quick = client.send(apiVersions(), 3);
            int created = client.send(metadata("new"), 12);
            int last = client.send(apiVersions(), 3);
            assertTrue(client.isSilentFor(300), "an answer overtook the long poll");
            engine.log("t", 0).append(batch("wake").buffer());
            assertEquals(slow, client.receiveCorrelationId());
            assertEquals(quick, client.receiveCorrelationId());
            assertEquals(created, client.receiveCorrelationId());
            assertEquals(last, client.receiveCorrelationId());
        }
    }

    private static MetadataRequestData metadata(String topic) {
        return new MetadataRequestData()
                .setTopics(List.of(new MetadataRequestData.MetadataRequestTopic().setName(topic)));
    }

    @Test
    void manyPipelinedRequestsAreAllAnsweredInOrder() throws IOException {
        context.requestsInFlightPerConnectionMax(4);
        try (RawClient client = connect()) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            int count = 2000;
            for (int i = 0; i < count; i++) {
                byte[] frame = client.frame(metadata("topic-" + i % 5), 12);
                bytes.write(ByteBuffer.allocate(4).putInt(frame.length).array());
                bytes.write(frame);
            }
            client.sendBytes(bytes.toByteArray());
            for (int i = 0; i < count; i++) {
                assertEquals(i + 1, client.receiveCorrelationId());
            }
        }
    }

    @Test
    void aPeerThatTakesNothingStopsBeingRead() throws Exception {
        long bytesMax = 8 * MIB;
        context.bytesInFlightPerConnectionMax(bytesMax);
        engine.createNow("t", 1);
        engine.log("t", 0).append(batchOfLength(MIB).buffer());
        try (RawClient client = connect(64 * 1024)) {
            int count = 200;
            for (int i = 0; i < count; i++) {
                client.send(fetch("t", 0, 0, 1), FETCH_VERSION);
            }
            Await.until(
                    "the socket takes no more",
                    () -> metric("headrace_kafka_response_bytes") > 4 * MIB);
            long readCount = metric("headrace_kafka_requests_total{api=\"fetch\"}");
            assertTrue(readCount < count / 2, "read although nothing is taken: " + readCount);
            for (int i = 0; i < count; i++) {
                long inFlight = metric("headrace_kafka_response_bytes");
                assertTrue(inFlight < bytesMax + 2 * MIB, "in flight: " + inFlight);
                assertTrue(engine.openLeases.get() <= 11, "leases: " + engine.openLeases.get());
                FetchResponseData response =
                        client.receive(ApiKeys.FETCH, FETCH_VERSION, FetchResponseData.class);
                assertTrue(partitionOf(response).records().sizeInBytes() > MIB);
            }
        }
    }

    @Test
    void aDisconnectInTheMiddleOfAResponseClosesItsLeases() throws IOException {
        engine.createNow("t", 1);
        engine.log("t", 0).append(batchOfLength(20 * MIB).buffer());
        try (RawClient client = connect(64 * 1024)) {
            client.send(fetch("t", 0, 0, 1), FETCH_VERSION);
            Await.until("the response is under way", () -> engine.openLeases.get() == 1);
        }
        Await.until("the lease is closed", () -> engine.openLeases.get() == 0);
    }

    @Test
    void aDisconnectInALongPollTakesItsWaitBack() throws IOException {
        engine.createNow("t", 1);
        try (RawClient client = connect()) {
            client.send(fetch("t", 0, 600_000, 1), FETCH_VERSION);
            Await.until("the poll waits", () -> engine.log("t", 0).waiterCount() == 1);
        }
        Await.until("nobody waits", () -> engine.log("t", 0).waiterCount() == 0);
    }

    @Test
    void aDisconnectDuringAColdReadClosesWhatItBrings() throws IOException {
        engine.createNow("t", 1);
        HeapLog log = engine.log("t", 0);
        log.append(batch("cold").buffer());
        log.chill();
        try (RawClient client = connect()) {
            client.send(fetch("t", 0, 100, 1), FETCH_VERSION);
            Await.until("the read is asked for", () -> log.coldReadCount() == 1);
        }
        Await.until("the server noticed", () -> metric("headrace_kafka_connections") == 0);
        log.completeColdReads();
        Await.until("the lease is closed", () -> engine.openLeases.get() == 0);
    }

    @Test
    void allConnectionsTogetherAreBounded() throws Exception {
        context.bytesInFlightMax(2 * MIB);
        engine.createNow("t", 1);
        HeapLog log = engine.log("t", 0);
        log.holdHighWatermark();
        try (RawClient first = connect();
                RawClient second = connect()) {
            first.send(produce("t", -1, batchOfLength(3 * MIB)), PRODUCE_VERSION);
            Await.until("the first is appended", () -> log.appendCount() == 1);
            second.send(produce("t", -1, batchOfLength(100)), PRODUCE_VERSION);
            assertTrue(second.isSilentFor(300));
            assertEquals(1, log.appendCount(), "read although the bound was reached");
            log.releaseHighWatermark();
            assertEquals(0, baseOffset(receiveProduce(first)));
            assertEquals(1, baseOffset(receiveProduce(second)));
        }
    }

    @Test
    void framesThatAreOnlyAnnouncedHoldUpNobody() throws IOException {
        context.bytesInFlightMax(2 * MIB);
        try (RawClient first = connect();
                RawClient second = connect();
                RawClient third = connect()) {
            for (RawClient each : List.of(first, second, third)) {
                each.sendBytes(ByteBuffer.allocate(4).putInt(90 * MIB).array());
            }
            Await.until(
                    "they are received", () -> metric("headrace_kafka_in_flight_bytes") > 40_000);
            theServerStillAnswers();
            assertTrue(metric("headrace_kafka_in_flight_bytes") < 100_000);
        }
    }

    @Test
    void aRequestThatStopsArrivingEndsItsConnection() throws IOException {
        context.stallTimeoutMs(50);
        try (RawClient client = connect()) {
            client.sendBytes(ByteBuffer.allocate(200).putInt(90 * MIB).array());
            assertTrue(client.isClosedByServer());
        }
        assertEquals(1, metric("headrace_kafka_protocol_errors_total"));
    }

    @Test
    void aRequestThatTricklesEndsItsConnection() throws IOException {
        context.stallTimeoutMs(200);
        try (RawClient client = connect()) {
            client.sendBytes(ByteBuffer.allocate(4).putInt(90 * MIB).array());
            Await.until("the server gave up", () -> isClosedAfterAnotherByte(client));
        }
        assertEquals(1, metric("headrace_kafka_protocol_errors_total"));
    }

    private static boolean isClosedAfterAnotherByte(RawClient client) {
        try {
            client.sendBytes(new byte[1]);
            return client.isClosedWithin(10);
        } catch (IOException e) {
            return true;
        }
    }

    @Test
    void whoOnlyWaitsIsNotTakenForStalled() throws IOException {
        context.stallTimeoutMs(20);
        engine.createNow("t", 1);
        try (RawClient client = connect()) {
            assertTrue(client.isSilentFor(200));
            client.send(fetch("t", 0, 300, 1), FETCH_VERSION);
            client.receive(ApiKeys.FETCH, FETCH_VERSION, FetchResponseData.class);
            client.ask(apiVersions(), 3, ApiVersionsResponseData.class);
        }
    }

    @Test
    void consumersThatTakeNothingHoldUpNobody() throws IOException {
        context.bytesInFlightMax(2 * MIB);
        engine.createNow("t", 1);
        engine.log("t", 0).append(batchOfLength(20 * MIB).buffer());
        try (RawClient first = connect(64 * 1024);
                RawClient second = connect(64 * 1024)) {
            first.send(fetch("t", 0, 0, 1), FETCH_VERSION);
            second.send(fetch("t", 0, 0, 1), FETCH_VERSION);
            Await.until("both are under way", () -> engine.openLeases.get() == 2);
            theServerStillAnswers();
            assertTrue(metric("headrace_kafka_response_bytes") > 20 * MIB);
        }
        Await.until("all is given back", () -> metric("headrace_kafka_response_bytes") == 0);
    }

    @Test
    void aResponseThatNobodyTakesEndsItsConnection() throws IOException {
        context.stallTimeoutMs(100);
        engine.createNow("t", 1);
        engine.log("t", 0).append(batchOfLength(20 * MIB).buffer());
        try (RawClient client = connect(64 * 1024)) {
            client.send(fetch("t", 0, 0, 1), FETCH_VERSION);
            Await.until("the response is under way", () -> engine.openLeases.get() == 1);
            Await.until("the server gave up", () -> engine.openLeases.get() == 0);
        }
        assertEquals(1, metric("headrace_kafka_protocol_errors_total"));
    }

    @Test
    void responsesThatWaitForTheirTurnAreCounted() throws IOException {
        context.bytesInFlightPerConnectionMax(8 * MIB);
        engine.createNow("t", 1);
        engine.createNow("idle", 1);
        engine.log("t", 0).append(batchOfLength(MIB).buffer());
        try (RawClient client = connect()) {
            client.send(fetch("idle", 0, 600_000, 1), FETCH_VERSION);
            for (int i = 0; i < 50; i++) {
                client.send(fetch("t", 0, 0, 1), FETCH_VERSION);
            }
            Await.until("some are answered", () -> engine.openLeases.get() >= 7);
            theServerStillAnswers();
            assertTrue(engine.openLeases.get() <= 9, "leases: " + engine.openLeases.get());
            engine.log("idle", 0).append(batch("go on").buffer());
            for (int i = 0; i < 51; i++) {
                client.receiveCorrelationId();
            }
        }
    }

    @Test
    void fetchesThatWakeTogetherTakeOneBatchEachOnceTheirConnectionIsFull() throws IOException {
        context.bytesInFlightPerConnectionMax(8 * MIB);
        engine.createNow("t", 1);
        HeapLog log = engine.log("t", 0);
        log.holdHighWatermark();
        for (int i = 0; i < 4; i++) {
            log.append(batchOfLength(MIB).buffer());
        }
        try (RawClient client = connect(64 * 1024)) {
            for (int i = 0; i < 30; i++) {
                client.send(fetch("t", 0, 600_000, 1), FETCH_VERSION);
            }
            Await.until("all wait", () -> log.waiterCount() == 30);
            log.releaseHighWatermark();
            Await.until("all have read", () -> log.readCount() >= 60);
            theServerStillAnswers();
            long held = metric("headrace_kafka_response_bytes");
            assertTrue(held < (8 + 30) * MIB, "held: " + held);
            for (int i = 0; i < 30; i++) {
                client.receiveCorrelationId();
            }
        }
    }

    @Test
    void fetchesThatWaitHoldUpNobody() throws IOException {
        context.bytesInFlightMax(3 * MIB);
        engine.createNow("wide", 3000);
        try (RawClient first = connect();
                RawClient second = connect();
                RawClient third = connect();
                RawClient fourth = connect()) {
            for (RawClient each : List.of(first, second, third)) {
                each.send(fetchOfAll("wide", 3000), FETCH_VERSION);
            }
            Await.until("three wait", () -> engine.log("wide", 2999).waiterCount() == 3);
            long parked = metric("headrace_kafka_parked_bytes");
            assertTrue(parked > 2 * MIB, "parked: " + parked);
            assertEquals(0, metric("headrace_kafka_in_flight_bytes"));
            fourth.send(fetchOfAll("wide", 3000), FETCH_VERSION);
            theServerStillAnswers();
            // It is one too many to wait for as long as it would.
            fourth.receive(ApiKeys.FETCH, FETCH_VERSION, FetchResponseData.class);
            engine.log("wide", 7).append(batch("wake").buffer());
            for (RawClient each : List.of(first, second, third)) {
                each.receive(ApiKeys.FETCH, FETCH_VERSION, FetchResponseData.class);
            }
            assertEquals(0, metric("headrace_kafka_parked_bytes"));
        }
    }

    private static FetchRequestData fetchOfAll(String topic, int partitionCount) {
        FetchRequestData data = fetch(topic, 0, 600_000, 1);
        FetchPartition first = data.topics().get(0).partitions().get(0);
        List<FetchPartition> all = new ArrayList<>();
        for (int i = 0; i < partitionCount; i++) {
            all.add(first.duplicate().setPartition(i));
        }
        data.topics().get(0).setPartitions(all);
        return data;
    }

    @Test
    void aResponseThatCannotBeEncodedEndsItsConnectionAndItsLeases() throws IOException {
        engine.createNow("t", 1);
        HeapLog log = engine.log("t", 0);
        log.append(batch("a").buffer());
        log.failSlices(new OutOfMemoryError("thrown by the test"));
        try (RawClient client = connect()) {
            client.send(fetch("t", 0, 0, 1), FETCH_VERSION);
            assertTrue(client.isClosedByServer());
        }
        Await.until("the lease is closed", () -> engine.openLeases.get() == 0);
        theServerStillAnswers();
    }

    @Test
    void connectionsAreBounded() throws IOException {
        context.connectionsMax(2);
        try (RawClient first = connect();
                RawClient second = connect()) {
            first.ask(apiVersions(), 3, ApiVersionsResponseData.class);
            second.ask(apiVersions(), 3, ApiVersionsResponseData.class);
            try (RawClient third = connect()) {
                assertTrue(third.isClosedByServer());
            }
        }
        Await.until("both are gone", () -> metric("headrace_kafka_connections") == 0);
        theServerStillAnswers();
        assertEquals(1, metric("headrace_kafka_connections_refused_total"));
    }

    @Test
    void connectionsFromOneAddressAreBounded() throws IOException {
        context.connectionsPerIpMax(1);
        try (RawClient first = connect()) {
            first.ask(apiVersions(), 3, ApiVersionsResponseData.class);
            try (RawClient second = connect()) {
                assertTrue(second.isClosedByServer());
            }
        }
        Await.until("it is gone", () -> metric("headrace_kafka_connections") == 0);
        theServerStillAnswers();
    }

    @Test
    void anIdleConnectionIsClosed() throws IOException {
        context.connectionsMaxIdleMs(100);
        try (RawClient client = connect()) {
            assertTrue(client.isClosedByServer());
        }
    }

    @Test
    void closingAnswersWhatIsInFlight() throws Exception {
        engine.createNow("t", 1);
        HeapLog log = engine.log("t", 0);
        log.holdHighWatermark();
        try (RawClient client = connect()) {
            client.send(produce("t", -1, batch("a")), PRODUCE_VERSION);
            Await.until("it is appended", () -> log.appendCount() == 1);
            Thread closer = new Thread(shell::close, "closer");
            closer.start();
            log.releaseHighWatermark();
            assertEquals(0, baseOffset(receiveProduce(client)));
            assertTrue(client.isClosedByServer());
            closer.join();
        }
    }

    @Test
    void directMemoryDoesNotGrowWithTheNumberOfRequests() throws IOException {
        engine.createNow("t", 1);
        try (RawClient client = connect()) {
            exchange(client, 50);
            long before = PooledByteBufAllocator.DEFAULT.metric().usedDirectMemory();
            exchange(client, 500);
            long after = PooledByteBufAllocator.DEFAULT.metric().usedDirectMemory();
            assertTrue(after <= before, "before " + before + " after " + after);
        }
    }

    private static void exchange(RawClient client, int count) throws IOException {
        for (int i = 0; i < count; i++) {
            client.send(produce("t", 1, batchOfLength(100_000)), PRODUCE_VERSION);
            long offset = baseOffset(receiveProduce(client));
            client.ask(fetch("t", offset, 0, 1), FETCH_VERSION, FetchResponseData.class);
        }
    }
}
