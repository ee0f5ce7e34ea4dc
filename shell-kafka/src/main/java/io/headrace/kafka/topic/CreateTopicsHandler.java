package io.headrace.kafka.topic;

import io.headrace.engine.Alias;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Views;
import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.KafkaShellContext;
import io.headrace.kafka.RequestHandler;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.message.CreateTopicsRequestData;
import org.apache.kafka.common.message.CreateTopicsRequestData.CreatableReplicaAssignment;
import org.apache.kafka.common.message.CreateTopicsRequestData.CreatableTopic;
import org.apache.kafka.common.message.CreateTopicsRequestData.CreatableTopicConfig;
import org.apache.kafka.common.message.CreateTopicsResponseData;
import org.apache.kafka.common.message.CreateTopicsResponseData.CreatableTopicResult;
import org.apache.kafka.common.message.CreateTopicsResponseData.CreatableTopicResultCollection;
import org.apache.kafka.common.protocol.Errors;

/** CreateTopics: all topics of a request in one command to the catalog. */
public final class CreateTopicsHandler implements RequestHandler {
    private static final int DEFAULT = -1;

    /** Lanes of a share view: as many members of its group can have work at the same time. */
    private static final int LANES_DEFAULT = 256;

    private final KafkaShellContext context;
    private final TopicDirectory topics;

    /**
     * @param context defaults
     * @param topics where to create
     */
    public CreateTopicsHandler(KafkaShellContext context, TopicDirectory topics) {
        this.context = context;
        this.topics = topics;
    }

    @Override
    public void handle(KafkaRequest request) {
        CreateTopicsRequestData data = request.data(CreateTopicsRequestData.class);
        CreateTopicsResponseData response =
                new CreateTopicsResponseData()
                        .setTopics(new CreatableTopicResultCollection(data.topics().size()));
        List<TopicSpec> specs = new ArrayList<>(data.topics().size());
        Set<String> namesSeen = new HashSet<>();
        for (CreatableTopic topic : data.topics()) {
            if (namesSeen.add(topic.name())) {
                check(data, topic, specs, response);
            }
        }
        if (specs.isEmpty()) {
            request.respond(response);
            return;
        }
        topics.catalog()
                .create(specs, data.validateOnly())
                .whenComplete(
                        (results, failure) -> {
                            if (failure == null) {
                                addResults(response, specs, results);
                                request.respond(response);
                            } else {
                                request.fail(failure);
                            }
                        });
    }

    private void check(
            CreateTopicsRequestData data,
            CreatableTopic topic,
            List<TopicSpec> specs,
            CreateTopicsResponseData response) {
        if (data.topics().findAll(topic.name()).size() > 1) {
            refuse(response, topic.name(), Errors.INVALID_REQUEST, "named twice in the request");
        } else if (TopicNames.isBookmarks(topic.name())) {
            refuse(
                    response,
                    topic.name(),
                    Errors.INVALID_TOPIC_EXCEPTION,
                    "the server makes it with the first bookmark");
        } else if (topic.assignments().isEmpty() && !isReplicationFactor(topic)) {
            refuse(
                    response,
                    topic.name(),
                    Errors.INVALID_REPLICATION_FACTOR,
                    "one server can hold one replica: replicationFactor="
                            + topic.replicationFactor());
        } else if (!areAssignmentsOurs(topic)) {
            refuse(
                    response,
                    topic.name(),
                    Errors.INVALID_REPLICA_ASSIGNMENT,
                    "every partition from 0 on has to be assigned to node " + context.nodeId());
        } else if (isPinnedOverlay(topic)) {
            refuse(
                    response,
                    topic.name(),
                    Errors.INVALID_CONFIG,
                    Views.PINNED_CONFIG + " is left to the server, which writes it");
        } else if (hasNullConfig(topic)) {
            refuse(response, topic.name(), Errors.INVALID_CONFIG, "a config has no value");
        } else {
            specs.add(new TopicSpec(topic.name(), partitionCount(topic), configs(topic)));
        }
    }

    private static boolean isReplicationFactor(CreatableTopic topic) {
        return topic.replicationFactor() == DEFAULT || topic.replicationFactor() == 1;
    }

    private boolean areAssignmentsOurs(CreatableTopic topic) {
        int count = topic.assignments().size();
        for (CreatableReplicaAssignment assignment : topic.assignments()) {
            int partition = assignment.partitionIndex();
            if (partition < 0
                    || partition >= count
                    || !assignment.brokerIds().equals(List.of(context.nodeId()))) {
                return false;
            }
        }
        return count == 0 || topic.numPartitions() == DEFAULT || topic.numPartitions() == count;
    }

    /** What an overlay has is what was there: nobody else can say that. */
    private static boolean isPinnedOverlay(CreatableTopic topic) {
        CreatableTopicConfig type = topic.configs().find(Views.TYPE_CONFIG);
        return type != null
                && Views.OVERLAY.equals(type.value())
                && topic.configs().find(Views.PINNED_CONFIG) != null;
    }

    private static boolean hasNullConfig(CreatableTopic topic) {
        for (CreatableTopicConfig config : topic.configs()) {
            if (config.value() == null) {
                return true;
            }
        }
        return false;
    }

    private int partitionCount(CreatableTopic topic) {
        if (!topic.assignments().isEmpty()) {
            return topic.assignments().size();
        }
        if (topic.numPartitions() != DEFAULT) {
            return topic.numPartitions();
        }
        CreatableTopicConfig view = topic.configs().find(Views.TYPE_CONFIG);
        if (view != null && Views.UNION.equals(view.value())) {
            return 1;
        }
        boolean isOverlay = view != null && Views.OVERLAY.equals(view.value());
        CreatableTopicConfig shown =
                topic.configs().find(isOverlay ? Views.TOPICS_CONFIG : Alias.CURRENT_CONFIG);
        Topic version = shown == null ? null : topics.catalog().find(shown.value().trim());
        if (version != null) {
            return version.partitionCount(); // an alias or an overlay has no others
        }
        return view != null && Views.SHARE.equals(view.value())
                ? LANES_DEFAULT
                : context.partitionCountDefault();
    }

    private static Map<String, String> configs(CreatableTopic topic) {
        Map<String, String> configs = new HashMap<>();
        for (CreatableTopicConfig config : topic.configs()) {
            configs.put(config.name(), config.value());
        }
        return configs;
    }

    private void addResults(
            CreateTopicsResponseData response, List<TopicSpec> specs, List<CatalogResult> results) {
        for (int i = 0; i < specs.size(); i++) {
            CatalogResult result = results.get(i);
            Topic topic = result.topic();
            if (topic != null) {
                response.topics().add(created(topic));
            } else {
                refuse(
                        response,
                        specs.get(i).name(),
                        CatalogErrors.of(result.error()),
                        result.message());
            }
        }
    }

    private CreatableTopicResult created(Topic topic) {
        return new CreatableTopicResult()
                .setName(topic.name())
                .setTopicId(topics.ids().uuid(topic.id()))
                .setNumPartitions(topic.partitionCount())
                .setReplicationFactor((short) 1)
                .setConfigs(List.of());
    }

    private static void refuse(
            CreateTopicsResponseData response, String name, Errors error, String message) {
        response.topics()
                .add(
                        new CreatableTopicResult()
                                .setName(name)
                                .setErrorCode(error.code())
                                .setErrorMessage(message));
    }
}
