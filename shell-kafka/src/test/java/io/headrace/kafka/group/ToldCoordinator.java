package io.headrace.kafka.group;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.reflect.Proxy;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ConsumerGroupDescribeResponseData;
import org.apache.kafka.common.message.DescribeGroupsResponseData;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestGroup;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseGroup;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponsePartitions;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseTopics;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.coordinator.group.GroupCoordinator;

/** A coordinator that answers what the test says, in the order of the questions. */
final class ToldCoordinator {
    private final Deque<Question> open = new ArrayDeque<>();
    private final String topic;
    private final Uuid topicId;

    private record Question(String method, Object[] arguments, CompletableFuture<Object> answer) {}

    /** A member of the group. */
    record Owner(String memberId, String clientId, int... lanes) {}

    /**
     * @param topic whose partitions the members own
     */
    ToldCoordinator(String topic, Uuid topicId) {
        this.topic = topic;
        this.topicId = topicId;
    }

    GroupCoordinator coordinator() {
        return (GroupCoordinator)
                Proxy.newProxyInstance(
                        ToldCoordinator.class.getClassLoader(),
                        new Class<?>[] {GroupCoordinator.class},
                        (proxy, method, arguments) -> {
                            Question asked =
                                    new Question(
                                            method.getName(), arguments, new CompletableFuture<>());
                            open.add(asked);
                            return asked.answer;
                        });
    }

    /** What has been asked and is not answered. */
    List<String> questions() {
        return open.stream().map(Question::method).toList();
    }

    private Question next(String method) {
        Question asked = open.remove();
        assertEquals(method, asked.method);
        return asked;
    }

    /** Says how far all partitions that are asked for are committed; returns how many they are. */
    int sayCommitted(long offset) {
        Question asked = next("fetchOffsets");
        List<Integer> partitions =
                ((OffsetFetchRequestGroup) asked.arguments[1]).topics().get(0).partitionIndexes();
        List<OffsetFetchResponsePartitions> committed = new ArrayList<>();
        for (int partition : partitions) {
            committed.add(
                    new OffsetFetchResponsePartitions()
                            .setPartitionIndex(partition)
                            .setCommittedOffset(offset));
        }
        asked.answer.complete(
                new OffsetFetchResponseGroup()
                        .setTopics(
                                List.of(
                                        new OffsetFetchResponseTopics()
                                                .setName(topic)
                                                .setTopicId(topicId)
                                                .setPartitions(committed))));
        return committed.size();
    }

    void fail(RuntimeException failure) {
        open.remove().answer.completeExceptionally(failure);
    }

    /** Says who is in the group, which is a consumer group. */
    void say(Owner... owners) {
        var group = new ConsumerGroupDescribeResponseData.DescribedGroup();
        for (Owner owner : owners) {
            group.members()
                    .add(
                            new ConsumerGroupDescribeResponseData.Member()
                                    .setMemberId(owner.memberId)
                                    .setClientId(owner.clientId)
                                    .setAssignment(assignment(owner)));
        }
        next("consumerGroupDescribe").answer.complete(List.of(group));
    }

    private ConsumerGroupDescribeResponseData.Assignment assignment(Owner owner) {
        List<Integer> lanes = new ArrayList<>();
        for (int lane : owner.lanes) {
            lanes.add(lane);
        }
        return new ConsumerGroupDescribeResponseData.Assignment()
                .setTopicPartitions(
                        List.of(
                                new ConsumerGroupDescribeResponseData.TopicPartitions()
                                        .setTopicId(topicId)
                                        .setTopicName(topic)
                                        .setPartitions(lanes)));
    }

    /** Says who is in the group, which is a classic one. */
    void sayClassic(String state, Owner... owners) {
        next("consumerGroupDescribe")
                .answer
                .complete(
                        List.of(
                                new ConsumerGroupDescribeResponseData.DescribedGroup()
                                        .setErrorCode(Errors.GROUP_ID_NOT_FOUND.code())));
        var group = new DescribeGroupsResponseData.DescribedGroup().setGroupState(state);
        for (Owner owner : owners) {
            List<TopicPartition> lanes = new ArrayList<>();
            for (int lane : owner.lanes) {
                lanes.add(new TopicPartition(topic, lane));
            }
            group.members()
                    .add(
                            new DescribeGroupsResponseData.DescribedGroupMember()
                                    .setMemberId(owner.memberId)
                                    .setClientId(owner.clientId)
                                    .setMemberAssignment(
                                            ConsumerProtocol.serializeAssignment(
                                                            new Assignment(lanes))
                                                    .array()));
        }
        next("describeGroups").answer.complete(List.of(group));
    }
}
