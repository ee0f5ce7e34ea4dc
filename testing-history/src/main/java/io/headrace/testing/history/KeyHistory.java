package io.headrace.testing.history;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What is sent to a compacted partition, whose log keeps what is acknowledged, and the check of
 * what is found: of each key the newest record that is known, or a newer one. An older one may go
 * at any time, and never comes back; nor does a key of which the newest is a tombstone, that may
 * have gone itself.
 *
 * <p>Records are sent by one producer at a time, which is idempotent. Something is kept of each
 * that may be there. Thread-safe.
 */
public final class KeyHistory {
    /** So that no value is taken for one of a {@link PartitionHistory}. */
    private static final int PARTITION = 1 << 20;

    private final History history;
    private final String name;

    /** All that may be there, by number. */
    private final TreeMap<Long, Sent> there = new TreeMap<>();

    /** Of each key the newest that was acknowledged or read, be it gone by now. */
    private final Map<Integer, Sent> known = new HashMap<>();

    /**
     * Of each key the numbers of tombstones that may have come to be there, and have gone again:
     * all but those that a reading has missed. Of those that are known the newest will do.
     */
    private final Map<Integer, TreeSet<Long>> tombstones = new HashMap<>();

    private long nextNumber;

    /** Behind all offsets that are known. */
    private long endOffset;

    private long goneCount;

    /** A record that was sent. */
    public static final class Sent {
        private final long number;
        private final int key;
        private final boolean isTombstone;

        /** Its offset is not below. */
        private final long offsetMin;

        private long offset = -1;

        private Sent(long number, int key, boolean isTombstone, long offsetMin) {
            this.number = number;
            this.key = key;
            this.isTombstone = isTombstone;
            this.offsetMin = offsetMin;
        }

        /** By which it is known, and which it has to carry: a tombstone has no value. */
        public long number() {
            return number;
        }

        public int key() {
            return key;
        }

        @Override
        public String toString() {
            return (isTombstone ? "tombstone " : "record ") + number + " key=" + key;
        }
    }

    KeyHistory(History history, String name) {
        this.history = history;
        this.name = name;
    }

    /** Called before it is sent. */
    public Sent send(int key, boolean isTombstone) {
        synchronized (history) {
            Sent sent = new Sent(nextNumber++, key, isTombstone, endOffset);
            there.put(sent.number, sent);
            if (isTombstone) {
                tombstonesOf(key).add(sent.number);
            }
            return sent;
        }
    }

    /** What it has to have; null for a tombstone. */
    public byte @Nullable [] value(Sent sent, int length) {
        return sent.isTombstone
                ? null
                : Payload.of(PARTITION, sent.number, Math.max(length, Payload.LENGTH_MIN));
    }

    public void acknowledged(Sent sent, long offset) {
        synchronized (history) {
            history.count();
            known(sent, offset);
        }
    }

    private void known(Sent sent, long offset) {
        if (sent.offset >= 0 && sent.offset != offset) {
            add(Anomaly.OFFSET_CONFLICT, offset, sent + " was at " + sent.offset);
        } else if (offset < sent.offsetMin) {
            add(Anomaly.OFFSET_WENT_BACK, offset, sent + " was sent behind " + sent.offsetMin);
        }
        sent.offset = offset;
        endOffset = Math.max(endOffset, offset + 1);
        known.merge(sent.key, sent, (one, other) -> one.number > other.number ? one : other);
        if (sent.isTombstone) {
            tombstonesOf(sent.key).headSet(sent.number).clear();
        }
    }

    private TreeSet<Long> tombstonesOf(int key) {
        return tombstones.computeIfAbsent(key, none -> new TreeSet<>());
    }

    /** Begins to read all that is there, at a time when nobody sends anything. */
    public Reading read() {
        return new Reading();
    }

    /**
     * Records that were known, and of which a reading has found that they had gone, as they may:
     * those that are lost do not count.
     */
    public long goneCount() {
        synchronized (history) {
            return goneCount;
        }
    }

    private void add(Anomaly anomaly, long offset, String... operations) {
        history.findings.add(anomaly, name, offset, operations);
    }

    /** A reader that begins at the first record, and reads what is there in order. */
    public final class Reading {
        private final Set<Long> found = new HashSet<>();

        /** Of each key the newest that was found. */
        private final Map<Integer, Long> newest = new HashMap<>();

        /** Of each key the oldest that was found. */
        private final Map<Integer, Long> oldest = new HashMap<>();

        private long lastOffset = -1;
        private long lastNumber = -1;

        private Reading() {}

        /**
         * A record is found.
         *
         * @param number that it carries
         */
        public void found(long offset, int key, long number, byte @Nullable [] value) {
            synchronized (history) {
                history.count();
                if (offset <= lastOffset) {
                    add(Anomaly.READ_WENT_BACK, offset, "read behind " + lastOffset);
                }
                lastOffset = offset;
                Sent sent = there.get(number);
                if (sent != null) {
                    found(sent, offset, key, value);
                } else {
                    boolean isOurs = number >= 0 && number < nextNumber;
                    add(
                            isOurs ? Anomaly.RETURNED : Anomaly.NEVER_SENT,
                            offset,
                            "number=" + number + " key=" + key);
                }
            }
        }

        private void found(Sent sent, long offset, int key, byte @Nullable [] value) {
            if (sent.key != key || !isWhole(sent, value)) {
                add(Anomaly.CORRUPT, offset, sent + " found with key=" + key);
            }
            if (!found.add(sent.number)) {
                add(Anomaly.DUPLICATE, offset, sent + " was at " + sent.offset);
                return;
            }
            if (sent.number < lastNumber) {
                add(Anomaly.REORDERED, offset, sent + " is behind record " + lastNumber);
            }
            lastNumber = Math.max(lastNumber, sent.number);
            newest.merge(sent.key, sent.number, Math::max);
            oldest.merge(sent.key, sent.number, Math::min);
            known(sent, offset);
        }

        private static boolean isWhole(Sent sent, byte @Nullable [] value) {
            if (sent.isTombstone || value == null) {
                return sent.isTombstone && value == null;
            }
            return Payload.id(PARTITION, value) == sent.number
                    && Payload.isWhole(PARTITION, sent.number, value);
        }

        /** All that is there was found. */
        public void end() {
            synchronized (history) {
                Set<Sent> lost = new HashSet<>();
                for (Sent sent : known.values()) {
                    if (isLost(sent)) {
                        report(sent);
                        lost.add(sent);
                    }
                }
                there.values().forEach(sent -> missed(sent, lost));
                there.keySet().retainAll(found);
            }
        }

        private void missed(Sent sent, Set<Sent> lost) {
            if (found.contains(sent.number)) {
                return;
            }
            if (sent.offset >= 0) {
                goneCount += lost.contains(sent) ? 0 : 1;
            } else if (sent.isTombstone
                    && oldest.getOrDefault(sent.key, sent.number) < sent.number) {
                // What is before it would have gone first: it never came to be there.
                tombstonesOf(sent.key).remove(sent.number);
            }
        }

        private boolean isLost(Sent sent) {
            Long at = newest.get(sent.key);
            boolean isDeleted = at == null && tombstonesOf(sent.key).ceiling(sent.number) != null;
            return !isDeleted && (at == null || at < sent.number);
        }

        private void report(Sent sent) {
            Long at = newest.get(sent.key);
            String instead = at == null ? "none of its key" : "record " + at;
            add(Anomaly.LOST_WRITE, sent.offset, sent + " is gone, found was " + instead);
        }
    }
}
