package io.headrace.kafka.group;

import io.headrace.engine.Topic;
import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.topic.TopicDirectory;
import io.headrace.kafka.topic.TopicHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestPartition;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestTopic;
import org.apache.kafka.common.message.OffsetCommitResponseData;
import org.apache.kafka.common.message.OffsetDeleteRequestData;
import org.apache.kafka.common.message.OffsetDeleteRequestData.OffsetDeleteRequestPartition;
import org.apache.kafka.common.message.OffsetDeleteRequestData.OffsetDeleteRequestTopic;
import org.apache.kafka.common.message.OffsetDeleteRequestData.OffsetDeleteRequestTopicCollection;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestGroup;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestTopics;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseGroup;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponsePartitions;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseTopics;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.OffsetCommitResponse;
import org.apache.kafka.common.requests.OffsetDeleteResponse;
import org.apache.kafka.common.requests.OffsetFetchRequest;
import org.apache.kafka.common.requests.OffsetFetchResponse;
import org.apache.kafka.common.utils.internals.BufferSupplier;
import org.apache.kafka.coordinator.group.GroupCoordinator;
import org.jspecify.annotations.Nullable;

/**
 * Answers OffsetCommit, OffsetFetch and OffsetDelete. What concerns topics or partitions that do
 * not exist is refused here; the rest is the coordinator's. Called on event loops.
 */
final class OffsetHandlers {
    private final Groups groups;
    private final GroupCoordinator coordinator;
    private final TopicDirectory directory;

    OffsetHandlers(Groups groups) {
        this.groups = groups;
        this.coordinator = groups.coordinator();
        this.directory = groups.directory();
    }

    private @Nullable Topic find(String name) {
        TopicHandle handle = directory.find(name);
        return handle == null ? null : handle.topic();
    }

    private @Nullable Topic find(Uuid uuid) {
        TopicHandle handle = directory.find(uuid);
        return handle == null ? null : handle.topic();
    }

    void commit(KafkaRequest request) {
        OffsetCommitRequestData data = request.data(OffsetCommitRequestData.class);
        boolean byId = OffsetCommitResponse.useTopicIds(request.version());
        OffsetCommitResponse.Builder refused = OffsetCommitResponse.newBuilder(byId);
        List<OffsetCommitRequestTopic> accepted = new ArrayList<>();
        for (OffsetCommitRequestTopic named : data.topics()) {
            OffsetCommitRequestTopic existing = existingPartitions(named, byId, refused);
            if (!existing.partitions().isEmpty()) {
                accepted.add(existing);
            }
        }
        if (accepted.isEmpty() && !data.topics().isEmpty()) {
            request.respond(refused.build());
            return;
        }
        OffsetCommitRequestData checked = data.duplicate().setTopics(accepted);
        groups.laneOwners().committing(checked);
        Set<String> names =
                accepted.stream().map(OffsetCommitRequestTopic::name).collect(Collectors.toSet());
        groups.withTopics(
                request,
                data.groupId(),
                names,
                null,
                () ->
                        GroupHandlers.answer(
                                request,
                                coordinator.commitOffsets(
                                        request.context(), checked, BufferSupplier.NO_CACHING),
                                response -> {
                                    groups.laneOwners().committed(checked, response);
                                    return merged(response, refused, byId);
                                }));
    }

    /** The named partitions that exist, with the topic's name and id; the others are refused. */
    private OffsetCommitRequestTopic existingPartitions(
            OffsetCommitRequestTopic named, boolean byId, OffsetCommitResponse.Builder refused) {
        Topic topic = byId ? find(named.topicId()) : find(named.name());
        OffsetCommitRequestTopic existing = new OffsetCommitRequestTopic();
        if (topic == null) {
            refused.addPartitions(
                    named.topicId(),
                    named.name(),
                    named.partitions(),
                    OffsetCommitRequestPartition::partitionIndex,
                    byId ? Errors.UNKNOWN_TOPIC_ID : Errors.UNKNOWN_TOPIC_OR_PARTITION);
            return existing;
        }
        existing.setName(topic.name()).setTopicId(directory.ids().uuid(topic.id()));
        for (OffsetCommitRequestPartition partition : named.partitions()) {
            if (hasPartition(topic, partition.partitionIndex())) {
                existing.partitions().add(partition);
            } else {
                refused.addPartition(
                        existing.topicId(),
                        existing.name(),
                        partition.partitionIndex(),
                        Errors.UNKNOWN_TOPIC_OR_PARTITION);
            }
        }
        return existing;
    }

    private static boolean hasPartition(Topic topic, int partition) {
        return partition >= 0 && partition < topic.partitionCount();
    }

    private static ApiMessage merged(
            OffsetCommitResponseData response, OffsetCommitResponse.Builder refused, boolean byId) {
        OffsetCommitResponseData all = refused.merge(response).build().data();
        all.topics()
                .forEach(
                        topic -> {
                            if (byId) {
                                topic.setName("");
                            } else {
                                topic.setTopicId(Uuid.ZERO_UUID);
                            }
                        });
        return all;
    }

    /** Commits are seen once they are durable; who asks behind one wants to see it. */
    void fetch(KafkaRequest request) {
        request.whenFirst(() -> fetchNow(request));
    }

    private void fetchNow(KafkaRequest request) {
        OffsetFetchRequest body = (OffsetFetchRequest) request.body();
        boolean byId = OffsetFetchRequest.useTopicIds(request.version());
        boolean requireStable = body.data().requireStable();
        List<CompletableFuture<OffsetFetchResponseGroup>> answers = new ArrayList<>();
        for (OffsetFetchRequestGroup group : body.groups()) {
            answers.add(fetch(request, group, byId, requireStable));
        }
        CompletableFuture<Void> all =
                CompletableFuture.allOf(answers.toArray(CompletableFuture<?>[]::new));
        GroupHandlers.answer(
                request,
                all,
                nothing ->
                        new OffsetFetchResponse.Builder(
                                        answers.stream().map(CompletableFuture::join).toList())
                                .build(request.version())
                                .data());
    }

    private CompletableFuture<OffsetFetchResponseGroup> fetch(
            KafkaRequest request,
            OffsetFetchRequestGroup group,
            boolean byId,
            boolean requireStable) {
        List<OffsetFetchResponseTopics> unknown = new ArrayList<>();
        OffsetFetchRequestGroup checked = group.duplicate();
        if (!OffsetFetchRequest.requestAllOffsets(group)) {
            checked.setTopics(knownTopics(group.topics(), byId, unknown));
        }
        CompletableFuture<OffsetFetchResponseGroup> found =
                coordinator.fetchOffsets(request.context(), checked, requireStable);
        if (!OffsetFetchRequest.requestAllOffsets(group)) {
            found =
                    found.thenCompose(
                            response ->
                                    groups.aliasGroups()
                                            .completed(
                                                    request.context(), group.groupId(), response));
        }
        return found.handle(
                (response, failure) ->
                        failure == null
                                ? finished(response, unknown, byId)
                                : OffsetFetchResponse.groupError(
                                        group, Errors.forException(failure), request.version()));
    }

    private List<OffsetFetchRequestTopics> knownTopics(
            List<OffsetFetchRequestTopics> named,
            boolean byId,
            List<OffsetFetchResponseTopics> unknown) {
        List<OffsetFetchRequestTopics> known = new ArrayList<>();
        for (OffsetFetchRequestTopics requested : named) {
            Topic topic = byId ? find(requested.topicId()) : find(requested.name());
            if (topic == null && byId) {
                unknown.add(unknownTopic(requested));
                continue;
            }
            OffsetFetchRequestTopics checked = requested.duplicate();
            if (topic != null) {
                checked.setName(topic.name()).setTopicId(directory.ids().uuid(topic.id()));
            }
            known.add(checked);
        }
        return known;
    }

    private static OffsetFetchResponseTopics unknownTopic(OffsetFetchRequestTopics requested) {
        OffsetFetchResponseTopics answer =
                new OffsetFetchResponseTopics().setTopicId(requested.topicId());
        for (int partition : requested.partitionIndexes()) {
            answer.partitions()
                    .add(
                            new OffsetFetchResponsePartitions()
                                    .setPartitionIndex(partition)
                                    .setCommittedOffset(OffsetFetchResponse.INVALID_OFFSET)
                                    .setMetadata(OffsetFetchResponse.NO_METADATA)
                                    .setErrorCode(Errors.UNKNOWN_TOPIC_ID.code()));
        }
        return answer;
    }

    /**
     * In one version topics go by name, in the other by id: each carries only what its asker knows.
     */
    private OffsetFetchResponseGroup finished(
            OffsetFetchResponseGroup response,
            List<OffsetFetchResponseTopics> unknown,
            boolean byId) {
        List<OffsetFetchResponseTopics> topics = new ArrayList<>(unknown);
        for (OffsetFetchResponseTopics topic : response.topics()) {
            Topic found = byId ? find(topic.name()) : null;
            if (!byId) {
                topics.add(topic.setTopicId(Uuid.ZERO_UUID));
            } else if (found != null) {
                topics.add(topic.setTopicId(directory.ids().uuid(found.id())).setName(""));
            }
        }
        return response.setTopics(topics);
    }

    void delete(KafkaRequest request) {
        OffsetDeleteRequestData data = request.data(OffsetDeleteRequestData.class);
        OffsetDeleteResponse.Builder refused = new OffsetDeleteResponse.Builder();
        OffsetDeleteRequestTopicCollection accepted = new OffsetDeleteRequestTopicCollection();
        for (OffsetDeleteRequestTopic named : data.topics()) {
            OffsetDeleteRequestTopic existing = existingPartitions(named, refused);
            if (!existing.partitions().isEmpty()) {
                accepted.add(existing);
            }
        }
        OffsetDeleteRequestData checked =
                new OffsetDeleteRequestData().setGroupId(data.groupId()).setTopics(accepted);
        groups.inOrder(
                request,
                data.groupId(),
                () ->
                        GroupHandlers.answer(
                                request,
                                coordinator.deleteOffsets(
                                        request.context(), checked, BufferSupplier.NO_CACHING),
                                response -> refused.merge(response).build().data()));
    }

    private OffsetDeleteRequestTopic existingPartitions(
            OffsetDeleteRequestTopic named, OffsetDeleteResponse.Builder refused) {
        Topic topic = find(named.name());
        OffsetDeleteRequestTopic existing = new OffsetDeleteRequestTopic().setName(named.name());
        for (OffsetDeleteRequestPartition partition : named.partitions()) {
            if (topic != null && hasPartition(topic, partition.partitionIndex())) {
                existing.partitions().add(partition);
            } else {
                refused.addPartition(
                        named.name(),
                        partition.partitionIndex(),
                        Errors.UNKNOWN_TOPIC_OR_PARTITION);
            }
        }
        return existing;
    }
}
