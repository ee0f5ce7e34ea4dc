package io.headrace.server.simulation;

import io.headrace.engine.EngineException;
import io.headrace.engine.OutOfSpaceException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.Views.Backlog;
import io.headrace.engine.Views.Share;
import io.headrace.engine.Views.Wish;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.server.simulation.SharedGroup.Hand;
import io.headrace.server.simulation.SharedGroup.Member;
import io.headrace.server.simulation.SharedRecords.Sent;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One run of a share view: some lives of a {@link SharedServer}, each ended in some way, with
 * producers, the members of a group that come, go and die, and others who read its lanes. A run is
 * a function of its seed.
 */
final class SharedSimulation {
    private static final int LIVES_MAX = 4;
    private static final int STEPS_MAX = 500;
    private static final int SHORT_BYTES = 3 << 19;
    private static final int FULL_BYTES = 100_000;
    private static final int TAKE_BACK_MS = 300;
    private static final int BATCH_RECORDS_MAX = 12;

    /** A record takes no less. */
    private static final int RECORD_BYTES_MIN = 11;

    private static final int LANES_MAX = 8;
    private static final int PARTITIONS_MAX = 4;
    private static final int MEMBERS_MAX = 6;
    private static final int KEYS = 4;
    private static final String MODE = "headrace.storage.mode";
    private static final String MOVING = "moving";
    private static final String[] MODES = {"persistent", "hybrid", "memory"};
    private static final int[] WINDOWS = {1, 4, 30, 1 << 16};
    private static final int[] STRETCHES_BYTES_MAX = {1, 300, 3000};

    /** What runs have met, for those who look whether all is met. */
    static final class Moments {
        /** Deaths with a reference that was not synced. */
        int appended;

        /** Deaths with a synced reference that nobody had been shown. */
        int synced;

        /** Records that were given again. */
        int takenBack;
    }

    private final Random random;
    private final Trace trace;
    private final SimulatedMachine machine;
    private final MappedArena arena;
    private final Moments moments;
    private final List<SharedBase> bases = new ArrayList<>();
    private final SharedGroup group;
    private final SharedRecords records;
    private final SharedServer server;
    private final SharedJudge judge;
    private final long windowRecords;
    private final long takeBackMs;
    private final int stretchBytesMax;
    private int laneCount;
    private final ByteBuffer batchBuffer = ByteBuffer.allocateDirect(8 << 10);
    private int life;

    /** The commits of lanes below it were told to this engine. */
    private int knownLanes;

    private boolean isSpaceShort;
    private boolean isInClients;
    private boolean isQuiet;

    /** All commit all they have read, whatever their custom. */
    private boolean isEnding;

    /**
     * @param listener hears of every step; null where nobody wants to
     */
    SharedSimulation(
            long seed, MappedArena arena, Moments moments, @Nullable Consumer<String> listener) {
        this.arena = arena;
        this.moments = moments;
        random = new Random(seed * 0x9E3779B97F4A7C15L);
        trace = new Trace(listener);
        machine = new SimulatedMachine(trace, new Random(random.nextLong()), arena);
        windowRecords = WINDOWS[random.nextInt(WINDOWS.length)];
        takeBackMs = random.nextBoolean() ? TAKE_BACK_MS : 0;
        stretchBytesMax = STRETCHES_BYTES_MAX[random.nextInt(STRETCHES_BYTES_MAX.length)];
        group = new SharedGroup(random, machine, takeBackMs);
        records = new SharedRecords(group::mayBeTakenBack);
        server = new SharedServer(machine, random, trace, this::actWhileWaiting);
        judge = new SharedJudge(server, machine, records, random, trace);
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

    /** Runs to the end. Returns the hash of all that happened. */
    long run() {
        try {
            int lives = 1 + random.nextInt(LIVES_MAX);
            for (life = 1; life <= lives; life++) {
                live(false);
            }
            live(true);
            moments.takenBack += records.takenBackCount();
            return trace.hash();
        } finally {
            server.release();
            arena.reset();
        }
    }

    private void live(boolean isLast) {
        machine.begin();
        isSpaceShort = false;
        knownLanes = 0;
        boolean endsClean = isLast || random.nextInt(4) == 0;
        if (!endsClean) {
            machine.dieAt(1 + random.nextInt(random.nextInt(3) == 0 ? 150 : 2500));
        }
        trace.note("life", life);
        try {
            server.start(bases, laneCount, viewConfigs());
            group.onStart(lane -> server.lane(lane).recordsEndOffset());
            judge.onStart();
            for (int steps = random.nextInt(STEPS_MAX); steps > 0; steps--) {
                act();
                if (!endsClean) {
                    dieHandingOut();
                }
            }
            end(isLast);
        } catch (SimulatedCrash e) {
            crash();
        } catch (EngineException | UncheckedIOException e) {
            if (!machine.isDead()) {
                throw e;
            }
            crash();
        }
        machine.die();
        machine.pass(random.nextInt(1_000_000_000));
        group.members().forEach(Member::forgetServer);
        server.release();
    }

    private void end(boolean isLast) {
        if (isSpaceShort) {
            changeSpace();
        }
        isQuiet = true;
        if (isLast || random.nextInt(3) == 0) {
            awaitHandedOut(any(group.members()));
        }
        if (isLast) {
            awaitDone();
            bases.forEach(judge::checkDone);
        }
        if (isLast || random.nextInt(4) == 0) {
            for (int i = 0; i < laneCount; i++) {
                readLane(i);
            }
        }
        isQuiet = false;
        server.close();
        trace.note("closed", life);
    }

    private void crash() {
        isQuiet = false;
        boolean isPowerCut = random.nextBoolean();
        trace.note("crash", isPowerCut ? "power" : "kill");
        if (isPowerCut) {
            machine.cutPower();
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

    private void act() {
        server.checkAlive();
        int chance = random.nextInt(1000);
        if (chance < 500) {
            server.step();
        } else if (chance < 640) {
            produce();
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
            try {
                changeTopics(chance);
            } catch (OutOfSpaceException e) {
                trace.note("refused", "for lack of space");
            }
        } else {
            machine.pass((long) random.nextInt(400) * 1_000_000);
        }
    }

    private void changeTopics(int chance) {
        if (chance < 942) {
            deleteRecords();
        } else if (chance < 948) {
            changeMode();
        } else if (chance < 955) {
            grow();
        } else {
            changeSpace();
        }
    }

    /** What clients do while somebody in the engine waits. */
    private void actWhileWaiting() {
        if (!isInClients && !isQuiet && server.isViewThere()) {
            isInClients = true;
            try {
                if (random.nextBoolean()) {
                    produce();
                } else {
                    act(any(group.members()));
                }
            } finally {
                isInClients = false;
            }
        }
    }

    /** Dies between a reference and its sync, or between that and whoever reads it. */
    private void dieHandingOut() {
        if (random.nextInt(12) != 0) {
            return;
        }
        for (int i = 0; i < laneCount; i++) {
            PartitionLog lane = server.lane(i);
            boolean isAppended = lane.recordsEndOffset() > lane.highWatermark();
            boolean isSynced = lane.highWatermark() > judge.shownEnd(i);
            if (isAppended || isSynced && random.nextInt(8) == 0) {
                moments.appended += isAppended ? 1 : 0;
                moments.synced += isAppended ? 0 : 1;
                if (random.nextBoolean()) {
                    beginAnew(i);
                }
                trace.note("killed with a reference of lane", i);
                machine.die();
                throw new SimulatedCrash("handing out");
            }
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

    private void produce() {
        SharedBase base = any(bases);
        Topic topic = server.topic(base.name);
        int partition = random.nextInt(topic.partitionCount());
        PartitionLog log = server.log(topic, partition);
        if (log == null) {
            return;
        }
        Sent[] sent = new Sent[1 + random.nextInt(random.nextInt(3) == 0 ? BATCH_RECORDS_MAX : 2)];
        int length = random.nextInt(4) == 0 ? 400 : 30;
        for (int i = 0; i < sent.length; i++) {
            sent[i] = records.send(base, partition, 1 + random.nextInt(length));
        }
        long offset = log.append(batch(base, sent), machine.clockMs());
        trace.note("append " + base.name + "-" + partition, offset);
        if (offset >= 0 && !machine.isDead()) {
            int startedIn = life;
            log.onHighWatermark(
                    offset + sent.length, () -> acknowledge(log, offset, sent, startedIn));
        }
    }

    private ByteBuffer batch(SharedBase base, Sent[] sent) {
        ByteBuffer buffer = batchBuffer.clear();
        long nowMs = machine.clockMs();
        RecordBatchWriter writer = new RecordBatchWriter().begin(buffer, nowMs);
        for (Sent record : sent) {
            ByteBuffer key = ByteBuffer.allocate(1).put(0, (byte) (record.id % KEYS));
            writer.append(nowMs, base.isKeyed ? key : null, SharedRecords.value(record));
        }
        writer.end();
        return buffer.flip();
    }

    private void acknowledge(PartitionLog log, long offset, Sent[] sent, int startedIn) {
        boolean isThere = log.highWatermark() >= offset + sent.length;
        if (machine.isDead() || startedIn != life || !isThere) {
            return;
        }
        for (int i = 0; i < sent.length; i++) {
            records.acknowledge(sent[i], offset + i);
        }
    }

    private void deleteRecords() {
        SharedBase base = any(bases);
        Topic topic = server.topic(base.name);
        PartitionLog log = server.log(topic, random.nextInt(topic.partitionCount()));
        if (log == null || log.highWatermark() <= log.logStartOffset()) {
            return;
        }
        long span = log.highWatermark() - log.logStartOffset();
        long target = log.logStartOffset() + 1 + random.nextInt((int) span);
        trace.note("delete records of " + base.name + "-" + log.partition(), target);
        server.await(log.deleteRecords(target));
    }

    private void changeMode() {
        if (bases.stream().noneMatch(base -> base.name.equals(MOVING))) {
            return;
        }
        String mode = MODES[random.nextInt(MODES.length)];
        trace.note("change mode to", mode);
        server.alter(server.topic(MOVING), Map.of(MODE, mode));
    }

    private void grow() {
        boolean isView = random.nextBoolean();
        Topic topic = isView ? server.view() : server.topic(any(bases).name);
        int count = topic.partitionCount() + 1;
        if (count > (isView ? LANES_MAX : PARTITIONS_MAX)) {
            return;
        }
        trace.note("grow " + topic.name(), count);
        if (server.grow(topic, count).topic() != null && isView) {
            growLanes(count);
        }
    }

    private void changeSpace() {
        isSpaceShort = !isSpaceShort;
        machine.usableBytes(
                isSpaceShort ? random.nextBoolean() ? SHORT_BYTES : FULL_BYTES : Long.MAX_VALUE);
        trace.note("space is short", String.valueOf(isSpaceShort));
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
        if (!group.commit(member, lane, offset, server.lane(lane).recordsEndOffset())) {
            return false;
        }
        trace.note("commits in lane " + lane, offset);
        server.share().committed(new int[] {lane}, new long[] {offset}, new int[] {lane});
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
            server.share().wishAhead(wish(member.hands.keySet()));
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
        Share share = server.share();
        member.withdrawals.add(() -> share.withdraw(wish));
        share.wish(wish);
        Runnable wake = () -> member.isWoken = true;
        for (int lane : atEnd) {
            PartitionLog log = server.lane(lane);
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
        server.share().committedBefore(lanes, offsets);
        knownLanes = laneCount;
    }

    // Other readers.

    private void read(int lane) {
        long end = server.lane(lane).highWatermark();
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
                        Backlog backlog = knownLanes == 0 ? null : server.backlog();
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
            if (group.committed(i) != server.lane(i).highWatermark()) {
                return false;
            }
        }
        return new Backlog(0, 0).equals(server.backlog());
    }

    private String state() {
        StringBuilder state = new StringBuilder().append(server.backlog());
        for (int i = 0; i < laneCount; i++) {
            state.append(" lane ").append(i);
            state.append(" committed=").append(group.committed(i));
            state.append(" highWatermark=").append(server.lane(i).highWatermark());
            state.append(" answers=").append(judge.refusals().get(i));
        }
        return state.append(" window=").append(windowRecords).toString();
    }

    private <T> T any(List<T> of) {
        return of.get(random.nextInt(of.size()));
    }
}
