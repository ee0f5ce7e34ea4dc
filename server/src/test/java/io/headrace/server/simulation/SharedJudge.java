package io.headrace.server.simulation;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.server.simulation.SharedRecords.Sent;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/** Reads what a share view and the topics below it have, and judges whether it may be so. */
final class SharedJudge {
    private static final int READS_MAX = 20_000;
    private static final int READ_LENGTH = 1 << 13;

    private final SharedServer server;
    private final SimulatedMachine machine;
    private final SharedRecords records;
    private final SharedPlaces places;
    private final Random random;
    private final Trace trace;

    /** Behind all that a lane has shown to anybody. */
    private final List<Long> shownEnds = new ArrayList<>();

    /** What lanes answered last in place of records. */
    private final Map<Integer, Unavailable> refusals = new TreeMap<>();

    SharedJudge(
            SharedServer server,
            SimulatedMachine machine,
            SharedRecords records,
            SharedPlaces places,
            Random random,
            Trace trace) {
        this.server = server;
        this.machine = machine;
        this.records = records;
        this.places = places;
        this.random = random;
        this.trace = trace;
    }

    /** Whatever a lane has shown to anybody survives each crash. */
    void onStart() {
        for (int i = 0; i < shownEnds.size(); i++) {
            long end = server.lane(SharedSimulation.VIEW, i).recordsEndOffset();
            if (end < shownEnds.get(i)) {
                throw new SimulationFailure(
                        "shown and gone: lane=" + i + " end=" + end + " shown=" + shownEnds.get(i));
            }
        }
    }

    long shownEnd(int lane) {
        while (shownEnds.size() <= lane) {
            shownEnds.add(0L);
        }
        return shownEnds.get(lane);
    }

    Map<Integer, Unavailable> refusals() {
        return refusals;
    }

    /** Asks a lane, as a client does that has asked for it alone. */
    ReadResult read(int lane, long position) {
        ReadResult answer =
                server.read(
                        server.lane(SharedSimulation.VIEW, lane),
                        position,
                        1 << random.nextInt(14));
        if (answer instanceof Unavailable why) {
            trace.note("lane " + lane + " answers " + why, position);
            refusals.put(lane, why);
            if (why == Unavailable.CORRUPT || why == Unavailable.CUT_OUT) {
                throw new SimulationFailure("lane=" + lane + " position=" + position + " " + why);
            }
        }
        return answer;
    }

    /** Takes what a lane answered; returns where to go on. */
    long take(int lane, long asked, RecordsLease answer, Map<Long, Sent> into) {
        long end =
                LaneClient.take(
                        answer,
                        asked,
                        server.lane(SharedSimulation.VIEW, lane).highWatermark(),
                        batch -> take(lane, asked, batch, into));
        trace.note("read lane " + lane + " from " + asked + " to", end);
        shownEnds.set(lane, Math.max(shownEnd(lane), end));
        return end;
    }

    /**
     * A batch that begins, or is asked for, before what was taken back is shown whole, none that is
     * void from there on. Where that is, compaction may have left no record.
     */
    private void take(int lane, long asked, List<LaneClient.Read> batch, Map<Long, Sent> into) {
        boolean isVoid = places.isVoid(lane, Math.max(asked, batch.get(0).baseOffset()));
        for (LaneClient.Read read : batch) {
            Sent record = places.see(lane, read.offset(), read.baseOffset(), read.value());
            into.put(read.offset(), record);
            isVoid &= places.isVoid(lane, read.offset());
        }
        if (isVoid) {
            throw new SimulationFailure("shown although taken back: lane=" + lane + " " + batch);
        }
    }

    /** Reads a lane to its end, for nobody of the group; returns what is there. */
    TreeMap<Long, Sent> readToEnd(int lane, long from) {
        long end = server.lane(SharedSimulation.VIEW, lane).highWatermark();
        long position = from;
        TreeMap<Long, Sent> found = new TreeMap<>();
        for (int reads = 0; position < end; reads++) {
            if (reads > READS_MAX) {
                throw new SimulationFailure("cannot be read: lane=" + lane + " at=" + position);
            }
            try (ReadResult answer = read(lane, position)) {
                server.checkAlive();
                if (answer instanceof RecordsLease lease) {
                    position = take(lane, position, lease, found);
                } else {
                    server.step(); // out of reach for a moment, as while a mode changes
                }
            }
        }
        return found;
    }

    /** Each partition comes in order, as long as nothing is taken back. */
    static void checkOrder(int lane, TreeMap<Long, Sent> found) {
        Map<String, Sent> last = new HashMap<>();
        for (Sent record : found.values()) {
            Sent before = last.put(record.base.name + "-" + record.partition, record);
            if (before != null && before.offset() >= record.offset()) {
                throw new SimulationFailure(
                        "out of order: lane=" + lane + " " + before + " before " + record);
            }
        }
    }

    /** Whatever is there was given to a member that got it done. */
    void checkDone(SharedBase base) {
        Topic topic = server.topic(base.name);
        for (int i = 0; i < topic.partitionCount(); i++) {
            PartitionLog log = server.log(topic, i);
            if (log == null) {
                throw new SimulationFailure("out of reach: topic=" + base.name);
            }
            TreeMap<Long, Sent> there = readBelow(base, log);
            for (Sent record : there.values()) {
                if (!record.isDone) {
                    throw new SimulationFailure("never given to anybody: " + record);
                }
            }
            if (base.isLasting) {
                checkKept(base.known(i).tailMap(log.logStartOffset()), there);
            }
        }
    }

    private static void checkKept(Map<Long, Sent> known, TreeMap<Long, Sent> there) {
        for (Sent record : known.values()) {
            if (record.isAcknowledged && !there.containsKey(record.offset())) {
                throw new SimulationFailure("lost below: " + record);
            }
        }
    }

    private TreeMap<Long, Sent> readBelow(SharedBase base, PartitionLog log) {
        TreeMap<Long, Sent> there = new TreeMap<>();
        long position = log.logStartOffset();
        for (int reads = 0; position < log.highWatermark(); reads++) {
            if (reads > READS_MAX) {
                throw new SimulationFailure("cannot be read: topic=" + base.name);
            }
            try (ReadResult answer = server.read(log, position, READ_LENGTH)) {
                if (answer instanceof RecordsLease lease) {
                    position =
                            LaneClient.take(
                                    lease,
                                    position,
                                    log.highWatermark(),
                                    batch -> seeBelow(base, log.partition(), batch, there));
                } else {
                    position = Math.max(position, log.logStartOffset());
                    server.step();
                }
            }
        }
        there.headMap(log.logStartOffset()).clear();
        return there;
    }

    private void seeBelow(
            SharedBase base, int partition, List<LaneClient.Read> batch, Map<Long, Sent> there) {
        for (LaneClient.Read read : batch) {
            there.put(
                    read.offset(), records.seeBelow(base, partition, read.offset(), read.value()));
        }
    }
}
