package io.headrace.kafka.config;

import io.headrace.engine.Topic;
import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.KafkaShellContext;
import io.headrace.kafka.RequestHandler;
import io.headrace.kafka.topic.TopicDirectory;
import io.headrace.kafka.topic.TopicHandle;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.message.DescribeConfigsRequestData;
import org.apache.kafka.common.message.DescribeConfigsRequestData.DescribeConfigsResource;
import org.apache.kafka.common.message.DescribeConfigsResponseData;
import org.apache.kafka.common.message.DescribeConfigsResponseData.DescribeConfigsResourceResult;
import org.apache.kafka.common.message.DescribeConfigsResponseData.DescribeConfigsResult;
import org.apache.kafka.common.message.DescribeConfigsResponseData.DescribeConfigsSynonym;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.DescribeConfigsResponse.ConfigSource;
import org.apache.kafka.common.requests.DescribeConfigsResponse.ConfigType;
import org.jspecify.annotations.Nullable;

/** DescribeConfigs of topics and of this server. */
public final class DescribeConfigsHandler implements RequestHandler {
    private final KafkaShellContext context;
    private final TopicDirectory topics;

    /**
     * @param context the server's own configs
     * @param topics to describe
     */
    public DescribeConfigsHandler(KafkaShellContext context, TopicDirectory topics) {
        this.context = context;
        this.topics = topics;
    }

    @Override
    public void handle(KafkaRequest request) {
        DescribeConfigsRequestData data = request.data(DescribeConfigsRequestData.class);
        DescribeConfigsResponseData response = new DescribeConfigsResponseData();
        // Each once, however often it is named: a short request must not make a huge answer.
        Set<List<Object>> seen = new HashSet<>();
        for (DescribeConfigsResource resource : data.resources()) {
            if (!seen.add(List.of(resource.resourceType(), resource.resourceName()))) {
                continue;
            }
            DescribeConfigsResult result =
                    new DescribeConfigsResult()
                            .setResourceType(resource.resourceType())
                            .setResourceName(resource.resourceName());
            describe(resource, data.includeSynonyms(), result);
            response.results().add(result);
        }
        request.respond(response);
    }

    private void describe(
            DescribeConfigsResource resource, boolean synonyms, DescribeConfigsResult result) {
        ConfigResource.Type type = ConfigResource.Type.forId(resource.resourceType());
        switch (type) {
            case TOPIC -> describeTopic(resource, synonyms, result);
            case BROKER -> describeBroker(resource, result);
            default -> refuse(result, Errors.INVALID_REQUEST, "no configs of type " + type);
        }
    }

    private void describeTopic(
            DescribeConfigsResource resource, boolean synonyms, DescribeConfigsResult result) {
        TopicHandle topic = topics.find(resource.resourceName());
        if (topic == null) {
            refuse(result, Errors.UNKNOWN_TOPIC_OR_PARTITION, "no such topic");
            return;
        }
        for (TopicConfigEntry entry : TopicConfigEntry.of(topic.topic())) {
            if (isAsked(resource.configurationKeys(), entry.name())) {
                result.configs().add(described(topic.topic(), entry, synonyms));
            }
        }
    }

    private static boolean isAsked(@Nullable List<String> names, String name) {
        return names == null || names.contains(name);
    }

    private static DescribeConfigsResourceResult described(
            Topic topic, TopicConfigEntry entry, boolean synonyms) {
        return new DescribeConfigsResourceResult()
                .setName(entry.name())
                .setValue(entry.value(topic))
                .setConfigSource(entry.source(topic).id())
                .setConfigType(entry.type().id())
                .setSynonyms(synonyms ? synonyms(topic, entry) : List.of());
    }

    private static List<DescribeConfigsSynonym> synonyms(Topic topic, TopicConfigEntry entry) {
        List<DescribeConfigsSynonym> synonyms = new ArrayList<>();
        ConfigSource source = entry.source(topic);
        if (source != ConfigSource.DEFAULT_CONFIG) {
            synonyms.add(synonym(entry.name(), entry.value(topic), source));
        }
        synonyms.add(synonym(entry.name(), entry.defaultValue(), ConfigSource.DEFAULT_CONFIG));
        return synonyms;
    }

    private static DescribeConfigsSynonym synonym(String name, String value, ConfigSource source) {
        return new DescribeConfigsSynonym().setName(name).setValue(value).setSource(source.id());
    }

    private void describeBroker(DescribeConfigsResource resource, DescribeConfigsResult result) {
        String nodeId = Integer.toString(context.nodeId());
        if (!resource.resourceName().isEmpty() && !resource.resourceName().equals(nodeId)) {
            refuse(result, Errors.INVALID_REQUEST, "this is node " + nodeId);
            return;
        }
        if (resource.resourceName().isEmpty()) {
            return; // the cluster-wide dynamic defaults: there are none
        }
        for (Map.Entry<String, String> config : context.describedConfigs().entrySet()) {
            if (isAsked(resource.configurationKeys(), config.getKey())) {
                result.configs()
                        .add(
                                new DescribeConfigsResourceResult()
                                        .setName(config.getKey())
                                        .setValue(config.getValue())
                                        .setReadOnly(true)
                                        .setConfigSource(ConfigSource.STATIC_BROKER_CONFIG.id())
                                        .setConfigType(ConfigType.STRING.id()));
            }
        }
    }

    private static void refuse(DescribeConfigsResult result, Errors error, String message) {
        result.setErrorCode(error.code()).setErrorMessage(message);
    }
}
