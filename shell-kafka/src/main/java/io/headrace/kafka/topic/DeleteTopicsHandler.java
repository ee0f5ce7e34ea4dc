package io.headrace.kafka.topic;

import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.RequestHandler;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.DeleteTopicsRequestData;
import org.apache.kafka.common.message.DeleteTopicsRequestData.DeleteTopicState;
import org.apache.kafka.common.message.DeleteTopicsResponseData;
import org.apache.kafka.common.message.DeleteTopicsResponseData.DeletableTopicResult;
import org.apache.kafka.common.protocol.Errors;
import org.jspecify.annotations.Nullable;

/** DeleteTopics, by name or id. */
public final class DeleteTopicsHandler implements RequestHandler {
    private static final int IDS_SINCE_VERSION = 6;

    private final TopicDirectory topics;

    /**
     * @param topics where to delete
     */
    public DeleteTopicsHandler(TopicDirectory topics) {
        this.topics = topics;
    }

    @Override
    public void handle(KafkaRequest request) {
        DeleteTopicsRequestData data = request.data(DeleteTopicsRequestData.class);
        DeleteTopicsResponseData response = new DeleteTopicsResponseData();
        List<Long> ids = new ArrayList<>();
        List<DeletableTopicResult> results = new ArrayList<>();
        if (request.version() >= IDS_SINCE_VERSION) {
            for (DeleteTopicState topic : data.topics()) {
                find(topic.name(), topic.topicId(), response, ids, results);
            }
        } else {
            for (String name : data.topicNames()) {
                find(name, Uuid.ZERO_UUID, response, ids, results);
            }
        }
        if (ids.isEmpty()) {
            request.respond(response);
        } else {
            delete(request, response, ids, results);
        }
    }

    private void find(
            @Nullable String name,
            Uuid uuid,
            DeleteTopicsResponseData response,
            List<Long> ids,
            List<DeletableTopicResult> results) {
        TopicHandle topic = name == null ? topics.find(uuid) : topics.find(name);
        DeletableTopicResult result = new DeletableTopicResult().setName(name).setTopicId(uuid);
        response.responses().add(result);
        if (topic == null) {
            Errors error =
                    name == null ? Errors.UNKNOWN_TOPIC_ID : Errors.UNKNOWN_TOPIC_OR_PARTITION;
            result.setErrorCode(error.code()).setErrorMessage(error.message());
        } else if (TopicNames.isInternal(topic.topic().name())) {
            result.setName(topic.topic().name())
                    .setErrorCode(Errors.POLICY_VIOLATION.code())
                    .setErrorMessage("the server's own topic: name=" + topic.topic().name());
        } else {
            result.setName(topic.topic().name()).setTopicId(topics.ids().uuid(topic.topic().id()));
            ids.add(topic.topic().id());
            results.add(result);
        }
    }

    private void delete(
            KafkaRequest request,
            DeleteTopicsResponseData response,
            List<Long> ids,
            List<DeletableTopicResult> results) {
        topics.catalog()
                .delete(ids)
                .whenComplete(
                        (outcomes, failure) -> {
                            if (failure != null) {
                                request.fail(failure);
                                return;
                            }
                            for (int i = 0; i < results.size(); i++) {
                                describe(outcomes.get(i), results.get(i));
                            }
                            request.respond(response);
                        });
    }

    private static void describe(CatalogResult outcome, DeletableTopicResult result) {
        if (outcome.error() != null) {
            result.setErrorCode(CatalogErrors.of(outcome.error()).code())
                    .setErrorMessage(outcome.message());
        }
    }
}
