package io.headrace.kafka.log;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.PartitionLog.EpochEnd;
import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.RequestHandler;
import io.headrace.kafka.topic.TopicDirectory;
import io.headrace.kafka.topic.TopicHandle;
import org.apache.kafka.common.message.OffsetForLeaderEpochRequestData;
import org.apache.kafka.common.message.OffsetForLeaderEpochRequestData.OffsetForLeaderPartition;
import org.apache.kafka.common.message.OffsetForLeaderEpochRequestData.OffsetForLeaderTopic;
import org.apache.kafka.common.message.OffsetForLeaderEpochResponseData;
import org.apache.kafka.common.message.OffsetForLeaderEpochResponseData.EpochEndOffset;
import org.apache.kafka.common.message.OffsetForLeaderEpochResponseData.OffsetForLeaderTopicResult;
import org.apache.kafka.common.protocol.Errors;
import org.jspecify.annotations.Nullable;

/** OffsetForLeaderEpoch: where an epoch ended, so that a client notices lost records. */
public final class OffsetForLeaderEpochHandler implements RequestHandler {
    private final TopicDirectory topics;

    /**
     * @param topics to look into
     */
    public OffsetForLeaderEpochHandler(TopicDirectory topics) {
        this.topics = topics;
    }

    @Override
    public void handle(KafkaRequest request) {
        OffsetForLeaderEpochRequestData data = request.data(OffsetForLeaderEpochRequestData.class);
        OffsetForLeaderEpochResponseData response = new OffsetForLeaderEpochResponseData();
        for (OffsetForLeaderTopic topic : data.topics()) {
            TopicHandle handle = topics.find(topic.topic());
            OffsetForLeaderTopicResult results =
                    new OffsetForLeaderTopicResult().setTopic(topic.topic());
            for (OffsetForLeaderPartition partition : topic.partitions()) {
                results.partitions().add(find(handle, partition));
            }
            response.topics().add(results);
        }
        request.respond(response);
    }

    private EpochEndOffset find(@Nullable TopicHandle topic, OffsetForLeaderPartition asked) {
        EpochEndOffset result = new EpochEndOffset().setPartition(asked.partition());
        // Asked of the engine each time: a log that is no longer in use knows nothing new.
        PartitionLog log = topic == null ? null : topic.reopenedLog(asked.partition());
        if (log == null) {
            return result.setErrorCode(Errors.UNKNOWN_TOPIC_OR_PARTITION.code());
        }
        int leaderEpoch = topics.engine().leaderEpoch();
        Errors error = LeaderEpochs.check(asked.currentLeaderEpoch(), leaderEpoch);
        if (error != Errors.NONE || asked.leaderEpoch() > leaderEpoch) {
            return result.setErrorCode(error.code()); // epoch and offset stay undefined, −1
        }
        EpochEnd end = log.endOffsetForEpoch(asked.leaderEpoch());
        return end == null
                ? result
                : result.setLeaderEpoch(end.leaderEpoch()).setEndOffset(end.endOffset());
    }
}
