package io.headrace.kafka.group;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestPartition;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestTopic;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestGroup;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestTopics;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseGroup;
import org.apache.kafka.common.network.ClientInformation;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.OffsetFetchResponse;
import org.apache.kafka.common.requests.RequestContext;
import org.apache.kafka.common.requests.RequestHeader;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.common.security.auth.SecurityProtocol;
import org.apache.kafka.common.utils.internals.BufferSupplier;
import org.jspecify.annotations.Nullable;

/** Asks groups what a client would, without a network, and repeats while they are being loaded. */
final class GroupsClient {
    private static final long DEADLINE_SECONDS = 20;

    private final Groups groups;

    GroupsClient(Groups groups) {
        this.groups = groups;
    }

    void close() {
        groups.close();
    }

    int knownTopicCount() {
        return groups.topics().knownCount();
    }

    int partitionOf(String group) {
        return groups.coordinator().partitionFor(group);
    }

    /** Repeats until the condition holds. */
    void await(Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        while (!condition.call()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("not reached in " + DEADLINE_SECONDS + " s");
            }
            LockSupport.parkNanos(1_000_000);
        }
    }

    void awaitAppended(HeldEngine engine, String group, long endOffset) throws Exception {
        var log = engine.log(Groups.OFFSETS_TOPIC, partitionOf(group));
        await(() -> log.logEndOffset() >= endOffset);
    }

    void commit(String group, String topic, int partition, long offset, String metadata)
            throws Exception {
        await(
                () -> {
                    Errors error =
                            commitAsync(group, topic, partition, offset, metadata)
                                    .get(DEADLINE_SECONDS, TimeUnit.SECONDS);
                    if (error != Errors.COORDINATOR_LOAD_IN_PROGRESS) {
                        assertEquals(Errors.NONE, error);
                    }
                    return error == Errors.NONE;
                });
    }

    CompletableFuture<Errors> commitAsync(
            String group, String topic, int partition, long offset, String metadata) {
        groups.topics().require(List.of(topic));
        var request =
                new OffsetCommitRequestData()
                        .setGroupId(group)
                        .setTopics(
                                List.of(
                                        new OffsetCommitRequestTopic()
                                                .setName(topic)
                                                .setTopicId(idOf(topic))
                                                .setPartitions(
                                                        List.of(
                                                                new OffsetCommitRequestPartition()
                                                                        .setPartitionIndex(
                                                                                partition)
                                                                        .setCommittedOffset(offset)
                                                                        .setCommittedMetadata(
                                                                                metadata)))));
        return groups.coordinator()
                .commitOffsets(context(ApiKeys.OFFSET_COMMIT), request, BufferSupplier.NO_CACHING)
                .thenApply(
                        response ->
                                Errors.forCode(
                                        response.topics().get(0).partitions().get(0).errorCode()));
    }

    private Uuid idOf(String topic) {
        return groups.directory().ids().uuid(groups.directory().find(topic).topic().id());
    }

    AliasGroups aliasGroups() {
        return groups.aliasGroups();
    }

    /** Offset and metadata, or "-1 ". */
    String committed(String group, String topic, int partition) throws Exception {
        var request =
                new OffsetFetchRequestGroup()
                        .setGroupId(group)
                        .setTopics(
                                List.of(
                                        new OffsetFetchRequestTopics()
                                                .setName(topic)
                                                .setPartitionIndexes(List.of(partition))));
        List<OffsetFetchResponseGroup> answer = new ArrayList<>();
        await(
                () -> {
                    answer.clear();
                    answer.add(
                            groups.coordinator()
                                    .fetchOffsets(context(ApiKeys.OFFSET_FETCH), request, false)
                                    .exceptionally(e -> failed(request, e))
                                    .get(DEADLINE_SECONDS, TimeUnit.SECONDS));
                    return answer.get(0).errorCode() != Errors.COORDINATOR_LOAD_IN_PROGRESS.code();
                });
        assertEquals(Errors.NONE.code(), answer.get(0).errorCode());
        var found = answer.get(0).topics().get(0).partitions().get(0);
        return found.committedOffset() + " " + found.metadata();
    }

    private static OffsetFetchResponseGroup failed(OffsetFetchRequestGroup request, Throwable e) {
        Throwable cause = e instanceof CompletionException ? e.getCause() : e;
        return OffsetFetchResponse.groupError(request, Errors.forException(cause), 8);
    }

    ConsumerGroupHeartbeatResponseData heartbeat(
            String group,
            String member,
            int epoch,
            @Nullable List<String> topics,
            @Nullable String regex)
            throws Exception {
        groups.topics().require(topics == null ? List.of() : topics);
        if (regex != null) {
            groups.topics().requireMatching(regex);
        }
        var request =
                new ConsumerGroupHeartbeatRequestData()
                        .setGroupId(group)
                        .setMemberId(member)
                        .setMemberEpoch(epoch)
                        .setSubscribedTopicNames(topics)
                        .setSubscribedTopicRegex(regex)
                        .setRebalanceTimeoutMs(epoch == 0 ? 30_000 : -1)
                        .setTopicPartitions(epoch == 0 ? List.of() : null);
        List<ConsumerGroupHeartbeatResponseData> answer = new ArrayList<>();
        await(
                () -> {
                    answer.clear();
                    answer.add(
                            groups.coordinator()
                                    .consumerGroupHeartbeat(
                                            context(ApiKeys.CONSUMER_GROUP_HEARTBEAT), request)
                                    .get(DEADLINE_SECONDS, TimeUnit.SECONDS));
                    return answer.get(0).errorCode() != Errors.COORDINATOR_LOAD_IN_PROGRESS.code();
                });
        assertEquals(Errors.NONE.code(), answer.get(0).errorCode(), answer.toString());
        return answer.get(0);
    }

    /** Partition numbers of all assigned topics, in the order given. */
    List<Integer> assigned(ConsumerGroupHeartbeatResponseData response) {
        List<Integer> partitions = new ArrayList<>();
        if (response.assignment() != null) {
            response.assignment()
                    .topicPartitions()
                    .forEach(topic -> partitions.addAll(topic.partitions()));
        }
        return partitions;
    }

    /** Beats until the member was given so many partitions; returns its epoch. */
    int awaitAssigned(String group, String member, int epoch, int partitionCount) throws Exception {
        int[] current = {epoch};
        await(
                () -> {
                    var response = heartbeat(group, member, current[0], null, null);
                    current[0] = response.memberEpoch();
                    return assigned(response).size() == partitionCount;
                });
        return current[0];
    }

    static RequestContext context(ApiKeys api) {
        return new RequestContext(
                new RequestHeader(api, api.latestVersion(), "client", 1),
                "1",
                InetAddress.getLoopbackAddress(),
                KafkaPrincipal.ANONYMOUS,
                ListenerName.normalised("PLAINTEXT"),
                SecurityProtocol.PLAINTEXT,
                ClientInformation.EMPTY,
                false);
    }
}
