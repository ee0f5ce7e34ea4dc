package io.headrace.kafka.group;

import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import io.headrace.engine.Views;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestPartition;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestTopic;
import org.apache.kafka.common.message.OffsetCommitResponseData;
import org.apache.kafka.common.message.OffsetCommitResponseData.OffsetCommitResponseTopic;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestGroup;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestTopics;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseGroup;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponsePartitions;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseTopics;
import org.apache.kafka.common.network.ClientInformation;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.AbstractRecords;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.DefaultRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.requests.OffsetFetchResponse;
import org.apache.kafka.common.requests.RequestContext;
import org.apache.kafka.common.requests.RequestHeader;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.common.security.auth.SecurityProtocol;
import org.apache.kafka.common.utils.internals.BufferSupplier;
import org.apache.kafka.coordinator.common.runtime.CoordinatorRecord;
import org.apache.kafka.coordinator.group.GroupCoordinator;
import org.apache.kafka.coordinator.group.GroupCoordinatorRecordHelpers;
import org.apache.kafka.coordinator.group.GroupCoordinatorRecordSerde;
import org.apache.kafka.coordinator.group.OffsetAndMetadata;
import org.jspecify.annotations.Nullable;

/**
 * Positions as Kafka's coordinator has them. It takes the steps of a group one after the other, and
 * writes what a step decides as one batch to one partition of its topic: that is what makes a read
 * one of one moment, and a commit whole. Nothing is locked here.
 */
final class CoordinatorPositions implements GroupPositions {
    private static final String CLIENT_ID = "headrace-bookmarks";

    /** What Kafka answers for a partition without a position, and clients take for that. */
    private static final long NO_POSITION = OffsetFetchResponse.INVALID_OFFSET;

    /** Looks at a group whose topics are being deleted and made anew meanwhile. */
    private static final int LOOKS_MAX = 10;

    private final Groups groups;
    private final GroupCoordinator coordinator;
    private final PositionCheck check;
    private final GroupCoordinatorRecordSerde serde = new GroupCoordinatorRecordSerde();

    CoordinatorPositions(Groups groups, int metadataLengthMax) {
        this.groups = groups;
        this.coordinator = groups.coordinator();
        this.check =
                new PositionCheck(
                        groups.directory().engine(), groups.directory().ids(), metadataLengthMax);
    }

    private static RequestContext context(ApiKeys api) {
        return new RequestContext(
                new RequestHeader(api, api.latestVersion(), CLIENT_ID, 0),
                CLIENT_ID,
                InetAddress.getLoopbackAddress(),
                Optional.empty(),
                KafkaPrincipal.ANONYMOUS,
                ListenerName.normalised(CLIENT_ID),
                SecurityProtocol.PLAINTEXT,
                ClientInformation.EMPTY,
                false);
    }

    private static <T> T await(CompletableFuture<T> answer, String group) {
        try {
            return answer.get(WAIT_MS, TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            throw unavailable(group, Errors.forException(e.getCause()));
        } catch (TimeoutException e) {
            throw new EngineException(
                    "group coordinator does not answer, retry: group="
                            + group
                            + " waitedMs="
                            + WAIT_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new EngineException("the server is closing: group=" + group);
        }
    }

    private static EngineException unavailable(String group, Errors error) {
        return new EngineException(
                "positions are not available now, retry: group=" + group + " error=" + error);
    }

    /**
     * What the coordinator answers for all topics names no ids. So the positions are asked for by
     * id, where it has none of a topic that had the name before, in one durable look; and before
     * and after, which topics there are. If these are the same, the group had no others meanwhile.
     */
    @Override
    public List<TopicPositions> committed(String group) {
        for (int look = 0; look < LOOKS_MAX; look++) {
            Map<String, Topic> before = topicsOf(fetch(group, null, false));
            if (before.isEmpty()) {
                return List.of();
            }
            OffsetFetchResponseGroup found = fetch(group, asked(before), true);
            Map<String, Topic> after = topicsOf(fetch(group, null, false));
            if (after.keySet().equals(before.keySet()) && areStill(before)) {
                List<TopicPositions> positions = positions(found, before);
                refuseTooLong(group, topics(positions));
                return positions;
            }
        }
        throw new EngineException("topics of the group are being made anew, retry: group=" + group);
    }

    private Map<String, Topic> topicsOf(OffsetFetchResponseGroup found) {
        Map<String, Topic> topics = new TreeMap<>();
        for (OffsetFetchResponseTopics named : found.topics()) {
            Topic topic = groups.directory().catalog().find(named.name());
            if (topic != null
                    && named.partitions().stream().anyMatch(CoordinatorPositions::isSet)) {
                topics.put(named.name(), topic);
            }
        }
        return topics;
    }

    private static boolean isSet(OffsetFetchResponsePartitions partition) {
        return partition.committedOffset() > NO_POSITION;
    }

    private boolean areStill(Map<String, Topic> topics) {
        for (Topic topic : topics.values()) {
            Topic now = groups.directory().catalog().find(topic.name());
            if (now == null
                    || now.id() != topic.id()
                    || now.partitionCount() != topic.partitionCount()) {
                return false;
            }
        }
        return true;
    }

    private List<OffsetFetchRequestTopics> asked(Map<String, Topic> topics) {
        List<OffsetFetchRequestTopics> asked = new ArrayList<>();
        for (Topic topic : topics.values()) {
            asked.add(
                    new OffsetFetchRequestTopics()
                            .setName(topic.name())
                            .setTopicId(uuid(topic))
                            .setPartitionIndexes(
                                    IntStream.range(0, topic.partitionCount()).boxed().toList()));
        }
        return asked;
    }

    private Uuid uuid(Topic topic) {
        return groups.directory().ids().uuid(topic.id());
    }

    /**
     * @param topics null for all
     * @param isDurable whether the answer waits until all that it tells is durable
     */
    private OffsetFetchResponseGroup fetch(
            String group, @Nullable List<OffsetFetchRequestTopics> topics, boolean isDurable) {
        OffsetFetchRequestGroup asked =
                new OffsetFetchRequestGroup().setGroupId(group).setTopics(topics);
        OffsetFetchResponseGroup found =
                await(
                        coordinator.fetchOffsets(context(ApiKeys.OFFSET_FETCH), asked, isDurable),
                        group);
        Errors error = Errors.forCode(found.errorCode());
        if (error == Errors.GROUP_ID_NOT_FOUND) {
            return new OffsetFetchResponseGroup().setGroupId(group);
        }
        if (error != Errors.NONE) {
            throw unavailable(group, error);
        }
        for (OffsetFetchResponseTopics topic : found.topics()) {
            for (OffsetFetchResponsePartitions partition : topic.partitions()) {
                if (partition.errorCode() != Errors.NONE.code()) { // left out, it would be lost
                    throw unavailable(group, Errors.forCode(partition.errorCode()));
                }
            }
        }
        return found;
    }

    private List<TopicPositions> positions(
            OffsetFetchResponseGroup found, Map<String, Topic> topics) {
        List<TopicPositions> all = new ArrayList<>();
        for (OffsetFetchResponseTopics named : found.topics()) {
            Topic topic = topics.get(named.name());
            if (topic != null) {
                List<Position> positions =
                        named.partitions().stream()
                                .filter(CoordinatorPositions::isSet)
                                .map(CoordinatorPositions::position)
                                .sorted(Comparator.comparingInt(Position::partition))
                                .toList();
                if (!positions.isEmpty()) {
                    all.add(new TopicPositions(topic.name(), uuid(topic).toString(), positions));
                }
            }
        }
        all.sort(Comparator.comparing(TopicPositions::topic));
        return all;
    }

    private static Position position(OffsetFetchResponsePartitions of) {
        return new Position(
                of.partitionIndex(),
                of.committedOffset(),
                of.committedLeaderEpoch(),
                of.metadata() == null ? "" : of.metadata());
    }

    /**
     * What the group has beyond is set to Kafka's "no position" in the same commit: a deletion
     * would be a step of its own, and a crash between the two would leave old and restored
     * positions side by side.
     */
    @Override
    public int restore(String group, List<TopicPositions> positions, Runnable lastCheck) {
        refuseMembers(group);
        positions.forEach(check::check);
        OffsetCommitRequestData commit =
                new OffsetCommitRequestData().setGroupId(group).setTopics(topics(positions));
        int removed = addOthers(commit, fetch(group, null, true));
        if (commit.topics().isEmpty()) {
            return removed;
        }
        refuseTooLong(group, commit.topics());
        groups.topics().require(commit.topics().stream().map(t -> t.name()).toList());
        lastCheck.run();
        groups.laneOwners().committing(commit);
        OffsetCommitResponseData answer = commit(group, commit);
        checkAnswer(group, answer);
        return removed;
    }

    /** Share views are told also of a commit that is done when nobody waits any more. */
    private OffsetCommitResponseData commit(String group, OffsetCommitRequestData commit) {
        return await(
                coordinator
                        .commitOffsets(
                                context(ApiKeys.OFFSET_COMMIT), commit, BufferSupplier.NO_CACHING)
                        .thenApply(
                                answer -> {
                                    groups.laneOwners().committed(commit, answer);
                                    return answer;
                                }),
                group);
    }

    /** The coordinator would answer such a commit with an error that says nothing. */
    private void refuseTooLong(String group, List<OffsetCommitRequestTopic> topics) {
        int max = recordLengthMax();
        long length = 2L * DefaultRecordBatch.RECORD_BATCH_OVERHEAD; // it counts that twice
        int partitions = 0;
        for (OffsetCommitRequestTopic topic : topics) {
            for (OffsetCommitRequestPartition partition : topic.partitions()) {
                CoordinatorRecord record =
                        GroupCoordinatorRecordHelpers.newOffsetCommitRecord(
                                group,
                                topic.name(),
                                partition.partitionIndex(),
                                OffsetAndMetadata.fromRequest(
                                        topic.topicId(), partition, 0, OptionalLong.empty()));
                length +=
                        AbstractRecords.estimateSizeInBytesUpperBound(
                                        RecordBatch.CURRENT_MAGIC_VALUE,
                                        CompressionType.NONE,
                                        serde.serializeKey(record),
                                        serde.serializeValue(record),
                                        Record.EMPTY_HEADERS)
                                - DefaultRecordBatch.RECORD_BATCH_OVERHEAD;
                partitions++;
            }
        }
        if (length > max) {
            throw new PositionsRefusedException(
                    "more positions than one commit can hold: group="
                            + group
                            + " partitions="
                            + partitions
                            + " bytes="
                            + length
                            + " max="
                            + max
                            + " (of topic "
                            + Groups.OFFSETS_TOPIC
                            + ", and a quarter of headrace.journal.cycle.bytes)");
        }
    }

    private int recordLengthMax() {
        Topic offsets = groups.directory().catalog().find(Groups.OFFSETS_TOPIC);
        if (offsets == null) {
            return Integer.MAX_VALUE;
        }
        PartitionLog log = groups.directory().engine().partitionLog(offsets, 0);
        return log == null ? offsets.config().maxMessageBytes() : log.batchLengthMax();
    }

    private List<OffsetCommitRequestTopic> topics(List<TopicPositions> positions) {
        List<OffsetCommitRequestTopic> topics = new ArrayList<>();
        for (TopicPositions of : positions) {
            OffsetCommitRequestTopic topic =
                    new OffsetCommitRequestTopic()
                            .setName(of.topic())
                            .setTopicId(Uuid.fromString(of.topicId()));
            for (Position position : of.positions()) {
                topic.partitions()
                        .add(
                                new OffsetCommitRequestPartition()
                                        .setPartitionIndex(position.partition())
                                        .setCommittedOffset(position.offset())
                                        .setCommittedLeaderEpoch(position.leaderEpoch())
                                        .setCommittedMetadata(position.metadata()));
            }
            topics.add(topic);
        }
        return topics;
    }

    /**
     * Has the commit take the position from each partition that has one and is not in it.
     *
     * @return how many these are
     */
    private int addOthers(OffsetCommitRequestData commit, OffsetFetchResponseGroup now) {
        int count = 0;
        Map<String, OffsetCommitRequestTopic> named = new HashMap<>();
        commit.topics().forEach(topic -> named.put(topic.name(), topic));
        for (OffsetFetchResponseTopics has : now.topics()) {
            Topic topic = groups.directory().catalog().find(has.name());
            if (topic == null) {
                continue; // its positions go with it
            }
            OffsetCommitRequestTopic of = named.get(has.name());
            if (of == null) {
                of = new OffsetCommitRequestTopic().setName(has.name()).setTopicId(uuid(topic));
            }
            Set<Integer> kept = new HashSet<>();
            of.partitions().forEach(partition -> kept.add(partition.partitionIndex()));
            for (OffsetFetchResponsePartitions partition : has.partitions()) {
                if (isSet(partition) && !kept.contains(partition.partitionIndex())) {
                    of.partitions()
                            .add(
                                    new OffsetCommitRequestPartition()
                                            .setPartitionIndex(partition.partitionIndex())
                                            .setCommittedOffset(
                                                    beginning(topic, partition.partitionIndex()))
                                            .setCommittedMetadata(""));
                    count++;
                }
            }
            if (!named.containsKey(has.name()) && !of.partitions().isEmpty()) {
                commit.topics().add(of);
            }
        }
        return count;
    }

    /**
     * No position; but where a lane of a share view begins, since a consumer without a position may
     * go to the end and leave out what was handed out to that lane.
     */
    private long beginning(Topic topic, int partition) {
        if (!Views.isShare(topic)) {
            return NO_POSITION;
        }
        PartitionLog lane = groups.directory().engine().partitionLog(topic, partition);
        if (lane == null) {
            throw new EngineException(
                    "partition cannot be reached now, retry: topic="
                            + topic.name()
                            + " partition="
                            + partition);
        }
        return lane.logStartOffset();
    }

    /** The coordinator refuses the commit as a whole; one topic's error is all topics'. */
    private void checkAnswer(String group, OffsetCommitResponseData answer) {
        for (OffsetCommitResponseTopic topic : answer.topics()) {
            for (var partition : topic.partitions()) {
                Errors error = Errors.forCode(partition.errorCode());
                if (error == Errors.NONE) {
                    continue;
                }
                if (error == Errors.GROUP_ID_NOT_FOUND) {
                    throw new PositionsRefusedException("not a consumer group: group=" + group);
                }
                refuseMembers(group);
                throw unavailable(group, error);
            }
        }
    }

    private void refuseMembers(String group) {
        int count = memberCount(group);
        if (count > 0) {
            throw new PositionsRefusedException(
                    "group has members, end them first: group=" + group + " members=" + count);
        }
    }

    /** A group is of one of two kinds, and each kind has a call of its own. */
    private int memberCount(String group) {
        RequestContext context = context(ApiKeys.CONSUMER_GROUP_DESCRIBE);
        var described =
                await(coordinator.consumerGroupDescribe(context, List.of(group)), group).get(0);
        if (described.errorCode() == Errors.NONE.code()) {
            return described.members().size();
        }
        var classic = await(coordinator.describeGroups(context, List.of(group)), group).get(0);
        Errors error = Errors.forCode(classic.errorCode());
        if (error != Errors.NONE && error != Errors.GROUP_ID_NOT_FOUND) {
            throw unavailable(group, error);
        }
        return classic.members().size();
    }
}
