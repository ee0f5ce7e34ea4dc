package io.headrace.server.powercut;

import java.util.Arrays;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * What the clients of one partition sent and were told, over all starts of a server, and the check
 * of what they find there against it.
 *
 * <p>Ids are given in the order of sending and never twice. Thread-safe.
 */
final class LogHistory {
    /** What becomes of an acknowledged record in a power cut. */
    enum Promise {
        /** It stays. */
        KEPT,
        /** It may go, but never while a later one of its time stays, and its offset is used up. */
        MAY_BE_LOST
    }

    private static final int ROUND_SHIFT = 32;

    private final String name;
    private final Promise promise;

    /** What is known to be at an offset: it was acknowledged, or somebody has read it. */
    private final NavigableMap<Long, Long> known = new TreeMap<>();

    /** How many were sent, by round. */
    private final Map<Integer, Integer> sent = new TreeMap<>();

    private long deletedBefore;
    private long deletionAsked;

    LogHistory(String name, Promise promise) {
        this.name = name;
        this.promise = promise;
    }

    /** The id of the next record, which is about to be sent. */
    synchronized long send(int round) {
        return (long) round << ROUND_SHIFT | (sent.merge(round, 1, Integer::sum) - 1);
    }

    /** The server has told its offset, or somebody has read it there. */
    synchronized void known(long offset, long id) {
        Long before = known.putIfAbsent(offset, id);
        if (before != null && before != id) {
            throw new Violation(name, "offset given twice", offset, describe(before, id));
        }
    }

    synchronized int knownCount() {
        return known.size();
    }

    /** Where the newest so many known records begin; −1 if there are not that many. */
    synchronized long offsetOfNewest(int count) {
        if (known.size() <= count) {
            return -1;
        }
        return known.descendingKeySet().stream().skip(count - 1).findFirst().orElse(-1L);
    }

    /** Everything before the offset may go from now on. */
    synchronized void askDeletion(long offset) {
        deletionAsked = Math.max(deletionAsked, offset);
    }

    /** What was asked for is done. */
    synchronized void deleted(long offset) {
        deletedBefore = Math.max(deletedBefore, offset);
        known.headMap(offset).clear();
    }

    /** A check of one reading of the partition, from its start to its end. */
    synchronized Reading read(long startOffset) {
        if (promise == Promise.KEPT && startOffset > deletionAsked) {
            throw new Violation(name, "start has moved", startOffset, "asked=" + deletionAsked);
        }
        if (startOffset < deletedBefore) {
            throw new Violation(name, "deleted is back", startOffset, "deleted=" + deletedBefore);
        }
        return new Reading(startOffset);
    }

    /** Takes the records in order of their offsets. Of one thread. */
    final class Reading {
        private final NavigableMap<Long, Long> missing;
        private final Map<Integer, Long> lastOffsetOfRound = new TreeMap<>();
        private long nextOffset;
        private long lastId = -1;
        private int count;

        private Reading(long startOffset) {
            nextOffset = startOffset;
            missing = new TreeMap<>(known.tailMap(startOffset, true));
        }

        void record(long offset, byte[] value) {
            synchronized (LogHistory.this) {
                long id = Payload.id(value);
                checkWasSent(offset, id, value);
                checkPlace(offset, id);
                // What a consumer has seen is as good as acknowledged.
                LogHistory.this.known(offset, id);
                missing.remove(offset);
                lastOffsetOfRound.put(round(id), offset);
                nextOffset = offset + 1;
                lastId = id;
                count++;
            }
        }

        private void checkPlace(long offset, long id) {
            boolean inPlace = promise == Promise.KEPT ? offset == nextOffset : offset >= nextOffset;
            if (!inPlace) {
                throw new Violation(name, "offsets are not dense", offset, "due=" + nextOffset);
            }
            if (id <= lastId) {
                throw new Violation(name, "out of order or twice", offset, describe(lastId, id));
            }
        }

        private void checkWasSent(long offset, long id, byte[] value) {
            if (number(id) >= sent.getOrDefault(round(id), 0) || id < 0) {
                throw new Violation(name, "never sent", offset, "id=" + text(id));
            }
            if (!Arrays.equals(value, Payload.of(id))) {
                throw new Violation(name, "other bytes than sent", offset, "id=" + text(id));
            }
        }

        /** Everything up to the end has been read. Returns how many records that was. */
        int end() {
            synchronized (LogHistory.this) {
                missing.forEach(this::checkMayBeMissing);
                return count;
            }
        }

        private void checkMayBeMissing(long offset, long id) {
            boolean tornOff = lastOffsetOfRound.getOrDefault(round(id), -1L) < offset;
            if (promise == Promise.KEPT || !tornOff) {
                throw new Violation(
                        name,
                        "acknowledged and lost",
                        offset,
                        "id=" + text(id) + " missing=" + missing.size() + " end=" + nextOffset);
            }
        }
    }

    private static int round(long id) {
        return (int) (id >> ROUND_SHIFT);
    }

    private static int number(long id) {
        return (int) id;
    }

    private static String text(long id) {
        return round(id) + ":" + number(id);
    }

    private static String describe(long before, long id) {
        return "before=" + text(before) + " now=" + text(id);
    }
}
