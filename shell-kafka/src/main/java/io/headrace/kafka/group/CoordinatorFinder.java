package io.headrace.kafka.group;

import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.RequestHandler;
import java.util.function.BiConsumer;
import java.util.function.Predicate;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.message.FindCoordinatorRequestData;
import org.apache.kafka.common.message.FindCoordinatorResponseData;
import org.apache.kafka.common.message.FindCoordinatorResponseData.Coordinator;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.FindCoordinatorRequest;
import org.apache.kafka.common.requests.FindCoordinatorRequest.CoordinatorType;

/**
 * Answers FindCoordinator: this node coordinates every group and every transactional id.
 *
 * <p>A group has no coordinator before it is loaded. Kafka names the node at once, and answers the
 * requests that follow with {@code COORDINATOR_LOAD_IN_PROGRESS}; but consumers ask again for a
 * coordinator, while kafkajs takes that error for a crash of its consumer.
 */
final class CoordinatorFinder implements RequestHandler {
    private final Predicate<String> isLoaded;
    private final BiConsumer<KafkaRequest, String> looked;

    /**
     * @param isLoaded whether the group of that name can be asked for
     * @param looked told of each request for one group, as members ask
     */
    CoordinatorFinder(Predicate<String> isLoaded, BiConsumer<KafkaRequest, String> looked) {
        this.isLoaded = isLoaded;
        this.looked = looked;
    }

    @Override
    public void handle(KafkaRequest request) {
        FindCoordinatorRequestData data = request.data(FindCoordinatorRequestData.class);
        FindCoordinatorResponseData response = new FindCoordinatorResponseData();
        boolean isOne = request.version() < FindCoordinatorRequest.MIN_BATCHED_VERSION;
        if (data.keyType() == CoordinatorType.GROUP.id()
                && (isOne || data.coordinatorKeys().size() == 1)) {
            looked.accept(request, isOne ? data.key() : data.coordinatorKeys().get(0));
        }
        if (isOne) {
            Coordinator found = coordinator(request, data.keyType(), data.key());
            response.setErrorCode(found.errorCode())
                    .setErrorMessage(found.errorMessage())
                    .setNodeId(found.nodeId())
                    .setHost(found.host())
                    .setPort(found.port());
        } else {
            for (String key : data.coordinatorKeys()) {
                response.coordinators().add(coordinator(request, data.keyType(), key));
            }
        }
        request.respond(response);
    }

    private Errors errorOf(byte keyType, String key) {
        if (keyType == CoordinatorType.GROUP.id()) {
            return isLoaded.test(key) ? Errors.NONE : Errors.COORDINATOR_NOT_AVAILABLE;
        }
        return keyType == CoordinatorType.TRANSACTION.id() ? Errors.NONE : Errors.INVALID_REQUEST;
    }

    private Coordinator coordinator(KafkaRequest request, byte keyType, String key) {
        Errors error = errorOf(keyType, key);
        Node node = error == Errors.NONE ? request.broker() : Node.noNode();
        return new Coordinator()
                .setKey(key)
                .setErrorCode(error.code())
                .setErrorMessage(error == Errors.NONE ? "" : error.message())
                .setNodeId(node.id())
                .setHost(node.host())
                .setPort(node.port());
    }
}
