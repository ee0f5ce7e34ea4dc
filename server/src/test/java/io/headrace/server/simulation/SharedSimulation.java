package io.headrace.server.simulation;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Unavailable;
import io.headrace.engine.Views.Backlog;
import io.headrace.engine.Views.Share;
import io.headrace.engine.Views.Wish;
import io.headrace.server.simulation.SharedGroup.Hand;
import io.headrace.server.simulation.SharedGroup.Member;
import io.headrace.server.simulation.SharedRecords.Sent;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One run of a share view, with producers, the members of a group that come, go and die, and others
 * who read its lanes.
 */
final class SharedSimulation extends ViewSimulation {
    static final String VIEW = "shared";

    private static final int TAKE_BACK_MS = 300;

    /** A record takes no less. */
    private static final int RECORD_BYTES_MIN = 11;

    private static final int LANES_MAX = 8;
    private static final int MEMBERS_MAX = 6;
    private static final String MOVING = "moving";
    private static final int[] WINDOWS = {1, 4, 30, 1 << 16};
    private static final int[] STRETCHES_BYTES_MAX = {1, 300, 3000};

    /** What runs have met beside that. */
    static final class Moments extends ViewSimulation.Moments {
        /** Records that were given again. */
        int takenBack;
    }

    private final Moments moments;
    private final SharedGroup group;
    private final SharedPlaces places;
    private final SharedJudge judge;
    private final long windowRecords;
    private final long takeBackMs;
    private final int stretchBytesMax;
    private int laneCount;

    /** The commits of lanes below it were told to this engine. */
    private int knownLanes;

    /** All commit all they have read, whatever their custom. */
    private boolean isEnding;

    /**
     * @param listener hears of every step; null where nobody wants to
     */
    SharedSimulation(
            long seed, MappedArena arena, Moments moments, @Nullable Consumer<String> listener) {
        super(seed, arena, moments, MOVING, any -> SharedServer.Settings.PLAIN, listener);
        this.moments = moments;
        windowRecords = WINDOWS[random.nextInt(WINDOWS.length)];
        takeBackMs = random.nextBoolean() ? TAKE_BACK_MS : 0;
        stretchBytesMax = STRETCHES_BYTES_MAX[random.nextInt(STRETCHES_BYTES_MAX.length)];
        group = new SharedGroup(random, machine, takeBackMs);
        places = new SharedPlaces(records, group::mayBeTakenBack);
        judge = new SharedJudge(server, machine, records, places, random, trace);
        addBases();
        growLanes(1 + random.nextInt(LANES_MAX / 2));
        for (int i = random.nextInt(3); i >= 0; i--) {
            join();
        }
        group.assign((member, lane) -> {});
    }

    private void addBases() {
        bases.add(new SharedBase("lasting", Map.of(), true, false));
        List<SharedBase> others =
                List.of(
                        new SharedBase(
                                "hybrid",
                                Map.of(MODE, "hybrid", "headrace.spill.ms", "10"),
                                false,
                                false),
                        new SharedBase("memory", Map.of(MODE, "memory"), false, false),
                        new SharedBase(MOVING, Map.of(), false, false),
                        new SharedBase("brief", Map.of("retention.ms", "3000"), false, false),
                        new SharedBase(
                                "keyed",
                                Map.of("cleanup.policy", "compact", "max.compaction.lag.ms", "1"),
                                false,
                                true));
        for (SharedBase other : others) {
            if (random.nextInt(3) == 0) {
                bases.add(other);
            }
        }
    }

    private void growLanes(int count) {
        group.grow(count);
        laneCount = count;
    }

    @Override
    void start(boolean isLast) {
        knownLanes = 0;
        server.start(bases, List.of(new TopicSpec(VIEW, laneCount, viewConfigs())));
        group.onStart(lane -> server.lane(VIEW, lane).recordsEndOffset());
        judge.onStart();
    }

    @Override
    void onDied() {
        group.members().forEach(Member::forgetServer);
    }

    @Override
    void end(boolean isLast) {
        if (isLast || random.nextInt(3) == 0) {
            awaitHandedOut(any(group.members()));
        }
        if (isLast) {
            awaitDone();
            bases.forEach(judge::checkDone);
            moments.takenBack += places.takenBackCount();
        }
        if (isLast || random.nextInt(4) == 0) {
            for (int i = 0; i < laneCount; i++) {
                readLane(i);
            }
        }
    }

    private Map<String, String> viewConfigs() {
        Map<String, String> configs = new HashMap<>();
        configs.put("headrace.view.type", "share");
        configs.put(
                "headrace.view.topics",
                String.join(",", bases.stream().map(base -> base.name).toList()));
        configs.put("headrace.view.group", "workers");
        configs.put("headrace.view.window.records", String.valueOf(windowRecords));
        configs.put("headrace.view.takeback.ms", String.valueOf(takeBackMs));
        return configs;
    }

    // Steps.

    @Override
    void act() {
        int chance = random.nextInt(1000);
        if (chance < 500) {
            server.step();
        } else if (chance < 640) {
            produce(3, 400);
        } else if (chance < 860) {
            act(any(group.members()));
        } else if (chance < 900) {
            read(random.nextInt(laneCount));
        } else if (chance < 905) {
            trace.note("store", "flush");
            server.flushStore();
        } else if (chance < 930) {
            changeMembers();
        } else if (chance < 960) {
            unlessRefused(() -> changeTopics(chance));
        } else {
            machine.pass((long) random.nextInt(400) * 1_000_000);
        }
    }

    private void changeTopics(int chance) {
        if (chance < 942) {
            deleteRecords(any(bases));
        } else if (chance < 948) {
            changeMode();
        } else if (chance < 955) {
            grow();
        } else {
            changeSpace();
        }
    }

    @Override
    void actMeanwhile() {
        if (!server.isViewThere(VIEW)) {
            return;
        }
        if (random.nextBoolean()) {
            produce(3, 400);
        } else {
            act(any(group.members()));
        }
    }

    @Override
    void dieAtWill() {
        if (random.nextInt(12) != 0) {
            return;
        }
        for (int i = 0; i < laneCount; i++) {
            int lane = i;
            dieIfGiven(server.lane(VIEW, i), judge.shownEnd(i), () -> mayBeginAnew(lane));
        }
    }

    private void mayBeginAnew(int lane) {
        if (random.nextBoolean()) {
            beginAnew(lane);
        }
    }

    /** The owner of a lane goes back to what is committed, reads, and commits at once. */
    private void beginAnew(int lane) {
        for (Member member : group.members()) {
            if (group.owns(member, lane)) {
                seekBack(member, lane);
                doing(member, () -> fetch(member));
                commitAll(member);
            }
        }
    }

    private void grow() {
        boolean isView = random.nextBoolean();
        Topic topic = server.topic(isView ? VIEW : any(bases).name);
        if (grow(topic, isView ? LANES_MAX : PARTITIONS_MAX) && isView) {
            growLanes(topic.partitionCount() + 1);
        }
    }

    // The group.

    /**
     * Behind the last record that compaction has left of a batch are offsets without any, which are
     * not committed by who goes by records, and count for the window.
     */
    private Member join() {
        boolean isCompacted = bases.stream().anyMatch(base -> base.isKeyed);
        return group.join(!isCompacted && random.nextBoolean());
    }

    private void changeMembers() {
        int chance = random.nextInt(4);
        List<Member> members = group.members();
        if (chance == 0 && members.size() < MEMBERS_MAX) {
            trace.note("joins", join().number);
        } else if (chance == 1 && members.size() > 1) {
            Member dying = any(members);
            trace.note("dies", dying.number);
            group.remove(dying);
        } else if (chance == 2 && members.size() > 1) {
            Member leaving = any(members);
            trace.note("leaves", leaving.number);
            leaving.hands.keySet().forEach(lane -> leave(leaving, lane));
            group.remove(leaving);
        }
        group.assign(this::leave);
    }

    /** Commits before it goes, mostly. */
    private void leave(Member member, int lane) {
        if (random.nextInt(4) > 0) {
            commit(member, lane, member.hand(lane).position);
        }
    }

    /** One that waits for an answer does nothing else meanwhile. */
    private static void doing(Member member, Runnable what) {
        if (!member.isActing) {
            member.isActing = true;
            try {
                what.run();
            } finally {
                member.isActing = false;
            }
        }
    }

    private void act(Member member) {
        doing(member, () -> actOnce(member));
    }

    private void actOnce(Member member) {
        int chance = random.nextInt(100);
        if (member.isPaused) {
            member.isPaused = chance >= 10;
        } else if (chance < 60) {
            fetch(member);
        } else if (chance < 80) {
            commitUnlessHoarding(member);
        } else if (chance < 90 && !member.hands.isEmpty()) {
            actOnLane(member, any(List.copyOf(member.hands.keySet())));
        } else if (chance < 95) {
            member.isHoarding = !member.isHoarding;
        } else {
            trace.note("pauses", member.number);
            member.stopWaiting();
            member.isPaused = true;
        }
    }

    private void seekBack(Member member, int lane) {
        Hand hand = member.hand(lane);
        trace.note("seeks back in lane", lane);
        hand.position = group.committed(lane);
        hand.records.clear();
    }

    private void commitUnlessHoarding(Member member) {
        if (!member.isHoarding) {
            commitAll(member);
        }
    }

    private void actOnLane(Member member, int lane) {
        Hand hand = member.hand(lane);
        long committed = group.committed(lane);
        int chance = random.nextInt(5);
        if (chance == 0) {
            seekBack(member, lane);
        } else if (chance == 1) {
            commit(member, lane, random.nextInt((int) hand.position + 1));
            if (member.isCommittingRecords) {
                seekBack(member, lane); // or it would not commit again what it has read already
            }
        } else if (hand.position > committed) {
            commit(member, lane, committed + random.nextInt((int) (hand.position - committed)) + 1);
        }
    }

    private void commitAll(Member member) {
        for (int lane : List.copyOf(member.hands.keySet())) {
            Hand hand = member.hand(lane);
            long committed = group.committed(lane);
            boolean byRecords = member.isCommittingRecords && !isEnding;
            long offset = byRecords ? hand.recordsEnd(committed) : hand.position;
            if (offset != committed && !commit(member, lane, offset)) {
                trace.note("has lost lane", lane);
                member.hands.remove(lane);
            }
        }
    }

    /** False if the lane is another's by now. */
    private boolean commit(Member member, int lane, long offset) {
        if (!group.commit(member, lane, offset, server.lane(VIEW, lane).recordsEndOffset())) {
            return false;
        }
        trace.note("commits in lane " + lane, offset);
        server.share(VIEW).committed(new int[] {lane}, new long[] {offset}, new int[] {lane});
        return true;
    }

    /** Asks for all its lanes, and waits if there is nothing in any. */
    private void fetch(Member member) {
        if (!isQuiet && member.isWaiting() && !member.isWoken && random.nextInt(3) > 0) {
            return;
        }
        member.stopWaiting();
        List<Integer> atEnd = new ArrayList<>();
        boolean isFound = false;
        for (int lane : List.copyOf(member.hands.keySet())) {
            try (ReadResult answer = judge.read(lane, member.hand(lane).position)) {
                server.checkAlive();
                take(member, lane, answer);
                isFound |= answer instanceof RecordsLease;
                if (answer == Unavailable.CAUGHT_UP) {
                    atEnd.add(lane);
                }
            }
        }
        if (isFound) {
            server.share(VIEW).wishAhead(wish(member.hands.keySet()));
        } else if (!atEnd.isEmpty()) {
            await(member, atEnd);
        }
    }

    private void take(Member member, int lane, ReadResult answer) {
        Hand hand = member.hand(lane);
        if (answer instanceof RecordsLease lease) {
            hand.position = judge.take(lane, hand.position, lease, hand.records);
        } else if (answer == Unavailable.OFFSET_OUT_OF_RANGE) {
            throw new SimulationFailure(
                    "position is gone: lane=" + lane + " position=" + hand.position);
        }
    }

    /** Waits at the ends of lanes; the coordinator is asked first what is committed. */
    private void await(Member member, List<Integer> atEnd) {
        if (knownLanes < laneCount) {
            tellCommits();
        }
        Wish wish = wish(atEnd);
        Share share = server.share(VIEW);
        member.withdrawals.add(() -> share.withdraw(wish));
        share.wish(wish);
        Runnable wake = () -> member.isWoken = true;
        for (int lane : atEnd) {
            PartitionLog log = server.lane(VIEW, lane);
            member.withdrawals.add(() -> log.cancel(wake));
            log.onHighWatermark(member.hand(lane).position + 1, wake);
        }
        trace.note("waits", member.number);
    }

    private Wish wish(Collection<Integer> lanes) {
        return new Wish(
                lanes.stream().mapToInt(lane -> lane).toArray(),
                1 + random.nextInt(stretchBytesMax));
    }

    private void tellCommits() {
        int[] lanes = new int[laneCount];
        long[] offsets = new long[laneCount];
        for (int i = 0; i < laneCount; i++) {
            lanes[i] = i;
            offsets[i] = group.committed(i);
        }
        server.share(VIEW).committedBefore(lanes, offsets);
        knownLanes = laneCount;
    }

    // Other readers.

    private void read(int lane) {
        long end = server.lane(VIEW, lane).highWatermark();
        if (random.nextBoolean() || end == 0) {
            readLane(lane);
        } else {
            judge.readToEnd(lane, random.nextInt((int) end));
        }
    }

    /** Reads all of a lane, for nobody of the group. */
    private void readLane(int lane) {
        TreeMap<Long, Sent> found = judge.readToEnd(lane, 0);
        checkWindow(lane, found);
        if (takeBackMs == 0) {
            SharedJudge.checkOrder(lane, found);
        }
    }

    /**
     * What it was given last may go beyond the window, nothing behind that; and a batch that begins
     * before what was taken back is read whole.
     */
    private void checkWindow(int lane, TreeMap<Long, Sent> found) {
        long stretch = Math.max(BATCH_RECORDS_MAX, stretchBytesMax / RECORD_BYTES_MIN);
        long open = found.tailMap(group.committedMax(lane)).size();
        if (open >= windowRecords + stretch + (takeBackMs == 0 ? 0 : BATCH_RECORDS_MAX)) {
            throw new SimulationFailure(
                    "beyond the window: lane=" + lane + " open=" + open + " of=" + windowRecords);
        }
    }

    // The end.

    /**
     * However many others do nothing, one who commits what he is given gets all there is, bit by
     * bit.
     */
    private void awaitHandedOut(Member member) {
        trace.note("await", "all to be handed out");
        long[] left = {Long.MAX_VALUE};
        while (left[0] > 0) {
            long before = left[0];
            server.await(
                    () -> {
                        while (!group.ownsAny(member)) {
                            group.assign(this::leave);
                        }
                        fetch(member);
                        commitAll(member);
                        Backlog backlog = knownLanes == 0 ? null : server.backlog(VIEW);
                        left[0] = backlog == null ? before : backlog.undispatched();
                        return left[0] < before;
                    },
                    () -> "more is handed out: " + state());
        }
    }

    /** Everything is given and done, and both parts of the backlog go to zero. */
    private void awaitDone() {
        trace.note("await", "all to be done");
        isEnding = true;
        group.assign(this::leave);
        server.await(this::isAllDone, () -> "all done: " + state());
    }

    private boolean isAllDone() {
        for (Member member : group.members()) {
            fetch(member);
            commitAll(member);
        }
        for (int i = 0; i < laneCount; i++) {
            if (group.committed(i) != server.lane(VIEW, i).highWatermark()) {
                return false;
            }
        }
        return new Backlog(0, 0).equals(server.backlog(VIEW));
    }

    private String state() {
        StringBuilder state = new StringBuilder().append(server.backlog(VIEW));
        for (int i = 0; i < laneCount; i++) {
            state.append(" lane ").append(i);
            state.append(" committed=").append(group.committed(i));
            state.append(" highWatermark=").append(server.lane(VIEW, i).highWatermark());
            state.append(" answers=").append(judge.refusals().get(i));
        }
        return state.append(" window=").append(windowRecords).toString();
    }
}
