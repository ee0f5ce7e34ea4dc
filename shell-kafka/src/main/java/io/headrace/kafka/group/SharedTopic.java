package io.headrace.kafka.group;

import io.headrace.engine.Topic;
import io.headrace.engine.Views.Share;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ConsumerGroupDescribeResponseData;
import org.apache.kafka.common.message.DescribeGroupsResponseData;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestGroup;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestTopics;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseGroup;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponsePartitions;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseTopics;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.types.SchemaException;
import org.apache.kafka.common.requests.RequestContext;
import org.apache.kafka.coordinator.group.GroupCoordinator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is known of the group of one share view: who owns which lane, as the coordinator said last,
 * and since when. Asked again when a request may have changed it, and when somebody wants to know
 * after a while: members that die change it too.
 */
final class SharedTopic {
    private static final Logger LOGGER = LoggerFactory.getLogger(SharedTopic.class);

    /** What was said is taken for true so long, unless something has happened. */
    private static final long FRESH_NANOS = 1_000_000_000L;

    private static final String STABLE = "Stable";

    private final Uuid uuid;
    private final Share share;
    private final GroupCoordinator coordinator;
    private volatile Topic topic;
    private volatile Map<Integer, LaneOwner> owners = Map.of();

    // guarded by this

    private final List<LaneWish> waiting = new ArrayList<>();
    private boolean isAsking;
    private boolean isStale = true;
    private long answeredNanos;
    private boolean areCommitsKnown;

    SharedTopic(Topic topic, Uuid uuid, Share share, GroupCoordinator coordinator) {
        this.topic = topic;
        this.uuid = uuid;
        this.share = share;
        this.coordinator = coordinator;
    }

    String group() {
        return share.group();
    }

    Share share() {
        return share;
    }

    void topic(Topic altered) {
        topic = altered;
    }

    /** Who owns a lane; null if nobody does, or that is not known. */
    @Nullable LaneOwner owner(int lane) {
        return owners.get(lane);
    }

    /** Has a wish look at who owns what: now, and again when that is known better. */
    void whenKnown(LaneWish wish) {
        synchronized (this) {
            if (areCommitsKnown && !isStale && System.nanoTime() - answeredNanos < FRESH_NANOS) {
                wish.onKnown();
                return;
            }
            waiting.add(wish);
        }
        ask(wish.request().context());
        if (areCommitsKnown()) {
            wish.onKnown();
        }
    }

    private synchronized boolean areCommitsKnown() {
        return areCommitsKnown;
    }

    synchronized void forget(LaneWish wish) {
        waiting.remove(wish);
    }

    /** Has those that wait look again. */
    void ownersChanged() {
        LaneWish first;
        synchronized (this) {
            isStale = true;
            first = waiting.isEmpty() ? null : waiting.get(0);
        }
        if (first != null) {
            ask(first.request().context());
        }
    }

    private void ask(RequestContext context) {
        synchronized (this) {
            if (isAsking) {
                return;
            }
            isAsking = true;
            isStale = false;
        }
        CompletableFuture<?> commits =
                areCommitsKnown() ? CompletableFuture.completedFuture(null) : askCommits(context);
        commits.thenCompose(known -> askOwners(context))
                .whenComplete((known, failure) -> answered(context, failure));
    }

    private void answered(RequestContext context, @Nullable Throwable failure) {
        List<LaneWish> wishes;
        boolean again;
        synchronized (this) {
            isAsking = false;
            answeredNanos = System.nanoTime();
            if (failure == null) {
                areCommitsKnown = true;
            } else {
                isStale = true;
                LOGGER.debug("owners of lanes are not known: topic={}", topic.name(), failure);
            }
            again = isStale && failure == null;
            wishes = List.copyOf(waiting);
            if (!again) {
                waiting.clear();
            }
        }
        if (failure == null) {
            wishes.forEach(LaneWish::onKnown);
        }
        if (again && !wishes.isEmpty()) {
            ask(context);
        }
    }

    private CompletableFuture<?> askCommits(RequestContext context) {
        List<Integer> lanes = IntStream.range(0, topic.partitionCount()).boxed().toList();
        OffsetFetchRequestGroup asked =
                new OffsetFetchRequestGroup()
                        .setGroupId(group())
                        .setTopics(
                                List.of(
                                        new OffsetFetchRequestTopics()
                                                .setName(topic.name())
                                                .setTopicId(uuid)
                                                .setPartitionIndexes(lanes)));
        return coordinator.fetchOffsets(context, asked, false).thenAccept(this::takeCommits);
    }

    private void takeCommits(OffsetFetchResponseGroup found) {
        if (found.errorCode() != Errors.NONE.code()) {
            throw Errors.forCode(found.errorCode()).exception();
        }
        for (OffsetFetchResponseTopics named : found.topics()) {
            for (OffsetFetchResponsePartitions lane : named.partitions()) {
                share.committed(lane.partitionIndex(), Math.max(0, lane.committedOffset()));
            }
        }
    }

    /** A group is of one of two kinds, and each kind has a call of its own. */
    private CompletableFuture<?> askOwners(RequestContext context) {
        return coordinator
                .consumerGroupDescribe(context, List.of(group()))
                .thenCompose(
                        described -> {
                            var of = described.get(0);
                            if (of.errorCode() == Errors.NONE.code()) {
                                owners = owners(of);
                                return CompletableFuture.completedFuture(null);
                            }
                            return coordinator
                                    .describeGroups(context, List.of(group()))
                                    .thenAccept(classic -> take(classic.get(0)));
                        });
    }

    private Map<Integer, LaneOwner> owners(ConsumerGroupDescribeResponseData.DescribedGroup group) {
        Map<Integer, LaneOwner> found = new HashMap<>();
        for (var member : group.members()) {
            LaneOwner owner = new LaneOwner(member.clientId(), member.clientHost());
            for (var assigned : member.assignment().topicPartitions()) {
                if (assigned.topicId().equals(uuid)) {
                    assigned.partitions().forEach(lane -> found.put(lane, owner));
                }
            }
        }
        return found;
    }

    /** While a group is between two assignments, its members keep what they have. */
    private void take(DescribeGroupsResponseData.DescribedGroup group) {
        if (group.errorCode() != Errors.NONE.code()) {
            throw Errors.forCode(group.errorCode()).exception();
        }
        if (!group.members().isEmpty() && !group.groupState().equals(STABLE)) {
            return;
        }
        Map<Integer, LaneOwner> found = new HashMap<>();
        for (var member : group.members()) {
            LaneOwner owner = new LaneOwner(member.clientId(), member.clientHost());
            for (TopicPartition assigned : assignment(member.memberAssignment())) {
                if (assigned.topic().equals(topic.name())) {
                    found.put(assigned.partition(), owner);
                }
            }
        }
        owners = found;
    }

    private static List<TopicPartition> assignment(byte[] encoded) {
        try {
            return encoded.length == 0
                    ? List.of()
                    : ConsumerProtocol.deserializeAssignment(ByteBuffer.wrap(encoded)).partitions();
        } catch (SchemaException | IllegalArgumentException e) {
            return List.of(); // a client's own format under Kafka's name
        }
    }
}
