package io.headrace.server.simulation;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;

/**
 * What was sent to the topics below a share view, and where in its lanes it was seen, by whomever:
 * each offset of a lane shows one record, or none, for ever; each record has one place, unless it
 * was taken back from the others.
 */
final class SharedRecords {
    private static final int ID_LENGTH = Integer.BYTES;

    private final List<Sent> sent = new ArrayList<>();

    /** What each offset has shown; by lane. */
    private final List<TreeMap<Long, Sent>> lanes = new ArrayList<>();

    private final Predicate<Place> mayBeTakenBack;
    private int takenBackCount;

    /** An offset of a lane. */
    record Place(int lane, long offset) {}

    /** A record. */
    static final class Sent {
        private static final int UNKNOWN = -1;

        final int id;
        final SharedBase base;
        final int partition;
        private final int length;
        private long offset = UNKNOWN;
        boolean isAcknowledged;

        /** A member of the group had it, and committed what is behind it. */
        boolean isDone;

        private final List<Place> places = new ArrayList<>(1);

        /** Places that are void: it was seen elsewhere since. */
        private final Set<Place> voids = new HashSet<>();

        private Sent(int id, SharedBase base, int partition, int length) {
            this.id = id;
            this.base = base;
            this.partition = partition;
            this.length = length;
        }

        /** Where it is in the topic below; negative if nobody was told. */
        long offset() {
            return offset;
        }

        @Override
        public String toString() {
            return "record " + id + " of " + base.name + "-" + partition + "@" + offset + places;
        }
    }

    /**
     * @param mayBeTakenBack whether what was given there may have been given to another lane since
     */
    SharedRecords(Predicate<Place> mayBeTakenBack) {
        this.mayBeTakenBack = mayBeTakenBack;
    }

    Sent send(SharedBase base, int partition, int length) {
        Sent next = new Sent(sent.size(), base, partition, Math.max(ID_LENGTH, length));
        sent.add(next);
        return next;
    }

    List<Sent> all() {
        return sent;
    }

    /** Its bytes, which follow from its number and its length. */
    static ByteBuffer value(Sent record) {
        byte[] value = new byte[record.length];
        new Random(record.id).nextBytes(value);
        return ByteBuffer.wrap(value).putInt(0, record.id);
    }

    void acknowledge(Sent record, long offset) {
        record.isAcknowledged = true;
        locate(record, offset);
    }

    /** It stands at that offset of the topic below, and nothing else does. */
    private static void locate(Sent record, long offset) {
        Sent other = record.base.known(record.partition).putIfAbsent(offset, record);
        if (other != null && other != record) {
            throw new SimulationFailure("one offset, two records: " + other + " and " + record);
        }
        if (record.offset != Sent.UNKNOWN && record.offset != offset) {
            throw new SimulationFailure("at offset " + offset + " as well: " + record);
        }
        record.offset = offset;
    }

    /** Somebody has read this in a topic below. */
    Sent seeBelow(SharedBase base, int partition, long offset, ByteBuffer value) {
        Sent record = identify(value);
        if (record.base != base || record.partition != partition) {
            throw new SimulationFailure(
                    "sent elsewhere: topic=" + base.name + "-" + partition + " found=" + record);
        }
        locate(record, offset);
        return record;
    }

    /**
     * Somebody has read this in a lane.
     *
     * @param baseOffset the offset that the bytes have in the topic below
     */
    Sent see(int lane, long offset, long baseOffset, ByteBuffer value) {
        Sent record = identify(value);
        locate(record, baseOffset);
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
            record.places.add(new Place(lane, offset));
            checkPlaces(record);
        }
        return record;
    }

    private void checkPlaces(Sent record) {
        List<Place> good = record.places.stream().filter(mayBeTakenBack.negate()).toList();
        if (good.size() > 1) {
            throw new SimulationFailure("given twice, and never taken back: " + record);
        }
        if (good.size() == 1 && record.places.size() > 1) {
            record.voids.addAll(record.places);
            record.voids.removeAll(good);
            takenBackCount++;
        }
    }

    /** Whether somebody else was given it since, so that nobody is to read it there any more. */
    boolean isVoid(int lane, long offset) {
        Sent record = shown(lane).get(offset);
        return record != null && record.voids.contains(new Place(lane, offset));
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

    private Sent identify(ByteBuffer value) {
        int id = value.remaining() < ID_LENGTH ? -1 : value.getInt(value.position());
        if (id < 0 || id >= sent.size() || !value.equals(value(sent.get(id)))) {
            throw new SimulationFailure("nobody has sent this: id=" + id);
        }
        return sent.get(id);
    }
}
