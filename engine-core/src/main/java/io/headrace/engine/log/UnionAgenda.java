package io.headrace.engine.log;

import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What waits for the thread that copies into unions: partitions that have <em>newly risen</em>,
 * then the <em>backlog</em>, of which each gets its turn, and those that are <em>put off</em>
 * because they cannot be read. What finds no room is dropped, and {@link #hasDropped} says that all
 * topics have to be looked through.
 *
 * <p>Used by the thread that copies; the counts are read by any.
 */
final class UnionAgenda {
    private static final long DROPPED_TROUBLE_PAUSE_NS = TimeUnit.SECONDS.toNanos(30);

    private final Set<UnionPart> risen = new LinkedHashSet<>();

    /** Of what has newly risen, what has to be loaded first, and found no room for that. */
    private final Set<UnionPart> unread = new LinkedHashSet<>();

    private final Set<UnionPart> backlog = new LinkedHashSet<>();
    private final Map<UnionPart, Troubled> troubled = new HashMap<>();
    private final PriorityQueue<Troubled> putOff =
            new PriorityQueue<>(Comparator.comparingLong(entry -> entry.dueNs));
    private final int waitingMax;
    private final int troubledMax;
    private boolean hasDropped;

    /** When those are to be looked for that were dropped in trouble. */
    private long droppedDueNs;

    private boolean hasDroppedTrouble;
    private volatile int waitingCount;
    private volatile int troubledCount;

    /** Why a partition cannot be read now, and for how long it is put off. */
    enum Trouble {
        /** It will be in a moment. */
        BUSY(TimeUnit.MILLISECONDS.toNanos(100), TimeUnit.SECONDS.toNanos(10)),

        /** Its next batch is damaged. */
        DAMAGED(TimeUnit.SECONDS.toNanos(30), TimeUnit.MINUTES.toNanos(10)),

        /** It ends before the position of the union in it. */
        SHORTER(TimeUnit.SECONDS.toNanos(30), TimeUnit.MINUTES.toNanos(10));

        /** The first pause; each further one is twice as long. */
        private final long pauseNs;

        private final long pauseMaxNs;

        Trouble(long pauseNs, long pauseMaxNs) {
            this.pauseNs = pauseNs;
            this.pauseMaxNs = pauseMaxNs;
        }
    }

    /** A partition that could not be read, and was not since. */
    static final class Troubled {
        private final UnionPart part;
        private Trouble trouble;
        private long pauseNs;
        private long dueNs;
        private boolean isPutOff;

        private Troubled(UnionPart part, Trouble trouble) {
            this.part = part;
            this.trouble = trouble;
        }
    }

    /**
     * @param waitingMax partitions that have newly risen, beyond which none are to be offered; and
     *     those of the backlog, a quarter of which a look through the catalog may bring it to
     * @param troubledMax partitions that cannot be read; more are found again after a while
     */
    UnionAgenda(int waitingMax, int troubledMax) {
        this.waitingMax = waitingMax;
        this.troubledMax = troubledMax;
    }

    /** Partitions that may be offered as newly risen now. */
    int risenRoom() {
        return Math.max(0, waitingMax - risenCount());
    }

    boolean hasRoomForFound() {
        return backlog.size() < Math.max(1, waitingMax / 4);
    }

    boolean hasRisen() {
        return !risen.isEmpty();
    }

    boolean hasBacklog() {
        return !backlog.isEmpty();
    }

    /** Whether one waits to be loaded. */
    boolean hasUnread() {
        return !unread.isEmpty();
    }

    int risenCount() {
        return risen.size() + unread.size();
    }

    int backlogCount() {
        return backlog.size();
    }

    /** Whether nothing waits, but what is put off. */
    boolean isIdle() {
        return risenCount() == 0 && backlog.isEmpty();
    }

    /**
     * It has something new. Where it is put off for what does not pass by itself, it stays so.
     *
     * @param isBacklog whether what it has before that is backlog: if it waits as such it goes on
     *     waiting
     */
    void risen(UnionPart part, boolean isBacklog) {
        Troubled entry = troubled.get(part);
        boolean mustWait = entry != null && entry.isPutOff && entry.trouble != Trouble.BUSY;
        if (!mustWait && !unread.contains(part) && !(isBacklog && backlog.contains(part))) {
            backlog.remove(part);
            risen.add(part);
        }
    }

    /**
     * There is more of it to copy that has newly risen: it gets its next turn behind the others of
     * these, or behind those of the backlog where half the room is taken.
     */
    void again(UnionPart part) {
        if (risenCount() >= waitingMax / 2) {
            more(part);
        } else if (!isPutOff(part) && !unread.contains(part)) {
            backlog.remove(part);
            risen.add(part);
        }
    }

    /**
     * It has newly risen, and waits until there is room to load it; with the backlog where half the
     * room is taken.
     */
    void awaitRead(UnionPart part) {
        if (risenCount() >= waitingMax / 2) {
            more(part);
        } else if (!isPutOff(part) && !risen.contains(part)) {
            backlog.remove(part);
            unread.add(part);
        }
    }

    /** There is more of it to copy: it gets its next turn behind the others. */
    void more(UnionPart part) {
        if (isPutOff(part) || risen.contains(part) || unread.contains(part)) {
            return;
        }
        if (backlog.size() < waitingMax) {
            backlog.add(part);
        } else {
            hasDropped |= !backlog.contains(part);
        }
    }

    private boolean isPutOff(UnionPart part) {
        Troubled entry = troubled.get(part);
        return entry != null && entry.isPutOff;
    }

    /** Takes the first that has newly risen. */
    @Nullable UnionPart nextRisen() {
        return first(risen);
    }

    /** Takes the first that waits to be loaded. */
    @Nullable UnionPart nextUnread() {
        return first(unread);
    }

    /** Takes the one of the backlog that waits longest. */
    @Nullable UnionPart nextOfBacklog() {
        return first(backlog);
    }

    private static @Nullable UnionPart first(Set<UnionPart> parts) {
        Iterator<UnionPart> first = parts.iterator();
        if (!first.hasNext()) {
            return null;
        }
        UnionPart part = first.next();
        first.remove();
        return part;
    }

    /**
     * Puts a partition off, longer each time; where it was tried before its time, that stays as it
     * is.
     *
     * @return whether this is news of it
     */
    boolean putOff(UnionPart part, Trouble trouble, long nowNs) {
        Troubled entry = troubled.get(part);
        if (entry == null) {
            if (troubled.size() >= troubledMax) {
                dropTroubled(nowNs);
                return false;
            }
            entry = new Troubled(part, trouble);
            troubled.put(part, entry);
        }
        boolean isNews = entry.pauseNs == 0 || entry.trouble != trouble;
        if (isNews || !entry.isPutOff) {
            long longer = Math.min(2 * entry.pauseNs, trouble.pauseMaxNs);
            putOff.remove(entry);
            entry.trouble = trouble;
            entry.pauseNs = isNews ? trouble.pauseNs : longer;
            entry.dueNs = nowNs + entry.pauseNs;
            entry.isPutOff = true;
            putOff.add(entry);
        }
        return isNews;
    }

    private void dropTroubled(long nowNs) {
        if (!hasDroppedTrouble) {
            hasDroppedTrouble = true;
            droppedDueNs = nowNs + DROPPED_TROUBLE_PAUSE_NS;
        }
    }

    /**
     * It can be read.
     *
     * @return why it could not, before that; null if it could
     */
    @Nullable Trouble settled(UnionPart part) {
        Troubled entry = forget(part);
        return entry == null ? null : entry.trouble;
    }

    /** There is no such partition any more. */
    @Nullable Troubled forget(UnionPart part) {
        Troubled entry = troubled.remove(part);
        if (entry != null && entry.isPutOff) {
            putOff.remove(entry);
        }
        return entry;
    }

    boolean isDue(long nowNs) {
        return untilDueNs(nowNs) == 0;
    }

    /** How long until one that is put off is due; {@link Long#MAX_VALUE} if none is. */
    long untilDueNs(long nowNs) {
        Troubled first = putOff.peek();
        long putOffNs = first == null ? Long.MAX_VALUE : Math.max(0, first.dueNs - nowNs);
        long droppedNs = hasDroppedTrouble ? Math.max(0, droppedDueNs - nowNs) : Long.MAX_VALUE;
        return Math.min(putOffNs, droppedNs);
    }

    private boolean isDropDue(long nowNs) {
        return hasDroppedTrouble && nowNs - droppedDueNs >= 0;
    }

    /**
     * Takes those that were put off until now.
     *
     * @param isRisen whether what one has has newly risen; else it is part of the backlog again
     */
    void takeDue(long nowNs, Predicate<UnionPart> isRisen) {
        if (isDropDue(nowNs)) {
            hasDroppedTrouble = false;
            hasDropped = true;
        }
        for (Troubled entry = putOff.peek();
                entry != null && nowNs - entry.dueNs >= 0;
                entry = putOff.peek()) {
            putOff.poll();
            entry.isPutOff = false;
            if (isRisen.test(entry.part)) {
                again(entry.part);
            } else {
                more(entry.part);
            }
        }
    }

    /** Whether some were dropped since the last call. */
    boolean hasDropped() {
        boolean dropped = hasDropped;
        hasDropped = false;
        return dropped;
    }

    /** Has {@link #waitingCount} and {@link #troubledCount} say what there is now. */
    void publishCounts() {
        int waiting = risenCount() + backlog.size();
        if (waiting != waitingCount) {
            waitingCount = waiting;
        }
        if (troubled.size() != troubledCount) {
            troubledCount = troubled.size();
        }
    }

    int waitingCount() {
        return waitingCount;
    }

    int troubledCount() {
        return troubledCount;
    }
}
