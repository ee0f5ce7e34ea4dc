package io.headrace.kafka.log;

import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.KafkaShellContext;
import io.headrace.kafka.RequestHandler;
import io.headrace.kafka.group.LaneOwners;
import io.headrace.kafka.topic.TopicDirectory;
import java.util.function.Supplier;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.protocol.Errors;
import org.jspecify.annotations.Nullable;

/**
 * Fetch: whole batches as they lie in the engine, without a copy, and long poll where there are too
 * few.
 *
 * <p>Without sessions: session id 0 in every answer tells a client to name all its partitions each
 * time, which the protocol allows for.
 */
public final class FetchHandler implements RequestHandler {
    private final KafkaShellContext context;
    private final TopicDirectory topics;
    private final Supplier<@Nullable LaneOwners> laneOwners;

    /**
     * @param context how long a fetch may wait
     * @param topics to read from
     * @param laneOwners who owns the lanes of share views; null as long as groups are being started
     */
    public FetchHandler(
            KafkaShellContext context,
            TopicDirectory topics,
            Supplier<@Nullable LaneOwners> laneOwners) {
        this.laneOwners = laneOwners;
        this.context = context;
        this.topics = topics;
    }

    @Override
    public void handle(KafkaRequest request) {
        FetchRequestData data = request.data(FetchRequestData.class);
        if (data.sessionId() != 0) {
            request.fail(Errors.FETCH_SESSION_ID_NOT_FOUND);
            return;
        }
        int waitMs = Math.min(data.maxWaitMs(), context.fetchWaitMaxMs());
        new FetchOperation(request, data, waitMs, topics, laneOwners).start();
    }
}
