package io.headrace.kafka.config;

import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.Views;
import io.headrace.kafka.EngineErrors;
import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.Outstanding;
import io.headrace.kafka.topic.CatalogErrors;
import io.headrace.kafka.topic.TopicDirectory;
import io.headrace.kafka.topic.TopicHandle;
import io.headrace.kafka.topic.TopicNames;
import java.util.function.Function;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.message.AlterConfigsRequestData;
import org.apache.kafka.common.message.AlterConfigsResponseData;
import org.apache.kafka.common.message.IncrementalAlterConfigsRequestData;
import org.apache.kafka.common.message.IncrementalAlterConfigsResponseData;
import org.apache.kafka.common.message.IncrementalAlterConfigsResponseData.AlterConfigsResourceResponse;
import org.apache.kafka.common.protocol.Errors;
import org.jspecify.annotations.Nullable;

/** IncrementalAlterConfigs, and the older AlterConfigs, of topics. */
public final class AlterConfigsHandler {
    private final TopicDirectory topics;

    /**
     * @param topics to alter
     */
    public AlterConfigsHandler(TopicDirectory topics) {
        this.topics = topics;
    }

    /** Answers IncrementalAlterConfigs. */
    public void handleIncremental(KafkaRequest request) {
        IncrementalAlterConfigsRequestData data =
                request.data(IncrementalAlterConfigsRequestData.class);
        IncrementalAlterConfigsResponseData response = new IncrementalAlterConfigsResponseData();
        Outstanding outstanding = new Outstanding(() -> request.respond(response));
        for (var resource : data.resources()) {
            AlterConfigsResourceResponse result =
                    new AlterConfigsResourceResponse()
                            .setResourceType(resource.resourceType())
                            .setResourceName(resource.resourceName());
            response.responses().add(result);
            alter(
                    resource.resourceType(),
                    resource.resourceName(),
                    topic -> ConfigChanges.incremental(topic, resource.configs()),
                    data.validateOnly(),
                    outstanding,
                    (error, message) -> result.setErrorCode(error.code()).setErrorMessage(message));
        }
        outstanding.seal();
    }

    /** Answers AlterConfigs. */
    public void handleWhole(KafkaRequest request) {
        AlterConfigsRequestData data = request.data(AlterConfigsRequestData.class);
        AlterConfigsResponseData response = new AlterConfigsResponseData();
        Outstanding outstanding = new Outstanding(() -> request.respond(response));
        for (var resource : data.resources()) {
            AlterConfigsResponseData.AlterConfigsResourceResponse result =
                    new AlterConfigsResponseData.AlterConfigsResourceResponse()
                            .setResourceType(resource.resourceType())
                            .setResourceName(resource.resourceName());
            response.responses().add(result);
            alter(
                    resource.resourceType(),
                    resource.resourceName(),
                    topic -> ConfigChanges.whole(topic, resource.configs()),
                    data.validateOnly(),
                    outstanding,
                    (error, message) -> result.setErrorCode(error.code()).setErrorMessage(message));
        }
        outstanding.seal();
    }

    /** Receives why a resource was not altered. */
    @FunctionalInterface
    private interface Refusal {
        void set(Errors error, @Nullable String message);
    }

    private void alter(
            byte resourceType,
            String name,
            Function<Topic, ConfigChanges> changesOf,
            boolean validateOnly,
            Outstanding outstanding,
            Refusal refusal) {
        if (resourceType != ConfigResource.Type.TOPIC.id()) {
            refusal.set(Errors.INVALID_REQUEST, "only the configs of topics can be altered");
            return;
        }
        TopicHandle topic = topics.find(name);
        if (topic == null) {
            refusal.set(Errors.UNKNOWN_TOPIC_OR_PARTITION, "no such topic");
            return;
        }
        if (TopicNames.isInternal(name)) {
            refusal.set(Errors.POLICY_VIOLATION, "the server's own topic: name=" + name);
            return;
        }
        ConfigChanges changes = changesOf.apply(topic.topic());
        if (changes.error() != Errors.NONE) {
            refusal.set(changes.error(), changes.message());
            return;
        }
        if (Views.isUnpinnedOverlay(topic.topic())
                && changes.changes().containsKey(Views.PINNED_CONFIG)) {
            refusal.set(
                    Errors.INVALID_CONFIG,
                    Views.PINNED_CONFIG + " is left to the server, which writes it");
            return;
        }
        outstanding.add(
                topics.catalog().alterConfigs(topic.topic().id(), changes.changes(), validateOnly),
                (outcome, failure) -> describe(outcome, failure, refusal));
    }

    private static void describe(
            @Nullable CatalogResult outcome, @Nullable Throwable failure, Refusal refusal) {
        if (outcome == null) {
            Errors error = EngineErrors.of(failure);
            refusal.set(error, error.message());
        } else if (outcome.error() != null) {
            refusal.set(CatalogErrors.of(outcome.error()), outcome.message());
        }
    }
}
