package io.headrace.kafka.group;

import io.headrace.kafka.KafkaRequest;
import io.netty.channel.ChannelId;
import io.netty.util.concurrent.EventExecutor;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.apache.kafka.common.requests.RequestContext;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets members leave whose process has ended: its connection closes at once, long before the
 * session times out. Whoever lives connects again for his next heartbeat, so that one is waited for
 * before. A Java client to which an answer was owed looks for its coordinator first, and is waited
 * for only so long unless it does. Static members are not touched: they are expected to come back.
 * Nor is anybody of whom it is not known whether he is static, or who waits for the answer to his
 * JoinGroup.
 *
 * <p>Thread-safe.
 */
final class LostMembers {
    /** Takes a member out of its group. */
    @FunctionalInterface
    interface Leave {
        /** On an event loop. */
        void leave(RequestContext context, Member member, EventExecutor eventLoop);
    }

    /**
     * A member of a group.
     *
     * @param isClassic whether it joined by the classic protocol
     */
    record Member(String group, String id, boolean isClassic) {}

    /** Whether a member is expected to come back; what it does not say is not known. */
    enum Standing {
        STATIC,
        DYNAMIC,
        UNSAID
    }

    private static final Logger LOGGER = LoggerFactory.getLogger(LostMembers.class);

    /**
     * Software whose members ask for their coordinator when their connection breaks while they wait
     * for an answer; if they do not, they may find out when they have something to say.
     */
    private static final String LOOKS_WHEN_OWED = "apache-kafka-java";

    /** A member whose heartbeats are further apart is left to its session. */
    private static final long INTERVAL_MAX_NANOS = TimeUnit.SECONDS.toNanos(30);

    /** What runs so much later than it should was held up, and so is what members have sent. */
    private static final long LATE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    /** So long it is known of a static member that it is one, while it has no connection. */
    private static final long STATIC_KEPT_MS = TimeUnit.HOURS.toMillis(1);

    /** Ends of connections of static members that are remembered, at most. */
    private static final int STATIC_KEPT_MAX = 10_000;

    /** Members of a connection, at most; others are left to their sessions. */
    private static final int MEMBERS_MAX = 64;

    /**
     * Characters of the names of a group, a member and its client; others are left to their
     * sessions.
     */
    private static final int NAMES_LENGTH_MAX = 1024;

    /**
     * Clients that have looked for their coordinator lately, at most: where there are more, all are
     * taken to have.
     */
    private static final int LOOKUPS_MAX = 10_000;

    private static final long LOOKUPS_PURGE_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** So long a look is remembered at least. */
    private static final long LOOKUP_KEPT_MIN_NANOS = TimeUnit.SECONDS.toNanos(10);

    /**
     * So many times the grace a look is remembered: it may be seen that long before the
     * connection's end is, is asked for that long after it, and later if the event loop was held
     * up.
     */
    private static final int LOOKUP_KEPT_GRACES = 4;

    private final long graceNanos;
    private final long lookupKeptNanos;
    private final LongSupplier nanoTime;
    private final long intervalNanos;
    private final long classicIntervalNanos;
    private final Leave leave;
    private final Map<Member, Seen> members = new ConcurrentHashMap<>();

    /** Of each connection that members have used, which ones. */
    private final Map<ChannelId, Set<Member>> byConnection = new ConcurrentHashMap<>();

    /** When clients have looked for their coordinator last. */
    private final Map<Client, Long> lookups = new ConcurrentHashMap<>();

    /** Until when looks may be unknown, as there was no room for one. */
    private volatile long lookupsFullUntilNanos;

    private volatile long lookupsPurgedNanos;
    private final AtomicInteger keptStatic = new AtomicInteger();

    /** What tells clients apart, as well as may be: several may be taken for one. */
    private record Client(String group, String id) {}

    /** How a member was heard of last. */
    private static final class Seen {
        final ChannelId connection;
        final RequestContext context;
        final String clientId;

        /** Whether its client looks for its coordinator when it is not answered. */
        final boolean isLooking;

        /** The connection closed while the answer to a heartbeat was owed. */
        volatile boolean isOwed;

        /** It has been told of partitions, and has not said yet that it has done so. */
        volatile boolean isTold;

        volatile long lastNanos;

        /** Between two heartbeats; as long as none was seen, 0. */
        volatile long longestIntervalNanos;

        /** Said with the first heartbeat, perhaps, and not again. */
        volatile Standing standing = Standing.UNSAID;

        /** What it has asked for as it joined; 0 if that is not known. */
        volatile int sessionMs;

        /** It waits until others have joined, and says nothing meanwhile. */
        volatile boolean isJoining;

        Seen(KafkaRequest request, long nowNanos) {
            this.connection = request.connectionId();
            this.context = request.context();
            this.clientId = request.clientId();
            this.isLooking = LOOKS_WHEN_OWED.equals(request.clientSoftware());
            this.lastNanos = nowNanos;
        }
    }

    /**
     * @param graceMs what is added to the time between two heartbeats; 0 if nobody leaves
     * @param intervalMs between two heartbeats of those whom the server tells it
     * @param classicIntervalMs the same of those who decide themselves, as long as nothing else was
     *     seen
     * @param nanoTime as {@link System#nanoTime}; the event loops' own time
     */
    LostMembers(
            long graceMs,
            long intervalMs,
            long classicIntervalMs,
            LongSupplier nanoTime,
            Leave leave) {
        this.graceNanos = TimeUnit.MILLISECONDS.toNanos(graceMs);
        this.lookupKeptNanos = Math.max(LOOKUP_KEPT_MIN_NANOS, LOOKUP_KEPT_GRACES * graceNanos);
        this.nanoTime = nanoTime;
        this.lookupsFullUntilNanos = nanoTime.getAsLong();
        this.lookupsPurgedNanos = nanoTime.getAsLong();
        this.intervalNanos = TimeUnit.MILLISECONDS.toNanos(intervalMs);
        this.classicIntervalNanos = TimeUnit.MILLISECONDS.toNanos(classicIntervalMs);
        this.leave = leave;
    }

    /** A member has sent a heartbeat. On the request's event loop. */
    void heard(KafkaRequest request, Member member, Standing standing) {
        long nowNanos = nanoTime.getAsLong();
        Seen before = members.get(member);
        Seen seen = seen(request, member, standing, nowNanos);
        if (seen != null) {
            if (seen == before && !seen.isJoining) {
                seen.longestIntervalNanos =
                        Math.max(seen.longestIntervalNanos, nowNanos - seen.lastNanos);
            }
            seen.lastNanos = nowNanos;
            seen.isJoining = false;
        }
    }

    /**
     * As {@link #heard}, of a member that joins: it may wait for others as long as it likes.
     *
     * @param sessionMs after how long without a heartbeat it wants to be put out
     */
    void joins(KafkaRequest request, Member member, Standing standing, int sessionMs) {
        Seen seen = joins(request, member, standing);
        if (seen != null) {
            seen.sessionMs = sessionMs;
            seen.isJoining = true;
        }
    }

    /** As {@link #heard}, of a member that has joined and asks for what it is to have. */
    void syncs(KafkaRequest request, Member member, Standing standing) {
        Seen seen = joins(request, member, standing);
        if (seen != null) {
            seen.isJoining = false;
        }
    }

    private @Nullable Seen joins(KafkaRequest request, Member member, Standing standing) {
        long nowNanos = nanoTime.getAsLong();
        Seen seen = seen(request, member, standing, nowNanos);
        if (seen != null) {
            seen.lastNanos = nowNanos;
        }
        return seen;
    }

    /** What a classic member has asked for as it joined, in ms; 0 if that is not known. */
    int sessionMs(Member member) {
        Seen seen = members.get(member);
        return seen == null ? 0 : seen.sessionMs;
    }

    private @Nullable Seen seen(
            KafkaRequest request, Member member, Standing standing, long nowNanos) {
        Seen seen = members.get(member);
        if (seen == null || !seen.connection.equals(request.connectionId())) {
            seen = meet(request, member, seen, nowNanos);
        }
        if (seen != null && standing != Standing.UNSAID) {
            seen.standing = standing;
        }
        return seen;
    }

    private @Nullable Seen meet(
            KafkaRequest request, Member member, @Nullable Seen before, long nowNanos) {
        int length = member.group.length() + member.id.length() + request.clientId().length();
        Set<Member> known = length > NAMES_LENGTH_MAX ? null : membersOf(request);
        if (known == null || known.size() >= MEMBERS_MAX) {
            if (before != null) {
                members.remove(member, before); // it lives, and is left to its session
            }
            return null;
        }
        Seen seen = new Seen(request, nowNanos);
        if (before != null) {
            seen.longestIntervalNanos = before.longestIntervalNanos;
            seen.standing = before.standing;
            seen.sessionMs = before.sessionMs;
            seen.isTold = before.isTold;
        }
        known.add(member);
        members.put(member, seen);
        return seen;
    }

    private Set<Member> membersOf(KafkaRequest request) {
        ChannelId connection = request.connectionId();
        Set<Member> known = byConnection.get(connection);
        if (known == null) {
            known = byConnection.computeIfAbsent(connection, c -> ConcurrentHashMap.newKeySet());
            EventExecutor eventLoop = request.eventLoop();
            request.onDisconnected(() -> onDisconnected(connection, eventLoop));
        } else if (known.size() >= MEMBERS_MAX) {
            known.removeIf(member -> !isAt(connection, member));
        }
        return known;
    }

    private boolean isAt(ChannelId connection, Member member) {
        Seen seen = members.get(member);
        return seen != null && seen.connection.equals(connection);
    }

    /** A client looks for its group's coordinator. */
    void looksUp(String group, String clientId) {
        if (group.length() + clientId.length() > NAMES_LENGTH_MAX) {
            return; // of nobody who is put out because it does not
        }
        long nowNanos = nanoTime.getAsLong();
        if (lookups.size() >= LOOKUPS_MAX && nowNanos - lookupsPurgedNanos > LOOKUPS_PURGE_NANOS) {
            lookupsPurgedNanos = nowNanos;
            lookups.values().removeIf(nanos -> nowNanos - nanos > lookupKeptNanos);
        }
        if (lookups.size() < LOOKUPS_MAX) {
            lookups.put(new Client(group, clientId), nowNanos);
        } else {
            lookupsFullUntilNanos = nowNanos + lookupKeptNanos;
        }
    }

    private boolean hasLookedUp(Member member, Seen seen, long sinceNanos) {
        Long lastNanos = lookups.get(new Client(member.group, seen.clientId));
        return lookupsFullUntilNanos - nanoTime.getAsLong() > 0
                || lastNanos != null && lastNanos - sinceNanos >= 0;
    }

    /** A connection is closing on which a member waits for the answer to a heartbeat. */
    void owedAtClose(KafkaRequest request, Member member) {
        Seen seen = members.get(member);
        if (seen != null && seen.connection.equals(request.connectionId())) {
            seen.isOwed = true;
        }
    }

    /** A member is told of partitions, or has said that it has done as it was told. */
    void told(Member member, boolean isTold) {
        Seen seen = members.get(member);
        if (seen != null) {
            seen.isTold = isTold;
        }
    }

    /**
     * Whether a heartbeat may wait: not if its member is about to say something, or to stay away.
     */
    boolean mayWait(Member member) {
        Seen seen = members.get(member);
        return seen != null && !seen.isTold && seen.standing != Standing.STATIC;
    }

    /** A member has left by itself, or is none any more. */
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
        long known = seen.longestIntervalNanos;
        long first = member.isClassic ? classicIntervalNanos : intervalNanos;
        long interval = known == 0 || !member.isClassic ? Math.max(known, first) : known;
        if (seen.standing == Standing.STATIC) {
            keepStatic(member, seen, eventLoop);
        } else if (graceNanos == 0
                || seen.standing == Standing.UNSAID
                || seen.isJoining
                || interval > INTERVAL_MAX_NANOS) {
            members.remove(member, seen);
        } else {
            leaveAfter(interval, member, seen, eventLoop);
        }
    }

    private void keepStatic(Member member, Seen seen, EventExecutor eventLoop) {
        if (keptStatic.incrementAndGet() > STATIC_KEPT_MAX) {
            keptStatic.decrementAndGet();
            members.remove(member, seen);
            return;
        }
        later(
                eventLoop,
                STATIC_KEPT_MS,
                () -> {
                    keptStatic.decrementAndGet();
                    members.remove(member, seen);
                });
    }

    private void leaveAfter(long intervalNanos, Member member, Seen seen, EventExecutor eventLoop) {
        if (!seen.isLooking || !seen.isOwed) {
            in(
                    intervalNanos + graceNanos,
                    eventLoop,
                    () -> leaveUnlessBack(member, seen, eventLoop));
            return;
        }
        long sinceNanos = nanoTime.getAsLong() - graceNanos;
        in(
                graceNanos,
                eventLoop,
                () -> {
                    if (hasLookedUp(member, seen, sinceNanos)) {
                        in(
                                intervalNanos,
                                eventLoop,
                                () -> leaveUnlessBack(member, seen, eventLoop));
                    } else {
                        leaveUnlessBack(member, seen, eventLoop);
                    }
                });
    }

    /** Does something once that time has passed; later if this itself comes late. */
    private void in(long nanos, EventExecutor eventLoop, Runnable task) {
        long dueNanos = nanoTime.getAsLong() + nanos;
        later(
                eventLoop,
                TimeUnit.NANOSECONDS.toMillis(nanos),
                () -> {
                    if (nanoTime.getAsLong() - dueNanos > LATE_NANOS) {
                        in(graceNanos, eventLoop, task);
                    } else {
                        task.run();
                    }
                });
    }

    private static void later(EventExecutor eventLoop, long ms, Runnable task) {
        try {
            eventLoop.schedule(task, ms, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException closing) {
            // the shell is closed, and the groups with it
        }
    }

    private void leaveUnlessBack(Member member, Seen seen, EventExecutor eventLoop) {
        if (members.remove(member, seen)) {
            LOGGER.info(
                    "a member's connection has closed and it has not come back: group={} member={}",
                    member.group,
                    member.id);
            leave.leave(seen.context, member, eventLoop);
        }
    }
}
