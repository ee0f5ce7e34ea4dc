package io.headrace.server.simulation;

import io.headrace.server.simulation.SharedRecords.Sent;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;

/**
 * Where in the partitions of a view records were seen, by whomever: each offset shows one record,
 * or none, for ever; each record has one place, unless it was taken back from the others.
 */
final class SharedPlaces {
    private final SharedRecords records;
    private final Predicate<Place> mayBeTakenBack;

    /** What each offset has shown; by lane. */
    private final List<TreeMap<Long, Sent>> lanes = new ArrayList<>();

    private final Map<Sent, List<Place>> places = new HashMap<>();

    /** Places that are void: the record was seen elsewhere since. */
    private final Set<Place> voids = new HashSet<>();

    private int takenBackCount;

    /** An offset of a lane. */
    record Place(int lane, long offset) {}

    /**
     * @param mayBeTakenBack whether what was given there may have been given to another lane since
     */
    SharedPlaces(SharedRecords records, Predicate<Place> mayBeTakenBack) {
        this.records = records;
        this.mayBeTakenBack = mayBeTakenBack;
    }

    /**
     * Somebody has read this in a lane.
     *
     * @param baseOffset the offset that the bytes have in the topic below
     */
    Sent see(int lane, long offset, long baseOffset, ByteBuffer value) {
        Sent record = records.see(baseOffset, value);
        Sent before = shown(lane).putIfAbsent(offset, record);
        if (before != null && before != record) {
            throw new SimulationFailure(
                    "lane "
                            + lane
                            + " shows two records at offset "
                            + offset
                            + ": "
                            + before
                            + " and "
                            + record);
        }
        if (before == null) {
            List<Place> all = places.computeIfAbsent(record, sent -> new ArrayList<>(1));
            all.add(new Place(lane, offset));
            checkPlaces(record, all);
        }
        return record;
    }

    private void checkPlaces(Sent record, List<Place> all) {
        List<Place> good = all.stream().filter(mayBeTakenBack.negate()).toList();
        if (good.size() > 1) {
            throw new SimulationFailure("given twice, and never taken back: " + record + all);
        }
        if (good.size() == 1 && all.size() > 1) {
            voids.addAll(all);
            voids.removeAll(good);
            takenBackCount++;
        }
    }

    /** Whether anybody has read it. */
    boolean has(Sent record) {
        return places.containsKey(record);
    }

    /** Whether somebody else was given it since, so that nobody is to read it there any more. */
    boolean isVoid(int lane, long offset) {
        return voids.contains(new Place(lane, offset));
    }

    /** Records that were seen in one lane and then in another. */
    int takenBackCount() {
        return takenBackCount;
    }

    private TreeMap<Long, Sent> shown(int lane) {
        while (lanes.size() <= lane) {
            lanes.add(new TreeMap<>());
        }
        return lanes.get(lane);
    }
}
