package io.headrace.kafka.group;

import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.RequestHandler;
import io.headrace.kafka.RequestHandlers;
import io.headrace.kafka.group.HeldHeartbeats.Answer;
import io.headrace.kafka.group.LostMembers.Member;
import io.headrace.kafka.group.LostMembers.Standing;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ConsumerGroupDescribeRequestData;
import org.apache.kafka.common.message.ConsumerGroupDescribeResponseData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ConsumerGroupHeartbeatResponseData;
import org.apache.kafka.common.message.DeleteGroupsRequestData;
import org.apache.kafka.common.message.DeleteGroupsResponseData;
import org.apache.kafka.common.message.DescribeGroupsRequestData;
import org.apache.kafka.common.message.DescribeGroupsResponseData;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.HeartbeatResponseData;
import org.apache.kafka.common.message.JoinGroupRequestData;
import org.apache.kafka.common.message.LeaveGroupRequestData;
import org.apache.kafka.common.message.LeaveGroupRequestData.MemberIdentity;
import org.apache.kafka.common.message.ListGroupsRequestData;
import org.apache.kafka.common.message.SyncGroupRequestData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.ConsumerGroupHeartbeatRequest;
import org.apache.kafka.common.requests.JoinGroupResponse;
import org.apache.kafka.common.requests.LeaveGroupRequest;
import org.apache.kafka.common.requests.LeaveGroupResponse;
import org.apache.kafka.common.requests.RequestContext;
import org.apache.kafka.common.requests.SyncGroupRequest;
import org.apache.kafka.common.utils.internals.BufferSupplier;
import org.apache.kafka.coordinator.group.GroupCoordinator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers the requests of group members and of those who look after groups.
 *
 * <p>Called on event loops; what may wait goes to a thread of the groups' first. Answers are given
 * on the coordinator's thread.
 */
public final class GroupHandlers {
    private static final Logger LOGGER = LoggerFactory.getLogger(GroupHandlers.class);
    private static final String CONSUMER = "consumer";

    /** Until it is known: what clients have by default is 3 s. */
    private static final long CLASSIC_HEARTBEAT_INTERVAL_MS = 10_000;

    /** Software whose heartbeats may wait: it does not wait for their answers itself. */
    private static final Set<String> CLIENTS_THAT_WAIT =
            Set.of(
                    "apache-kafka-java",
                    "librdkafka",
                    "confluent-kafka-python",
                    "confluent-kafka-go",
                    "confluent-kafka-dotnet");

    /** Of these, who sends a classic member's heartbeat also if the one before is not answered. */
    private static final String SENDS_BEFORE_ANSWERED = "apache-kafka-java";

    /** So many times as long as others' its classic heartbeats wait, unless the next comes. */
    private static final int FOLLOWED_HOLDS = 2;

    /** What somebody is told who is no member, by whatever name he asked. */
    private static final Set<Errors> NO_MEMBER =
            EnumSet.of(
                    Errors.UNKNOWN_MEMBER_ID, Errors.FENCED_INSTANCE_ID, Errors.GROUP_ID_NOT_FOUND);

    /** From this version of JoinGroup on a member is given its name before it joins. */
    private static final short NAMED_FIRST_SINCE = 4;

    private final Groups groups;
    private final GroupCoordinator coordinator;
    private final OffsetHandlers offsets;
    private final LostMembers lostMembers;
    private final HeldHeartbeats heartbeats = new HeldHeartbeats();

    /** Handlers for these groups. */
    public GroupHandlers(Groups groups) {
        this.groups = groups;
        this.coordinator = groups.coordinator();
        this.offsets = new OffsetHandlers(groups);
        this.lostMembers =
                new LostMembers(
                        groups.lostMemberMs(),
                        groups.heartbeatIntervalMs(),
                        CLASSIC_HEARTBEAT_INTERVAL_MS,
                        System::nanoTime,
                        this::leaveFor);
    }

    /**
     * Registers a handler for each API that concerns groups.
     *
     * @param started asked with each request: the handlers of the groups, or null as long as those
     *     are being started; clients are told to retry then
     */
    public static void register(
            RequestHandlers handlers, Supplier<@Nullable GroupHandlers> started) {
        handlers.register(
                        ApiKeys.FIND_COORDINATOR,
                        new CoordinatorFinder(
                                key -> isLoaded(started.get(), key),
                                (request, group) -> looksUp(started.get(), request, group)))
                .register(ApiKeys.JOIN_GROUP, gated(started, GroupHandlers::joinGroup))
                .register(ApiKeys.SYNC_GROUP, gated(started, GroupHandlers::syncGroup))
                .register(ApiKeys.HEARTBEAT, gated(started, GroupHandlers::heartbeat))
                .register(ApiKeys.LEAVE_GROUP, gated(started, GroupHandlers::leaveGroup))
                .register(
                        ApiKeys.CONSUMER_GROUP_HEARTBEAT,
                        gated(started, GroupHandlers::consumerGroupHeartbeat))
                .register(
                        ApiKeys.CONSUMER_GROUP_DESCRIBE,
                        gated(started, GroupHandlers::consumerGroupDescribe))
                .register(ApiKeys.LIST_GROUPS, gated(started, GroupHandlers::listGroups))
                .register(ApiKeys.DESCRIBE_GROUPS, gated(started, GroupHandlers::describeGroups))
                .register(ApiKeys.DELETE_GROUPS, gated(started, GroupHandlers::deleteGroups))
                .register(ApiKeys.OFFSET_COMMIT, gated(started, (g, r) -> g.offsets.commit(r)))
                .register(ApiKeys.OFFSET_FETCH, gated(started, (g, r) -> g.offsets.fetch(r)))
                .register(ApiKeys.OFFSET_DELETE, gated(started, (g, r) -> g.offsets.delete(r)));
    }

    private static boolean isLoaded(@Nullable GroupHandlers handlers, String group) {
        return handlers != null && handlers.groups.isLoaded(group);
    }

    private static void looksUp(
            @Nullable GroupHandlers handlers, KafkaRequest request, String group) {
        if (handlers != null) {
            handlers.lostMembers.looksUp(group, request.clientId());
        }
    }

    private static RequestHandler gated(
            Supplier<@Nullable GroupHandlers> started,
            BiConsumer<GroupHandlers, KafkaRequest> handler) {
        return request -> {
            GroupHandlers handlers = started.get();
            if (handlers == null) {
                request.fail(Errors.COORDINATOR_LOAD_IN_PROGRESS);
            } else {
                handler.accept(handlers, request);
            }
        };
    }

    private void joinGroup(KafkaRequest request) {
        request.park(); // the others may take minutes to come
        JoinGroupRequestData data = request.data(JoinGroupRequestData.class);
        if (!data.memberId().isEmpty()) {
            lostMembers.joins(
                    request,
                    new Member(data.groupId(), data.memberId(), true),
                    standing(data.groupInstanceId()),
                    data.sessionTimeoutMs());
        }
        List<String> names = new ArrayList<>();
        if (CONSUMER.equals(data.protocolType())) {
            data.protocols().forEach(p -> names.addAll(ClassicSubscription.topicsOf(p.metadata())));
        }
        whenPlaced(
                request,
                data.groupId(),
                known(request, null), // a new member id each time
                names,
                false,
                () ->
                        groups.withTopics(
                                request,
                                data.groupId(),
                                names,
                                null,
                                () -> joinGroup(request, data)));
    }

    private void joinGroup(KafkaRequest request, JoinGroupRequestData data) {
        var joined = coordinator.joinGroup(request.context(), data, BufferSupplier.NO_CACHING);
        boolean isFirstStep = // it is only given a name, by most versions
                data.memberId().isEmpty() && data.groupInstanceId() == null;
        if (!isFirstStep || request.version() < NAMED_FIRST_SINCE) {
            heartbeats.groupMoves(request.eventLoop(), data.groupId());
        }
        answer(
                request,
                joined,
                response -> {
                    forgetIfNone(
                            new Member(data.groupId(), data.memberId(), true),
                            response.errorCode());
                    return new JoinGroupResponse(response, request.version()).data();
                });
    }

    /** Who is told that he is no member is not waited for, and takes nobody's place. */
    private void forgetIfNone(Member member, short errorCode) {
        if (NO_MEMBER.contains(Errors.forCode(errorCode))) {
            lostMembers.left(member);
        }
    }

    /**
     * By what a member is known when it comes back. Not by its instance id, which is that of the
     * next run too.
     */
    private static Set<String> known(KafkaRequest request, @Nullable String memberId) {
        Set<String> known = new HashSet<>();
        known.add("connection " + request.connectionId().asLongText());
        if (memberId != null && !memberId.isEmpty()) {
            known.add("member " + memberId);
        }
        return known;
    }

    /**
     * Goes on at once, unless somebody is about to read an alias, or the group is half placed: then
     * once the group is in the version in which it should be.
     */
    private void whenPlaced(
            KafkaRequest request,
            String group,
            Set<String> member,
            List<String> names,
            boolean isPattern,
            Runnable then) {
        if (groups.aliasGroups().isPlaced(group, names, isPattern)) {
            then.run();
            return;
        }
        var unused =
                groups.aliasGroups()
                        .place(request.context(), group, member, names, isPattern, then)
                        .whenComplete(
                                (done, failure) -> {
                                    if (failure != null) {
                                        LOGGER.debug("not placed: group={}", group, failure);
                                        request.fail(Errors.COORDINATOR_NOT_AVAILABLE);
                                    }
                                });
    }

    private void syncGroup(KafkaRequest request) {
        if (!((SyncGroupRequest) request.body()).areMandatoryProtocolTypeAndNamePresent()) {
            request.fail(Errors.INCONSISTENT_GROUP_PROTOCOL);
            return;
        }
        request.park(); // the leader's own may come late
        SyncGroupRequestData data = request.data(SyncGroupRequestData.class);
        Member member = new Member(data.groupId(), data.memberId(), true);
        lostMembers.syncs(request, member, standing(data.groupInstanceId()));
        groups.inOrder(
                request,
                data.groupId(),
                () ->
                        answer(
                                request,
                                coordinator.syncGroup(
                                        request.context(), data, BufferSupplier.NO_CACHING),
                                response -> {
                                    forgetIfNone(member, response.errorCode());
                                    groups.laneOwners().groupChanged(data.groupId());
                                    return response;
                                }));
    }

    private void heartbeat(KafkaRequest request) {
        HeartbeatRequestData data = request.data(HeartbeatRequestData.class);
        Member member = new Member(data.groupId(), data.memberId(), true);
        lostMembers.heard(request, member, standing(data.groupInstanceId()));
        groups.inOrder(
                request,
                data.groupId(),
                () ->
                        answerHeartbeat(
                                request,
                                member,
                                classicHoldMs(request.clientSoftware(), member),
                                () ->
                                        coordinator
                                                .heartbeat(request.context(), data)
                                                .thenApply(said -> answerOf(member, said))));
    }

    private long classicHoldMs(String software, Member member) {
        int known = lostMembers.sessionMs(member);
        int sessionMs = known > 0 ? known : groups.sessionMsMin();
        return classicHoldMs(software, sessionMs, groups.heartbeatHoldMs());
    }

    /**
     * A client that sends no other before it has been answered is answered before the next is due,
     * by its defaults. One that does has a heartbeat waiting all the time: each is answered when
     * the next comes, if it waits longer than from one to the next.
     */
    static long classicHoldMs(String software, int sessionMs, long holdMs) {
        boolean isFollowed = SENDS_BEFORE_ANSWERED.equals(software);
        return Math.min(sessionMs / 4, isFollowed ? FOLLOWED_HOLDS * holdMs : holdMs);
    }

    private Answer answerOf(Member member, HeartbeatResponseData response) {
        forgetIfNone(member, response.errorCode());
        return new Answer(response, response.errorCode() != Errors.NONE.code());
    }

    private void answerHeartbeat(
            KafkaRequest request,
            Member member,
            long holdMs,
            Supplier<CompletableFuture<Answer>> ask) {
        int moves = heartbeats.moves(member.group());
        boolean mayWait =
                CLIENTS_THAT_WAIT.contains(request.clientSoftware()) && lostMembers.mayWait(member);
        long ms = mayWait ? holdMs : 0;
        var unused =
                ask.get()
                        .whenComplete(
                                (said, failure) -> {
                                    if (failure != null) {
                                        request.fail(causeOf(failure));
                                        return;
                                    }
                                    heartbeats.answer(
                                            member.group(),
                                            request,
                                            said,
                                            moves,
                                            ms,
                                            ask,
                                            () -> lostMembers.owedAtClose(request, member));
                                });
    }

    private void leaveGroup(KafkaRequest request) {
        LeaveGroupRequest body = (LeaveGroupRequest) request.body();
        for (MemberIdentity member : body.members()) {
            lostMembers.left(new Member(body.data().groupId(), member.memberId(), true));
        }
        groups.inOrder(
                request,
                body.data().groupId(),
                () ->
                        answer(
                                request,
                                coordinator.leaveGroup(request.context(), body.normalizedData()),
                                response -> {
                                    groupMoved(body.data().groupId(), request.eventLoop());
                                    return new LeaveGroupResponse(response, request.version())
                                            .data();
                                }));
    }

    private void consumerGroupHeartbeat(KafkaRequest request) {
        ConsumerGroupHeartbeatRequestData data =
                request.data(ConsumerGroupHeartbeatRequestData.class);
        List<String> names = data.subscribedTopicNames();
        hear(request, data);
        Runnable then = () -> consumerGroupHeartbeat(request, data);
        if (data.memberEpoch() == ConsumerGroupHeartbeatRequest.JOIN_GROUP_MEMBER_EPOCH) {
            String regex = data.subscribedTopicRegex();
            whenPlaced(
                    request,
                    data.groupId(),
                    known(request, data.memberId()),
                    names == null ? List.of() : names,
                    regex != null && !regex.isEmpty(),
                    then);
        } else {
            then.run();
        }
    }

    private void consumerGroupHeartbeat(
            KafkaRequest request, ConsumerGroupHeartbeatRequestData data) {
        List<String> names = data.subscribedTopicNames();
        Member member = new Member(data.groupId(), data.memberId(), false);
        groups.withTopics(
                request,
                data.groupId(),
                names == null ? List.of() : names,
                data.subscribedTopicRegex(),
                () ->
                        answerHeartbeat(
                                request,
                                member,
                                saysNothingNew(data) ? consumerHoldMs() : 0,
                                () ->
                                        coordinator
                                                .consumerGroupHeartbeat(request.context(), data)
                                                .thenApply(
                                                        response ->
                                                                answerOf(
                                                                        request, data, response))));
    }

    /** No longer than from one to the next, as nobody sends another before it is answered. */
    private long consumerHoldMs() {
        return Math.min(groups.heartbeatIntervalMs(), groups.heartbeatHoldMs());
    }

    /** Whether it only says that the member is there. */
    private static boolean saysNothingNew(ConsumerGroupHeartbeatRequestData data) {
        return data.memberEpoch() > ConsumerGroupHeartbeatRequest.JOIN_GROUP_MEMBER_EPOCH
                && data.topicPartitions() == null
                && data.subscribedTopicNames() == null
                && data.subscribedTopicRegex() == null
                && data.rackId() == null
                && data.serverAssignor() == null
                && data.instanceId() == null;
    }

    private Answer answerOf(
            KafkaRequest request,
            ConsumerGroupHeartbeatRequestData data,
            ConsumerGroupHeartbeatResponseData response) {
        Member member = new Member(data.groupId(), response.memberId(), false);
        forgetIfNone(new Member(data.groupId(), data.memberId(), false), response.errorCode());
        boolean isAssigned = response.assignment() != null;
        boolean isDone = data.topicPartitions() != null;
        boolean isLeaving = data.memberEpoch() < 0;
        if (isAssigned || isDone || isLeaving) {
            groups.laneOwners().groupChanged(data.groupId());
        }
        if (isAssigned || isDone) {
            lostMembers.told(member, isAssigned && !hasAll(data, response));
        }
        boolean isNews =
                isAssigned
                        || response.errorCode() != Errors.NONE.code()
                        || response.memberEpoch() != data.memberEpoch();
        if (isNews || isDone || isLeaving) {
            heartbeats.groupMoves(request.eventLoop(), data.groupId());
        }
        return new Answer(response, isNews);
    }

    /** Whether the member has just what it is told to have, so that it says nothing about it. */
    private static boolean hasAll(
            ConsumerGroupHeartbeatRequestData data, ConsumerGroupHeartbeatResponseData told) {
        if (data.topicPartitions() == null) {
            return false;
        }
        Map<Uuid, Set<Integer>> has = new HashMap<>();
        data.topicPartitions().forEach(of -> has.put(of.topicId(), Set.copyOf(of.partitions())));
        Map<Uuid, Set<Integer>> toHave = new HashMap<>();
        told.assignment()
                .topicPartitions()
                .forEach(of -> toHave.put(of.topicId(), Set.copyOf(of.partitions())));
        return has.equals(toHave);
    }

    /** Its lanes have other owners, perhaps, and its members are to hear of it. */
    private void groupMoved(String group, EventExecutor eventLoop) {
        groups.laneOwners().groupChanged(group);
        heartbeats.groupMoves(eventLoop, group);
    }

    private void hear(KafkaRequest request, ConsumerGroupHeartbeatRequestData data) {
        Member member = new Member(data.groupId(), data.memberId(), false);
        if (data.memberEpoch() == ConsumerGroupHeartbeatRequest.LEAVE_GROUP_MEMBER_EPOCH) {
            lostMembers.left(member);
        } else if (!data.memberId().isEmpty()) {
            // What has not changed since is not said again; who says one thing says all.
            boolean saysAll = data.rebalanceTimeoutMs() >= 0 || data.instanceId() != null;
            lostMembers.heard(
                    request, member, saysAll ? standing(data.instanceId()) : Standing.UNSAID);
        }
    }

    private static Standing standing(@Nullable String instanceId) {
        return instanceId == null ? Standing.DYNAMIC : Standing.STATIC;
    }

    /** As the member itself would; an error means that it is none any more. */
    private void leaveFor(RequestContext context, Member member, EventExecutor eventLoop) {
        CompletableFuture<?> left =
                member.isClassic()
                        ? coordinator.leaveGroup(
                                context,
                                new LeaveGroupRequestData()
                                        .setGroupId(member.group())
                                        .setMembers(
                                                List.of(
                                                        new MemberIdentity()
                                                                .setMemberId(member.id()))))
                        : coordinator.consumerGroupHeartbeat(
                                context,
                                new ConsumerGroupHeartbeatRequestData()
                                        .setGroupId(member.group())
                                        .setMemberId(member.id())
                                        .setMemberEpoch(
                                                ConsumerGroupHeartbeatRequest
                                                        .LEAVE_GROUP_MEMBER_EPOCH));
        var unused =
                left.whenComplete(
                        (answer, failure) -> {
                            groupMoved(member.group(), eventLoop);
                            if (failure != null) {
                                LOGGER.debug("not left: {}", member, failure);
                            }
                        });
    }

    private void consumerGroupDescribe(KafkaRequest request) {
        ConsumerGroupDescribeRequestData data =
                request.data(ConsumerGroupDescribeRequestData.class);
        answer(
                request,
                coordinator.consumerGroupDescribe(request.context(), data.groupIds()),
                described -> new ConsumerGroupDescribeResponseData().setGroups(described));
    }

    private void listGroups(KafkaRequest request) {
        ListGroupsRequestData data = request.data(ListGroupsRequestData.class);
        answer(request, coordinator.listGroups(request.context(), data), response -> response);
    }

    private void describeGroups(KafkaRequest request) {
        DescribeGroupsRequestData data = request.data(DescribeGroupsRequestData.class);
        answer(
                request,
                coordinator.describeGroups(request.context(), data.groups()),
                described -> new DescribeGroupsResponseData().setGroups(described));
    }

    private void deleteGroups(KafkaRequest request) {
        List<String> ids =
                request.data(DeleteGroupsRequestData.class).groupsNames().stream()
                        .distinct()
                        .toList();
        answer(
                request,
                coordinator.deleteGroups(request.context(), ids, BufferSupplier.NO_CACHING),
                results -> new DeleteGroupsResponseData().setResults(results));
    }

    /** Answers a request when the coordinator has. */
    static <T> void answer(
            KafkaRequest request, CompletableFuture<T> future, Function<T, ApiMessage> toResponse) {
        var unused =
                future.whenComplete(
                        (result, failure) -> {
                            if (failure == null) {
                                respond(request, result, toResponse);
                            } else {
                                request.fail(causeOf(failure));
                            }
                        });
    }

    private static <T> void respond(
            KafkaRequest request, T result, Function<T, ApiMessage> toResponse) {
        ApiMessage response;
        try {
            response = toResponse.apply(result);
        } catch (RuntimeException e) {
            request.fail(e); // who asked would wait for ever
            return;
        }
        request.respond(response);
    }

    static @Nullable Throwable causeOf(@Nullable Throwable failure) {
        Throwable cause = failure == null ? null : failure.getCause();
        return failure instanceof CompletionException && cause != null ? cause : failure;
    }
}
