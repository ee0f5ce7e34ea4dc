package io.headrace.kafka.group;

import io.headrace.kafka.KafkaRequest;
import io.netty.util.concurrent.EventExecutor;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.function.Supplier;
import org.apache.kafka.common.protocol.ApiMessage;
import org.jspecify.annotations.Nullable;

/**
 * Answers heartbeats that there is nothing to say to only when there is, or when they have waited
 * long enough: members learn of a rebalance at once, and not with their next heartbeat.
 *
 * <p>Responses leave a connection in the order of its requests. So whatever else it asks has the
 * heartbeat before it answered at once.
 *
 * <p>Thread-safe; a heartbeat is dealt with on its connection's event loop.
 */
final class HeldHeartbeats {
    /** A group of N members is asked anew every N times this, at most: 10,000 of them a second. */
    private static final long PAUSE_PER_MEMBER_NANOS = TimeUnit.MICROSECONDS.toNanos(100);

    /** Groups with the same remainder are taken for one, which costs a question. */
    private static final int MOVES_LENGTH = 1024;

    private final Map<String, Group> groups = new ConcurrentHashMap<>();

    /** How often a group has moved: one that does while a heartbeat is about to wait is noticed. */
    private final AtomicIntegerArray moves = new AtomicIntegerArray(MOVES_LENGTH);

    /**
     * What a heartbeat is answered.
     *
     * @param isNews whether the member has to do something about it
     */
    record Answer(ApiMessage message, boolean isNews) {}

    /** Those of a group that wait. */
    private static final class Group {
        final Set<Held> held = ConcurrentHashMap.newKeySet();
        final AtomicBoolean isAskSoon = new AtomicBoolean();
        volatile long askedNanos = System.nanoTime() - TimeUnit.HOURS.toNanos(1);
    }

    /** A heartbeat that waits; belongs to its event loop. */
    private final class Held {
        final String group;
        final KafkaRequest request;
        final Supplier<CompletableFuture<Answer>> coordinator;
        final Runnable whenAbandoned;
        private Answer answer;
        private @Nullable Future<?> timer;

        /** What it is told has to reach the member: it would not be told again. */
        private boolean isAsking;

        private boolean isDue;
        private boolean isAskedAgain;
        private boolean isDone;

        Held(
                String group,
                KafkaRequest request,
                Answer answer,
                Supplier<CompletableFuture<Answer>> coordinator,
                Runnable whenAbandoned) {
            this.group = group;
            this.request = request;
            this.answer = answer;
            this.coordinator = coordinator;
            this.whenAbandoned = whenAbandoned;
        }

        void begin(long ms) {
            request.onAbandoned(this::abandon);
            request.whenFollowed(this::due);
            if (!isDone) {
                timer = later(request.eventLoop(), ms, this::due);
            }
        }

        void due() {
            isDue = true;
            if (!isAsking && !isDone) {
                end();
                request.respond(answer.message());
            }
        }

        void ask() {
            if (isDone) {
                return;
            }
            if (isAsking) {
                isAskedAgain = true; // what is being answered may be of before
                return;
            }
            isAsking = true;
            CompletableFuture<Answer> asked;
            try {
                asked = coordinator.get();
            } catch (RuntimeException e) {
                onSaid(null, e);
                return;
            }
            var unused =
                    asked.whenComplete(
                            (@Nullable Answer said, @Nullable Throwable failure) ->
                                    later(request.eventLoop(), 0, () -> onSaid(said, failure)));
        }

        private void onSaid(@Nullable Answer said, @Nullable Throwable failure) {
            isAsking = false;
            if (isDone) {
                return;
            }
            if (said == null) {
                end();
                request.fail(GroupHandlers.causeOf(failure));
                return;
            }
            answer = said;
            if (said.isNews() || isDue) {
                due();
            } else if (isAskedAgain) {
                isAskedAgain = false;
                ask();
            }
        }

        private void abandon() {
            end();
            whenAbandoned.run();
        }

        private void end() {
            isDone = true;
            if (timer != null) {
                timer.cancel(false);
            }
            groups.computeIfPresent(
                    group,
                    (name, all) -> {
                        all.held.remove(this);
                        return all.held.isEmpty() ? null : all;
                    });
        }
    }

    /** How often the group has moved; read before the coordinator is asked. */
    int moves(String group) {
        return moves.get(slot(group));
    }

    private static int slot(String group) {
        return Math.floorMod(group.hashCode(), MOVES_LENGTH);
    }

    /**
     * Answers a heartbeat, at once or later.
     *
     * @param answer what the coordinator has just said
     * @param movesBefore {@link #moves} before it was asked
     * @param ms how long there may be nothing to say; 0 answers at once
     * @param coordinator asked anew when the group has changed
     * @param whenAbandoned called if the connection closes while it waits
     */
    void answer(
            String group,
            KafkaRequest request,
            Answer answer,
            int movesBefore,
            long ms,
            Supplier<CompletableFuture<Answer>> coordinator,
            Runnable whenAbandoned) {
        if (ms == 0 || answer.isNews()) {
            request.respond(answer.message());
            return;
        }
        later(
                request.eventLoop(),
                0,
                () -> {
                    if (!request.isAlone() || !request.park()) {
                        request.respond(answer.message());
                        return;
                    }
                    Held held = new Held(group, request, answer, coordinator, whenAbandoned);
                    groups.compute(
                            group,
                            (name, all) -> {
                                Group of = all == null ? new Group() : all;
                                of.held.add(held);
                                return of;
                            });
                    held.begin(ms);
                    if (moves(group) != movesBefore) {
                        held.ask();
                    }
                });
    }

    /**
     * A group is about to give its partitions to others, perhaps: asks again for all that wait.
     * Called once the coordinator has been told what moves it.
     *
     * @param eventLoop where it waits if the group was asked just now; any
     */
    void groupMoves(EventExecutor eventLoop, String name) {
        moves.incrementAndGet(slot(name));
        Group group = groups.get(name);
        if (group == null || !group.isAskSoon.compareAndSet(false, true)) {
            return;
        }
        long dueNanos = group.askedNanos + group.held.size() * PAUSE_PER_MEMBER_NANOS;
        long pauseNanos = dueNanos - System.nanoTime();
        Runnable ask =
                () -> {
                    group.isAskSoon.set(false);
                    group.askedNanos = System.nanoTime();
                    group.held.forEach(held -> later(held.request.eventLoop(), 0, held::ask));
                };
        if (pauseNanos <= 0) {
            ask.run();
        } else {
            later(eventLoop, TimeUnit.NANOSECONDS.toMillis(pauseNanos) + 1, ask);
        }
    }

    private static @Nullable Future<?> later(EventExecutor eventLoop, long ms, Runnable task) {
        try {
            if (ms > 0) {
                return eventLoop.schedule(task, ms, TimeUnit.MILLISECONDS);
            }
            eventLoop.execute(task);
        } catch (RejectedExecutionException closing) {
            // the shell is closed, and nobody waits for the answer
        }
        return null;
    }
}
