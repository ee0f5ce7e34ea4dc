package io.headrace.kafka.group;

import io.headrace.engine.Topic;
import io.headrace.engine.Views.Share;
import io.headrace.engine.Views.Wish;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
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
 * and since when. Asked again when a request may have changed it, and when somebody waits and it
 * was said a while ago: members that die change it too.
 *
 * <p>Thread-safe.
 */
final class SharedTopic {
    private static final Logger LOGGER = LoggerFactory.getLogger(SharedTopic.class);

    /** What was said is taken for true so long, unless something has happened. */
    private static final long FRESH_NANOS = 1_000_000_000L;

    private static final long RETRY_MS = 100;

    private static final String STABLE = "Stable";

    private final Uuid uuid;
    private final Share share;
    private final GroupCoordinator coordinator;
    private final LongSupplier nanoTime;
    private volatile Topic topic;

    /** As the coordinator said last. */
    private volatile List<Member> members = List.of();

    // guarded by this

    /** Fetches that wait at the ends of lanes. */
    private final Set<LaneWish> waiting = new LinkedHashSet<>();

    private boolean isAsking;
    private boolean isStale = true;
    private long answeredNanos;

    /** Lanes below it are known as far as they are committed. */
    private int knownLanes;

    private record Member(String id, String clientId, BitSet lanes) {}

    /**
     * @param nanoTime as {@link System#nanoTime}
     */
    SharedTopic(
            Topic topic,
            Uuid uuid,
            Share share,
            GroupCoordinator coordinator,
            LongSupplier nanoTime) {
        this.topic = topic;
        this.uuid = uuid;
        this.share = share;
        this.coordinator = coordinator;
        this.nanoTime = nanoTime;
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

    /** As far as it is known who owns what; whoever is told nothing waits next time. */
    void wishAhead(String clientId, int[] asked, int[] atEnd, int lengthMax) {
        Wish wish = share.hasPlenty() ? wish(clientId, asked, atEnd, lengthMax) : null;
        if (wish != null) {
            share.wishAhead(wish);
        }
    }

    /** What somebody of that client id may wish for who asks for these lanes; null for nothing. */
    @Nullable Wish wish(String clientId, int[] asked, int[] atEnd, int lengthMax) {
        BitSet owned = owned(clientId, asked);
        int[] lanes =
                owned == null ? new int[0] : Arrays.stream(atEnd).filter(owned::get).toArray();
        return lanes.length == 0 ? null : new Wish(lanes, lengthMax);
    }

    /**
     * The lanes of the member of that client id who owns most of these, and a quarter at least: a
     * member that was given three others beside him still asks for what he had.
     */
    private @Nullable BitSet owned(String clientId, int[] lanes) {
        BitSet found = null;
        long most = Math.max(1, lanes.length / 4) - 1;
        for (Member member : members) {
            if (member.clientId.equals(clientId)) {
                long count = Arrays.stream(lanes).filter(member.lanes::get).count();
                if (count > most) {
                    most = count;
                    found = member.lanes;
                }
            }
        }
        return found;
    }

    /** The lanes of a member, as far as it is known: a copy. */
    BitSet lanesOf(String memberId) {
        for (Member member : members) {
            if (member.id.equals(memberId)) {
                return (BitSet) member.lanes.clone();
            }
        }
        return new BitSet();
    }

    /** Has a wish look at who owns what: now, and whenever that is known better. */
    void add(LaneWish wish) {
        boolean isKnown;
        boolean isFresh;
        synchronized (this) {
            waiting.add(wish);
            isKnown = knownLanes >= topic.partitionCount();
            isFresh = isKnown && !isStale && nanoTime.getAsLong() - answeredNanos < FRESH_NANOS;
        }
        if (isKnown) {
            wish.make();
        }
        if (!isFresh) {
            ask(wish.request().context());
        }
    }

    synchronized void remove(LaneWish wish) {
        waiting.remove(wish);
    }

    /** Has those that wait look again. */
    void ownersChanged() {
        LaneWish first;
        synchronized (this) {
            isStale = true;
            first = waiting.isEmpty() ? null : waiting.iterator().next();
        }
        if (first != null) {
            ask(first.request().context());
        }
    }

    private void ask(RequestContext context) {
        int lanes;
        boolean areCommitsKnown;
        synchronized (this) {
            if (isAsking) {
                return;
            }
            isAsking = true;
            isStale = false;
            lanes = topic.partitionCount();
            areCommitsKnown = knownLanes >= lanes;
        }
        CompletableFuture<?> answer;
        try {
            answer =
                    areCommitsKnown
                            ? askOwners(context)
                            : askCommits(context, lanes).thenCompose(k -> askOwners(context));
        } catch (RuntimeException failed) {
            answer = CompletableFuture.failedFuture(failed);
        }
        var unused = answer.whenComplete((known, failure) -> answered(context, lanes, failure));
    }

    private void answered(RequestContext context, int lanes, @Nullable Throwable failure) {
        List<LaneWish> wishes;
        boolean again;
        synchronized (this) {
            isAsking = false;
            answeredNanos = nanoTime.getAsLong();
            again = isStale && failure == null;
            if (failure == null) {
                knownLanes = Math.max(knownLanes, lanes);
            } else {
                isStale = true; // asked again with the next fetch
            }
            wishes = List.copyOf(waiting);
        }
        if (failure != null) {
            LOGGER.debug("owners of lanes are not known: topic={}", topic.name(), failure);
            askLater(wishes);
            return;
        }
        wishes.forEach(LaneWish::look);
        if (again && !wishes.isEmpty()) {
            ask(context);
        }
    }

    /** The coordinator may be loading: those who wait need not ask again themselves. */
    private void askLater(List<LaneWish> wishes) {
        if (wishes.isEmpty()) {
            return;
        }
        try {
            wishes.get(0)
                    .request()
                    .eventLoop()
                    .schedule(this::ownersChanged, RETRY_MS, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException closing) {
            // the shell is closed, and the requests with it
        }
    }

    private CompletableFuture<?> askCommits(RequestContext context, int laneCount) {
        List<Integer> lanes = IntStream.range(0, laneCount).boxed().toList();
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
            List<OffsetFetchResponsePartitions> all = named.partitions();
            share.committedBefore(
                    all.stream().mapToInt(OffsetFetchResponsePartitions::partitionIndex).toArray(),
                    all.stream().mapToLong(lane -> Math.max(0, lane.committedOffset())).toArray());
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
                                members = members(of);
                                return CompletableFuture.completedFuture(null);
                            }
                            return coordinator
                                    .describeGroups(context, List.of(group()))
                                    .thenAccept(classic -> take(classic.get(0)));
                        });
    }

    private List<Member> members(ConsumerGroupDescribeResponseData.DescribedGroup group) {
        List<Member> found = new ArrayList<>();
        for (var member : group.members()) {
            BitSet lanes = new BitSet();
            for (var assigned : member.assignment().topicPartitions()) {
                if (assigned.topicId().equals(uuid)) {
                    assigned.partitions().forEach(lanes::set);
                }
            }
            found.add(new Member(member.memberId(), member.clientId(), lanes));
        }
        return found;
    }

    /** While a group is between two assignments, its members keep what they have. */
    private void take(DescribeGroupsResponseData.DescribedGroup group) {
        Errors error = Errors.forCode(group.errorCode());
        if (error != Errors.NONE && error != Errors.GROUP_ID_NOT_FOUND) {
            throw error.exception();
        }
        if (!group.members().isEmpty() && !group.groupState().equals(STABLE)) {
            return;
        }
        List<Member> found = new ArrayList<>();
        for (var member : group.members()) {
            BitSet lanes = new BitSet();
            for (TopicPartition assigned : assignment(member.memberAssignment())) {
                if (assigned.topic().equals(topic.name())) {
                    lanes.set(assigned.partition());
                }
            }
            found.add(new Member(member.memberId(), member.clientId(), lanes));
        }
        members = found;
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
