package io.headrace.kafka;

import org.apache.kafka.common.message.ApiVersionsRequestData;
import org.apache.kafka.common.message.ApiVersionsResponseData;
import org.apache.kafka.common.network.ClientInformation;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.ApiVersionsRequest;

/** ApiVersions: tells a client what it may send. */
final class ApiVersionsHandler implements RequestHandler {
    /** The first version of the request that names the client's software. */
    private static final short NAMES_SINCE = 3;

    /** Characters; what is longer is not kept for as long as the connection is. */
    private static final int NAMES_LENGTH_MAX = 256;

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
        if (request.version() >= NAMES_SINCE) {
            ApiVersionsRequestData data = request.data(ApiVersionsRequestData.class);
            String name = data.clientSoftwareName();
            String version = data.clientSoftwareVersion();
            if (name.length() + version.length() <= NAMES_LENGTH_MAX) {
                request.tellClient(new ClientInformation(name, version));
            }
        }
        request.respond(
                new ApiVersionsResponseData()
                        .setApiKeys(handlers.apiVersions())
                        .setFinalizedFeaturesEpoch(0));
    }
}
