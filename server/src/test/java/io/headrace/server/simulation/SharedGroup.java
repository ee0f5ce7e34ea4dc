package io.headrace.server.simulation;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.IntToLongFunction;

/**
 * The group that shares a view, as its coordinator knows it: who owns which lane, what is committed
 * and when something was last. It is not where the engine is, and survives its crashes.
 */
final class SharedGroup {
    static final int NOBODY = -1;

    /** The engine counts in milliseconds, and looks a little later. */
    private static final long SLACK_NS = TimeUnit.MILLISECONDS.toNanos(2);

    private final Random random;
    private final SimulatedMachine machine;
    private final long takeBackNs;
    private final List<Lane> lanes = new ArrayList<>();
    private final List<Member> members = new ArrayList<>();
    private int memberCount;

    /** What the coordinator knows of a lane. */
    private static final class Lane {
        int owner = NOBODY;
        long committed = -1;
        long committedMax;

        /** Nothing was committed beyond what had been since then. */
        long stuckSinceNs;

        /** The least offset that was committed since. */
        long stuckFrom;

        final List<Stuck> stuck = new ArrayList<>();
    }

    /** Offsets that may have been taken back, as nobody committed any of them for so long. */
    private record Stuck(long from, long end) {}

    /** A lane as one who reads it for the group. */
    static final class Hand {
        /** Where it goes on. */
        long position;

        /** What it was given and has not committed. */
        final TreeMap<Long, SharedRecords.Sent> records = new TreeMap<>();

        Hand(long position) {
            this.position = position;
        }

        /** Behind the last record that it was given. */
        long recordsEnd(long otherwise) {
            return records.isEmpty() ? otherwise : records.lastKey() + 1;
        }
    }

    /** A consumer; it may believe that it owns lanes which are others' by now. */
    static final class Member {
        final int number;
        final TreeMap<Integer, Hand> hands = new TreeMap<>();
        boolean isPaused;

        /** It waits for an answer of the engine's. */
        boolean isActing;

        /** It commits behind records only, not where it goes on without any. */
        final boolean isCommittingRecords;

        /** It reads, and commits nothing. */
        boolean isHoarding;

        /** Take back what it waits for. */
        final List<Runnable> withdrawals = new ArrayList<>();

        boolean isWoken;

        Member(int number, boolean isCommittingRecords) {
            this.number = number;
            this.isCommittingRecords = isCommittingRecords;
        }

        Hand hand(int lane) {
            Hand hand = hands.get(lane);
            if (hand == null) {
                throw new IllegalStateException("not in hand: lane=" + lane);
            }
            return hand;
        }

        boolean isWaiting() {
            return !withdrawals.isEmpty();
        }

        void stopWaiting() {
            withdrawals.forEach(Runnable::run);
            forgetServer();
        }

        /** Nobody is there any more who could be told. */
        void forgetServer() {
            withdrawals.clear();
            isWoken = false;
        }
    }

    SharedGroup(Random random, SimulatedMachine machine, long takeBackMs) {
        this.random = random;
        this.machine = machine;
        this.takeBackNs =
                takeBackMs == 0 ? Long.MAX_VALUE : TimeUnit.MILLISECONDS.toNanos(takeBackMs);
    }

    List<Member> members() {
        return members;
    }

    int laneCount() {
        return lanes.size();
    }

    void grow(int laneCount) {
        while (lanes.size() < laneCount) {
            Lane lane = new Lane();
            lane.stuckSinceNs = machine.nanoTime();
            lanes.add(lane);
        }
    }

    /**
     * @param isCommittingRecords whether it commits behind records only
     */
    Member join(boolean isCommittingRecords) {
        Member member = new Member(memberCount++, isCommittingRecords);
        members.add(member);
        return member;
    }

    /** It is gone, and its lanes are nobody's until the next {@link #assign}. */
    void remove(Member member) {
        member.stopWaiting();
        members.remove(member);
        for (Lane lane : lanes) {
            lane.owner = lane.owner == member.number ? NOBODY : lane.owner;
        }
    }

    boolean owns(Member member, int lane) {
        return lanes.get(lane).owner == member.number;
    }

    boolean ownsAny(Member member) {
        return lanes.stream().anyMatch(lane -> lane.owner == member.number);
    }

    /** Offset at which a new owner begins. */
    long committed(int lane) {
        return Math.max(0, lanes.get(lane).committed);
    }

    /** The highest that ever was. */
    long committedMax(int lane) {
        return lanes.get(lane).committedMax;
    }

    /**
     * Gives lanes to members anew. Who loses one commits before, drops it, or does not know of it.
     *
     * @param leaving what a member does with a lane that it hears it has to leave
     */
    void assign(Leaving leaving) {
        for (int number = 0; number < lanes.size() && !members.isEmpty(); number++) {
            Lane lane = lanes.get(number);
            boolean stays = lane.owner != NOBODY && random.nextInt(3) > 0;
            if (!stays) {
                Member next = members.get(random.nextInt(members.size()));
                if (next.number != lane.owner) {
                    leave(number, leaving);
                    lane.owner = next.number;
                    next.hands.put(number, new Hand(committed(number)));
                }
            }
        }
    }

    private void leave(int number, Leaving leaving) {
        for (Member member : members) {
            boolean hears = random.nextInt(4) > 0;
            if (owns(member, number) && hears) {
                leaving.leave(member, number);
                member.hands.remove(number);
            }
        }
    }

    /** Has a member leave a lane. */
    interface Leaving {
        void leave(Member member, int lane);
    }

    /**
     * A member commits; false if it is not its lane any more. What it has in hand before is done.
     *
     * @param end of the lane
     */
    boolean commit(Member member, int number, long offset, long end) {
        if (!owns(member, number)) {
            return false;
        }
        Lane lane = lanes.get(number);
        if (offset > committed(number)) {
            endStuck(lane, end);
            lane.stuckFrom = offset;
        }
        lane.stuckFrom = Math.min(lane.stuckFrom, offset);
        lane.committed = offset;
        lane.committedMax = Math.max(lane.committedMax, offset);
        Hand hand = member.hands.get(number);
        if (hand != null) {
            hand.records.headMap(offset).values().forEach(record -> record.isDone = true);
            hand.records.headMap(offset).clear();
        }
        return true;
    }

    /**
     * A new engine counts the time without a commit from its start on.
     *
     * @param ends of lanes
     */
    void onStart(IntToLongFunction ends) {
        for (int i = 0; i < lanes.size(); i++) {
            endStuck(lanes.get(i), ends.applyAsLong(i));
            lanes.get(i).stuckFrom = committed(i);
        }
    }

    private void endStuck(Lane lane, long end) {
        if (isStuck(lane)) {
            lane.stuck.add(new Stuck(lane.stuckFrom, end));
        }
        lane.stuckSinceNs = machine.nanoTime();
    }

    private boolean isStuck(Lane lane) {
        return takeBackNs != Long.MAX_VALUE
                && machine.nanoTime() - lane.stuckSinceNs >= takeBackNs - SLACK_NS;
    }

    /** Whether the place may have been taken back by now. */
    boolean mayBeTakenBack(SharedPlaces.Place place) {
        Lane lane = lanes.get(place.lane());
        return isStuck(lane) && lane.stuckFrom <= place.offset()
                || lane.stuck.stream()
                        .anyMatch(
                                stuck ->
                                        stuck.from <= place.offset() && place.offset() < stuck.end);
    }
}
