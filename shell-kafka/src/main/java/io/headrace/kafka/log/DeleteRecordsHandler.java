package io.headrace.kafka.log;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.Versions;
import io.headrace.engine.Views;
import io.headrace.kafka.EngineErrors;
import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.Outstanding;
import io.headrace.kafka.RequestHandler;
import io.headrace.kafka.topic.TopicDirectory;
import io.headrace.kafka.topic.TopicHandle;
import io.headrace.kafka.topic.TopicNames;
import org.apache.kafka.common.message.DeleteRecordsRequestData;
import org.apache.kafka.common.message.DeleteRecordsRequestData.DeleteRecordsPartition;
import org.apache.kafka.common.message.DeleteRecordsRequestData.DeleteRecordsTopic;
import org.apache.kafka.common.message.DeleteRecordsResponseData;
import org.apache.kafka.common.message.DeleteRecordsResponseData.DeleteRecordsPartitionResult;
import org.apache.kafka.common.message.DeleteRecordsResponseData.DeleteRecordsTopicResult;
import org.apache.kafka.common.protocol.Errors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** DeleteRecords: answered when it is durable. */
public final class DeleteRecordsHandler implements RequestHandler {
    private static final Logger LOGGER = LoggerFactory.getLogger(DeleteRecordsHandler.class);

    private final TopicDirectory topics;

    /**
     * @param topics to delete from
     */
    public DeleteRecordsHandler(TopicDirectory topics) {
        this.topics = topics;
    }

    @Override
    public void handle(KafkaRequest request) {
        DeleteRecordsRequestData data = request.data(DeleteRecordsRequestData.class);
        DeleteRecordsResponseData response = new DeleteRecordsResponseData();
        Outstanding outstanding = new Outstanding(() -> request.respond(response));
        for (DeleteRecordsTopic topic : data.topics()) {
            TopicHandle handle = topics.find(topic.name());
            DeleteRecordsTopicResult results = new DeleteRecordsTopicResult().setName(topic.name());
            boolean isRefused = handle != null && !mayDelete(handle.topic());
            for (DeleteRecordsPartition partition : topic.partitions()) {
                DeleteRecordsPartitionResult result =
                        new DeleteRecordsPartitionResult()
                                .setPartitionIndex(partition.partitionIndex())
                                .setLowWatermark(-1);
                results.partitions().add(result);
                if (TopicNames.isInternal(topic.name())) {
                    result.setErrorCode(Errors.INVALID_TOPIC_EXCEPTION.code());
                    continue;
                }
                if (isRefused) {
                    result.setErrorCode(Errors.POLICY_VIOLATION.code());
                    continue;
                }
                PartitionLog log =
                        handle == null ? null : handle.reopenedLog(partition.partitionIndex());
                delete(log, partition.offset(), result, outstanding);
            }
            response.topics().add(results);
        }
        outstanding.seal();
    }

    /**
     * What a compacted topic holds, it holds for as long as the key lives; a version stays as it
     * is; of views, unions alone hold anything. What is promised meanwhile, the engine keeps.
     */
    private static boolean mayDelete(Topic topic) {
        boolean holdsRecords = topic.storageMode() != StorageMode.VIEW || Views.isUnion(topic);
        return topic.config().delete() && holdsRecords && !Versions.isPublished(topic);
    }

    /** The protocol has no room for it. */
    private void sayWhy(Topic topic) {
        Topic overlay = topics.catalog().overlayOver(topic.id());
        LOGGER.info(
                "records are not deleted, the topic keeps them: topic={} overlay={}",
                topic.name(),
                overlay == null ? "none" : overlay.name());
    }

    private void delete(
            @Nullable PartitionLog log,
            long beforeOffset,
            DeleteRecordsPartitionResult result,
            Outstanding outstanding) {
        if (log == null) {
            result.setErrorCode(Errors.UNKNOWN_TOPIC_OR_PARTITION.code());
            return;
        }
        Topic topic = log.topic();
        outstanding.add(
                log.deleteRecords(beforeOffset),
                (logStartOffset, failure) -> {
                    if (failure != null || logStartOffset == null) {
                        Errors error = EngineErrors.of(failure);
                        if (error == Errors.POLICY_VIOLATION) {
                            sayWhy(topic);
                        }
                        result.setErrorCode(error.code());
                    } else {
                        result.setLowWatermark(logStartOffset);
                    }
                });
    }
}
