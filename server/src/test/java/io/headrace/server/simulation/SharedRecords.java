package io.headrace.server.simulation;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** What was sent to the topics below views, and where it stands there. */
final class SharedRecords {
    private static final int ID_LENGTH = Integer.BYTES;

    private final List<Sent> sent = new ArrayList<>();

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
            return "record " + id + " of " + base.name + "-" + partition + "@" + offset;
        }
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
     * Somebody has read this in a view.
     *
     * @param baseOffset the offset that the bytes have in the topic below
     */
    Sent see(long baseOffset, ByteBuffer value) {
        Sent record = identify(value);
        locate(record, baseOffset);
        return record;
    }

    private Sent identify(ByteBuffer value) {
        int id = value.remaining() < ID_LENGTH ? -1 : value.getInt(value.position());
        if (id < 0 || id >= sent.size() || !value.equals(value(sent.get(id)))) {
            throw new SimulationFailure("nobody has sent this: id=" + id);
        }
        return sent.get(id);
    }
}
