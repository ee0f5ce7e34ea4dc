package io.headrace.kafka.log;

import io.headrace.engine.PartitionLog;
import io.headrace.kafka.EngineErrors;
import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.Outstanding;
import io.headrace.kafka.RequestHandler;
import io.headrace.kafka.topic.TopicDirectory;
import io.headrace.kafka.topic.TopicHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import org.apache.kafka.common.message.ListOffsetsRequestData;
import org.apache.kafka.common.message.ListOffsetsRequestData.ListOffsetsPartition;
import org.apache.kafka.common.message.ListOffsetsRequestData.ListOffsetsTopic;
import org.apache.kafka.common.message.ListOffsetsResponseData;
import org.apache.kafka.common.message.ListOffsetsResponseData.ListOffsetsPartitionResponse;
import org.apache.kafka.common.message.ListOffsetsResponseData.ListOffsetsTopicResponse;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.ListOffsetsRequest;
import org.jspecify.annotations.Nullable;

/** ListOffsets: the first, the last, and the first at or after a time. */
public final class ListOffsetsHandler implements RequestHandler {
    private static final long NONE = -1;
    private static final int EPOCHS_SINCE_VERSION = 4;

    private final TopicDirectory topics;
    private final Executor background;

    /**
     * @param topics to look into
     * @param background to look at records
     */
    public ListOffsetsHandler(TopicDirectory topics, Executor background) {
        this.topics = topics;
        this.background = background;
    }

    @Override
    public void handle(KafkaRequest request) {
        ListOffsetsRequestData data = request.data(ListOffsetsRequestData.class);
        ListOffsetsResponseData response = new ListOffsetsResponseData();
        boolean hasEpochs = request.version() >= EPOCHS_SINCE_VERSION;
        Outstanding outstanding =
                new Outstanding(
                        () -> request.respond(hasEpochs ? response : withoutEpochs(response)));
        TimestampLookups lookups = new TimestampLookups();
        for (ListOffsetsTopic topic : data.topics()) {
            TopicHandle handle = topics.find(topic.name());
            List<ListOffsetsPartitionResponse> results = new ArrayList<>();
            response.topics()
                    .add(
                            new ListOffsetsTopicResponse()
                                    .setName(topic.name())
                                    .setPartitions(results));
            for (ListOffsetsPartition partition : topic.partitions()) {
                ListOffsetsPartitionResponse result =
                        new ListOffsetsPartitionResponse()
                                .setPartitionIndex(partition.partitionIndex());
                results.add(result);
                TimestampLookup lookup = find(handle, partition, result);
                if (lookup != null) {
                    await(lookup, result, outstanding);
                    lookups.add(lookup);
                }
            }
        }
        lookups.start();
        outstanding.seal();
    }

    /** Kafka's own writer refuses a field that the version has no place for. */
    private static ListOffsetsResponseData withoutEpochs(ListOffsetsResponseData response) {
        response.topics()
                .forEach(topic -> topic.partitions().forEach(each -> each.setLeaderEpoch(-1)));
        return response;
    }

    /** Answers what is known at once; returns what has to be looked up, or null. */
    private @Nullable TimestampLookup find(
            @Nullable TopicHandle topic,
            ListOffsetsPartition asked,
            ListOffsetsPartitionResponse result) {
        // Asked of the engine each time: a log that is no longer in use keeps its old offsets.
        PartitionLog log = topic == null ? null : topic.reopenedLog(asked.partitionIndex());
        if (log == null) {
            result.setErrorCode(Errors.UNKNOWN_TOPIC_OR_PARTITION.code());
            return null;
        }
        int leaderEpoch = topics.engine().leaderEpoch();
        Errors error = LeaderEpochs.check(asked.currentLeaderEpoch(), leaderEpoch);
        if (error != Errors.NONE) {
            result.setErrorCode(error.code());
            return null;
        }
        return find(log, asked.timestamp(), leaderEpoch, result);
    }

    private @Nullable TimestampLookup find(
            PartitionLog log,
            long timestamp,
            int leaderEpoch,
            ListOffsetsPartitionResponse result) {
        if (timestamp == ListOffsetsRequest.MAX_TIMESTAMP) {
            return TimestampLookup.ofHighest(log, background);
        }
        if (timestamp >= 0) {
            return TimestampLookup.ofFirstSince(log, timestamp, background);
        }
        if (timestamp == ListOffsetsRequest.LATEST_TIMESTAMP) {
            result.setOffset(log.highWatermark()).setLeaderEpoch(leaderEpoch);
        } else if (timestamp == ListOffsetsRequest.EARLIEST_TIMESTAMP
                || timestamp == ListOffsetsRequest.EARLIEST_LOCAL_TIMESTAMP) {
            // Nothing is tiered, so what is here is all there is.
            result.setOffset(log.logStartOffset());
        } else if (timestamp == ListOffsetsRequest.LATEST_TIERED_TIMESTAMP
                || timestamp == ListOffsetsRequest.EARLIEST_PENDING_UPLOAD_TIMESTAMP) {
            result.setOffset(NONE);
        } else {
            result.setErrorCode(Errors.INVALID_REQUEST.code());
        }
        return null;
    }

    private static void await(
            TimestampLookup lookup, ListOffsetsPartitionResponse result, Outstanding outstanding) {
        outstanding.add(
                lookup.answer(),
                (found, failure) -> {
                    if (failure != null) {
                        result.setErrorCode(EngineErrors.of(failure).code());
                    } else if (found == null) {
                        result.setOffset(NONE);
                    } else {
                        result.setOffset(found.offset())
                                .setTimestamp(found.timestampMs())
                                .setLeaderEpoch(found.leaderEpoch());
                    }
                });
    }
}
