package io.headrace.kafka.topic;

import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicSpec;
import io.headrace.kafka.EncodedResponse;
import io.headrace.kafka.EngineErrors;
import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.KafkaShellContext;
import io.headrace.kafka.RequestHandler;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.MetadataRequestData;
import org.apache.kafka.common.message.MetadataRequestData.MetadataRequestTopic;
import org.apache.kafka.common.message.MetadataResponseData;
import org.apache.kafka.common.message.MetadataResponseData.MetadataResponseBroker;
import org.apache.kafka.common.message.MetadataResponseData.MetadataResponseBrokerCollection;
import org.apache.kafka.common.message.MetadataResponseData.MetadataResponsePartition;
import org.apache.kafka.common.message.MetadataResponseData.MetadataResponseTopic;
import org.apache.kafka.common.message.MetadataResponseData.MetadataResponseTopicCollection;
import org.apache.kafka.common.protocol.Errors;
import org.jspecify.annotations.Nullable;

/**
 * Metadata: where topics are, and, if so configured, creates those that are not there.
 *
 * <p>Named topics are answered on the event loop; all topics, and creation, elsewhere.
 */
public final class MetadataHandler implements RequestHandler {
    private static final int PAGE_TOPIC_COUNT = 1000;

    /** Direct memory of the answers with all topics that have not yet left. */
    private static final long LISTED_BYTES_MAX = 256L << 20;

    private final KafkaShellContext context;
    private final TopicDirectory topics;
    private final Executor background;
    private final AtomicLong listedBytes = new AtomicLong();

    /**
     * @param context name of the cluster, and what to create
     * @param topics to describe
     * @param background for what takes long
     */
    public MetadataHandler(KafkaShellContext context, TopicDirectory topics, Executor background) {
        this.context = context;
        this.topics = topics;
        this.background = background;
    }

    @Override
    public void handle(KafkaRequest request) {
        MetadataRequestData data = request.data(MetadataRequestData.class);
        if (asksForAll(data, request.version())) {
            answerAll(request);
            return;
        }
        MetadataResponseData response = response(request);
        List<String> missing = new ArrayList<>();
        // Each once, however often it is named: a short request must not make a huge answer.
        Set<Object> seen = new HashSet<>();
        for (MetadataRequestTopic asked : data.topics()) {
            if (seen.add(asked.name() == null ? asked.topicId() : asked.name())) {
                describe(asked, response.topics(), missing);
            }
        }
        if (missing.remove(TopicNames.BOOKMARKS)) { // not made by being asked for
            addMissing(response, TopicNames.BOOKMARKS, Errors.UNKNOWN_TOPIC_OR_PARTITION);
        }
        if (missing.isEmpty()) {
            request.respond(response);
        } else if (context.autoCreateTopics() && data.allowAutoTopicCreation()) {
            create(request, response, missing);
        } else {
            missing.forEach(name -> addMissing(response, name, Errors.UNKNOWN_TOPIC_OR_PARTITION));
            request.respond(response);
        }
    }

    private static boolean asksForAll(MetadataRequestData data, short version) {
        return data.topics() == null || version == 0 && data.topics().isEmpty();
    }

    private MetadataResponseData response(KafkaRequest request) {
        Node broker = request.broker();
        MetadataResponseBrokerCollection brokers = new MetadataResponseBrokerCollection(1);
        brokers.add(
                new MetadataResponseBroker()
                        .setNodeId(broker.id())
                        .setHost(broker.host())
                        .setPort(broker.port()));
        return new MetadataResponseData()
                .setBrokers(brokers)
                .setClusterId(context.clusterId())
                .setControllerId(context.nodeId());
    }

    private void answerAll(KafkaRequest request) {
        try {
            background.execute(() -> respondAll(request));
        } catch (RejectedExecutionException e) {
            refuseAll(request, e);
        }
    }

    /** Of a million topics the bytes are held, some 80 each, and the objects of one page. */
    private void respondAll(KafkaRequest request) {
        AllTopicsEncoder encoder = new AllTopicsEncoder(request.version());
        EncodedResponse encoded;
        try {
            String from = "";
            while (from != null && !request.isAbandoned()) {
                from = addPage(encoder, from);
                checkRoom(encoder.length());
            }
            encoded = encoder.finish(response(request));
        } catch (Throwable e) { // also if there is no memory for so many
            encoder.release();
            refuseAll(request, e);
            return;
        }
        long length = encoded.length();
        listedBytes.addAndGet(length);
        request.respond(
                encoded,
                () -> {
                    listedBytes.addAndGet(-length);
                    encoded.release();
                });
    }

    /** One answer may be as long as memory allows; several together are bounded. */
    private void checkRoom(long length) {
        long others = listedBytes.get();
        if (others > 0 && others + length > LISTED_BYTES_MAX) {
            throw new IllegalStateException("other lists wait to be taken: bytes=" + others);
        }
    }

    /** An answer without topics, whatever error stands beside, would be taken for the truth. */
    private static void refuseAll(KafkaRequest request, Throwable cause) {
        request.disconnect("topics not listed: cause=" + cause);
    }

    /** Adds the topics from a name on; returns where to go on, or null at the end. */
    private @Nullable String addPage(AllTopicsEncoder encoder, String from) {
        List<Topic> page = topics.catalog().list(from, PAGE_TOPIC_COUNT);
        encoder.beginPage();
        for (Topic topic : page) {
            encoder.add(described(topic));
        }
        boolean last = page.size() < PAGE_TOPIC_COUNT;
        return last ? null : TopicNames.after(page.get(page.size() - 1).name());
    }

    private void describe(
            MetadataRequestTopic asked,
            MetadataResponseTopicCollection response,
            List<String> missing) {
        boolean byId = asked.name() == null || !asked.topicId().equals(Uuid.ZERO_UUID);
        TopicHandle found = byId ? topics.find(asked.topicId()) : topics.find(asked.name());
        if (found != null) {
            response.add(described(found.topic()));
        } else if (byId) {
            response.add(
                    new MetadataResponseTopic()
                            .setErrorCode(Errors.UNKNOWN_TOPIC_ID.code())
                            .setName(null)
                            .setTopicId(asked.topicId()));
        } else {
            missing.add(asked.name());
        }
    }

    private void create(KafkaRequest request, MetadataResponseData response, List<String> names) {
        List<TopicSpec> specs = new ArrayList<>(names.size());
        for (String name : names) {
            specs.add(new TopicSpec(name, context.partitionCountDefault(), Map.of()));
        }
        topics.catalog()
                .create(specs, false)
                .whenComplete(
                        (results, failure) -> {
                            if (failure == null) {
                                addCreated(response, names, results);
                            } else {
                                // What is there is answered all the same.
                                Errors error = EngineErrors.of(failure);
                                names.forEach(name -> addMissing(response, name, error));
                            }
                            request.respond(response);
                        });
    }

    private void addCreated(
            MetadataResponseData response, List<String> names, List<CatalogResult> results) {
        for (int i = 0; i < names.size(); i++) {
            CatalogResult result = results.get(i);
            // It may be there now because another client asked at the same time.
            Topic topic =
                    result.topic() != null ? result.topic() : topics.catalog().find(names.get(i));
            if (topic != null) {
                response.topics().add(described(topic));
            } else {
                addMissing(response, names.get(i), CatalogErrors.of(result.error()));
            }
        }
    }

    private static void addMissing(MetadataResponseData response, String name, Errors error) {
        Errors reason = TopicNames.isValid(name) ? error : Errors.INVALID_TOPIC_EXCEPTION;
        response.topics()
                .add(new MetadataResponseTopic().setErrorCode(reason.code()).setName(name));
    }

    private MetadataResponseTopic described(Topic topic) {
        List<Integer> thisNode = List.of(context.nodeId());
        int leaderEpoch = topics.engine().leaderEpoch();
        List<MetadataResponsePartition> partitions = new ArrayList<>(topic.partitionCount());
        for (int i = 0; i < topic.partitionCount(); i++) {
            partitions.add(
                    new MetadataResponsePartition()
                            .setPartitionIndex(i)
                            .setLeaderId(context.nodeId())
                            .setLeaderEpoch(leaderEpoch)
                            .setReplicaNodes(thisNode)
                            .setIsrNodes(thisNode));
        }
        return new MetadataResponseTopic()
                .setName(topic.name())
                .setTopicId(topics.ids().uuid(topic.id()))
                .setIsInternal(TopicNames.isInternal(topic.name()))
                .setPartitions(partitions);
    }
}
