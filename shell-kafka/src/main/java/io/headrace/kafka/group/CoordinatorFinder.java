package io.headrace.kafka.group;

import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.RequestHandler;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.message.FindCoordinatorRequestData;
import org.apache.kafka.common.message.FindCoordinatorResponseData;
import org.apache.kafka.common.message.FindCoordinatorResponseData.Coordinator;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.FindCoordinatorRequest;
import org.apache.kafka.common.requests.FindCoordinatorRequest.CoordinatorType;

/** Answers FindCoordinator: this node coordinates every group and every transactional id. */
final class CoordinatorFinder implements RequestHandler {
    @Override
    public void handle(KafkaRequest request) {
        FindCoordinatorRequestData data = request.data(FindCoordinatorRequestData.class);
        Errors error = errorOf(data.keyType());
        Node node = error == Errors.NONE ? request.broker() : Node.noNode();
        FindCoordinatorResponseData response = new FindCoordinatorResponseData();
        if (request.version() < FindCoordinatorRequest.MIN_BATCHED_VERSION) {
            response.setErrorCode(error.code())
                    .setErrorMessage(error == Errors.NONE ? "" : error.message())
                    .setNodeId(node.id())
                    .setHost(node.host())
                    .setPort(node.port());
        } else {
            for (String key : data.coordinatorKeys()) {
                response.coordinators().add(coordinator(key, error, node));
            }
        }
        request.respond(response);
    }

    private static Errors errorOf(byte keyType) {
        return keyType == CoordinatorType.GROUP.id() || keyType == CoordinatorType.TRANSACTION.id()
                ? Errors.NONE
                : Errors.INVALID_REQUEST;
    }

    private static Coordinator coordinator(String key, Errors error, Node node) {
        return new Coordinator()
                .setKey(key)
                .setErrorCode(error.code())
                .setErrorMessage(error == Errors.NONE ? "" : error.message())
                .setNodeId(node.id())
                .setHost(node.host())
                .setPort(node.port());
    }
}
