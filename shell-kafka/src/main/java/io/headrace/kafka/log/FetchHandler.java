package io.headrace.kafka.log;

import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.RequestHandler;
import io.headrace.kafka.topic.TopicDirectory;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.protocol.Errors;

/**
 * Fetch: whole batches as they lie in the engine, without a copy, and long poll where there are too
 * few.
 *
 * <p>Without sessions: session id 0 in every answer tells a client to name all its partitions each
 * time, which the protocol allows for.
 */
public final class FetchHandler implements RequestHandler {
    private final TopicDirectory topics;

    /**
     * @param topics to read from
     */
    public FetchHandler(TopicDirectory topics) {
        this.topics = topics;
    }

    @Override
    public void handle(KafkaRequest request) {
        FetchRequestData data = request.data(FetchRequestData.class);
        if (data.sessionId() != 0) {
            request.fail(Errors.FETCH_SESSION_ID_NOT_FOUND);
            return;
        }
        FetchOperation operation = new FetchOperation(request, data, topics);
        operation.start();
    }
}
