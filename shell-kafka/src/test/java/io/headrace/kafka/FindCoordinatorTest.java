package io.headrace.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.util.List;
import org.apache.kafka.common.message.FindCoordinatorRequestData;
import org.apache.kafka.common.message.FindCoordinatorResponseData;
import org.apache.kafka.common.message.FindCoordinatorResponseData.Coordinator;
import org.apache.kafka.common.message.OffsetFetchRequestData;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestGroup;
import org.apache.kafka.common.message.OffsetFetchResponseData;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.FindCoordinatorRequest.CoordinatorType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** When a group has a coordinator. */
@Timeout(60)
class FindCoordinatorTest {
    private static final String OFFSETS_TOPIC = "__consumer_offsets";

    private final HeapEngine engine = new HeapEngine();
    private final HeapLog offsets;
    private KafkaShell shell;
    private RawClient client;

    FindCoordinatorTest() {
        engine.createNow(OFFSETS_TOPIC, 1);
        offsets = engine.log(OFFSETS_TOPIC, 0);
    }

    private void launch() throws IOException {
        shell =
                KafkaShell.launch(
                        new KafkaShellContext()
                                .engine(engine)
                                .listeners(List.of(Listener.of("127.0.0.1", 0))));
        client = new RawClient(shell.boundPort());
    }

    @AfterEach
    void close() throws IOException {
        client.close();
        shell.close();
        engine.close();
    }

    @Test
    void aGroupHasNoneBeforeItIsLoaded() throws IOException {
        offsets.append(Batches.batch("none of a coordinator's").buffer());
        offsets.chill();
        launch();
        Await.until("it is being loaded", () -> offsets.coldReadCount() == 1);

        for (short version = 0; version <= 6; version++) {
            Coordinator found = find(CoordinatorType.GROUP, version);
            assertEquals(Errors.COORDINATOR_NOT_AVAILABLE.code(), found.errorCode());
            assertEquals(-1, found.nodeId());
        }
        assertEquals(Errors.NONE.code(), find(CoordinatorType.TRANSACTION, 6).errorCode());

        offsets.completeColdReads();
        awaitFound();
        assertEquals(Errors.NONE.code(), fetchOffsets());
    }

    @Test
    void aGroupThatCannotBeLoadedHasOneThatSaysSo() throws IOException {
        offsets.append(Batches.batch("none of a coordinator's").buffer());
        offsets.failReads(new OutOfMemoryError("planted"));
        launch();
        awaitFound();
        assertEquals(Errors.NOT_COORDINATOR.code(), fetchOffsets());
    }

    private void awaitFound() {
        Await.until(
                "it has a coordinator",
                () -> find(CoordinatorType.GROUP, 6).errorCode() == Errors.NONE.code());
    }

    private Coordinator find(CoordinatorType type, int version) {
        FindCoordinatorRequestData request = new FindCoordinatorRequestData();
        if (version > 0) {
            request.setKeyType(type.id());
        }
        FindCoordinatorResponseData response;
        try {
            response =
                    client.ask(
                            version < 4
                                    ? request.setKey("g")
                                    : request.setCoordinatorKeys(List.of("g")),
                            version,
                            FindCoordinatorResponseData.class);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return version < 4
                ? new Coordinator().setErrorCode(response.errorCode()).setNodeId(response.nodeId())
                : response.coordinators().get(0);
    }

    private short fetchOffsets() throws IOException {
        return client.ask(
                        new OffsetFetchRequestData()
                                .setGroups(List.of(new OffsetFetchRequestGroup().setGroupId("g"))),
                        8,
                        OffsetFetchResponseData.class)
                .groups()
                .get(0)
                .errorCode();
    }
}
