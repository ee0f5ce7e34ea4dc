package io.headrace.kafka;

import org.apache.kafka.common.message.ApiVersionsResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.ApiVersionsRequest;

/** ApiVersions: tells a client what it may send. */
final class ApiVersionsHandler implements RequestHandler {
    private final RequestHandlers handlers;

    ApiVersionsHandler(RequestHandlers handlers) {
        this.handlers = handlers;
    }

    void register() {
        handlers.register(ApiKeys.API_VERSIONS, this);
    }

    @Override
    public void handle(KafkaRequest request) {
        if (!((ApiVersionsRequest) request.body()).isValid()) {
            request.fail(Errors.INVALID_REQUEST);
            return;
        }
        request.respond(
                new ApiVersionsResponseData()
                        .setApiKeys(handlers.apiVersions())
                        .setFinalizedFeaturesEpoch(0));
    }
}
