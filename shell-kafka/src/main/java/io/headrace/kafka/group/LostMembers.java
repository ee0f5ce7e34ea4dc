package io.headrace.kafka.group;

import io.headrace.kafka.KafkaRequest;
import io.netty.channel.ChannelId;
import io.netty.util.concurrent.EventExecutor;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.requests.RequestContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets members leave whose process has ended: its connection closes at once, long before the
 * session times out. Whoever lives connects again for his next heartbeat, so that one is waited for
 * before. Static members are not touched: they are expected to come back.
 *
 * <p>Thread-safe.
 */
final class LostMembers {
    /** Takes a member out of its group. */
    @FunctionalInterface
    interface Leave {
        void leave(RequestContext context, Member member);
    }

    /**
     * A member of a group.
     *
     * @param isClassic whether it joined by the classic protocol
     */
    record Member(String group, String id, boolean isClassic) {}

    private static final Logger LOGGER = LoggerFactory.getLogger(LostMembers.class);

    /** What is added to the time between two heartbeats, for connecting again. */
    private static final long RECONNECT_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /** A member whose heartbeats are further apart is left to its session. */
    private static final long INTERVAL_MAX_NANOS = TimeUnit.SECONDS.toNanos(30);

    private final long intervalNanos;
    private final long classicIntervalNanos;
    private final Leave leave;
    private final Map<Member, Seen> members = new ConcurrentHashMap<>();

    /** Of each connection that members have used, which ones. */
    private final Map<ChannelId, Set<Member>> byConnection = new ConcurrentHashMap<>();

    /** How a member was heard of last. */
    private static final class Seen {
        final ChannelId connection;
        final RequestContext context;
        volatile long lastNanos;
        volatile long longestIntervalNanos;

        /** Said with the first heartbeat, perhaps, and not again. */
        volatile boolean isStatic;

        Seen(ChannelId connection, RequestContext context, long nowNanos, long intervalNanos) {
            this.connection = connection;
            this.context = context;
            this.lastNanos = nowNanos;
            this.longestIntervalNanos = intervalNanos;
        }
    }

    /**
     * @param intervalMs between two heartbeats of those whom the server tells it
     * @param classicIntervalMs the same of those who decide themselves, as long as nothing else was
     *     seen
     */
    LostMembers(long intervalMs, long classicIntervalMs, Leave leave) {
        this.intervalNanos = TimeUnit.MILLISECONDS.toNanos(intervalMs);
        this.classicIntervalNanos = TimeUnit.MILLISECONDS.toNanos(classicIntervalMs);
        this.leave = leave;
    }

    /**
     * A member has sent a heartbeat. On the request's event loop.
     *
     * @param isStatic whether it says that it is a static one
     */
    void heard(KafkaRequest request, Member member, boolean isStatic) {
        heard(request, member, isStatic, true);
    }

    /**
     * As {@link #heard}, of what else it sends: who joins may wait for others as long as it likes.
     */
    void joins(KafkaRequest request, Member member, boolean isStatic) {
        heard(request, member, isStatic, false);
    }

    private void heard(KafkaRequest request, Member member, boolean isStatic, boolean isHeartbeat) {
        Seen seen = seen(request, member, isHeartbeat);
        if (isStatic) {
            seen.isStatic = true;
        }
    }

    private Seen seen(KafkaRequest request, Member member, boolean isHeartbeat) {
        long nowNanos = System.nanoTime();
        ChannelId connection = request.connectionId();
        Seen seen = members.get(member);
        if (seen != null && seen.connection.equals(connection)) {
            if (isHeartbeat) {
                seen.longestIntervalNanos =
                        Math.max(seen.longestIntervalNanos, nowNanos - seen.lastNanos);
            }
            seen.lastNanos = nowNanos;
            return seen;
        }
        long interval = member.isClassic ? classicIntervalNanos : intervalNanos;
        Seen heard =
                new Seen(
                        connection,
                        request.context(),
                        nowNanos,
                        seen == null ? interval : seen.longestIntervalNanos);
        heard.isStatic = seen != null && seen.isStatic;
        members.put(member, heard);
        noteConnection(request, member);
        return heard;
    }

    private void noteConnection(KafkaRequest request, Member member) {
        ChannelId connection = request.connectionId();
        Set<Member> known = byConnection.get(connection);
        if (known == null) {
            known = byConnection.computeIfAbsent(connection, c -> ConcurrentHashMap.newKeySet());
            known.add(member);
            EventExecutor eventLoop = request.eventLoop();
            request.onDisconnected(() -> onDisconnected(connection, eventLoop));
        } else {
            known.add(member);
        }
    }

    /** A member has left by itself. */
    void left(Member member) {
        Seen seen = members.remove(member);
        Set<Member> known = seen == null ? null : byConnection.get(seen.connection);
        if (known != null) {
            known.remove(member);
        }
    }

    private void onDisconnected(ChannelId connection, EventExecutor eventLoop) {
        Set<Member> known = byConnection.remove(connection);
        if (known == null) {
            return;
        }
        for (Member member : known) {
            Seen seen = members.get(member);
            if (seen != null && seen.connection.equals(connection)) {
                leaveLater(member, seen, eventLoop);
            }
        }
    }

    private void leaveLater(Member member, Seen seen, EventExecutor eventLoop) {
        long interval = seen.longestIntervalNanos;
        if (seen.isStatic || interval > INTERVAL_MAX_NANOS) {
            members.remove(member, seen);
            return;
        }
        try {
            eventLoop.schedule(
                    () -> leaveUnlessBack(member, seen),
                    interval + RECONNECT_NANOS,
                    TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException closing) {
            // the shell is closed, and the groups with it
        }
    }

    private void leaveUnlessBack(Member member, Seen seen) {
        if (members.remove(member, seen)) {
            LOGGER.info(
                    "a member's connection has closed and it has not come back: group={} member={}",
                    member.group,
                    member.id);
            leave.leave(seen.context, member);
        }
    }
}
