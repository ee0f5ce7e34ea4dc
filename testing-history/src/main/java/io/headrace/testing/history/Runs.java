package io.headrace.testing.history;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * The runs of the server. Each makes durable, before it answers anybody, what it has found of the
 * runs before it. So the crash of a run that has answered takes what was appended in it, and
 * nothing older. Guarded by the history's lock.
 */
final class Runs {
    static final int UNSURE = -1;

    private final List<Run> ended = new ArrayList<>();

    /** The numbers of the runs that have answered something. */
    private final BitSet answering = new BitSet();

    void add(Run run) {
        ended.add(run);
    }

    /** There is an answer to what was asked for at that time; it may be one of an earlier run. */
    void answered(long invokedNs) {
        int number = ended.size();
        if (number == 0 || ended.get(number - 1).goneNs() < invokedNs) {
            answering.set(number);
        }
    }

    /**
     * The runs that may have ended with the loss of what was known at that time: those before the
     * first one that came later, and answered.
     */
    private List<Run> takingAfter(long knownNs) {
        int secured = answering.nextSetBit(countGoneBefore(knownNs) + 1);
        return secured < 0 || secured > ended.size() ? ended : ended.subList(0, secured);
    }

    /**
     * The number of the run in which something was appended; UNSURE if it may be one or another.
     */
    int of(long invokedNs, long knownNs) {
        int first = countGoneBefore(invokedNs);
        return first == countGoneBefore(knownNs) ? first : UNSURE;
    }

    private int countGoneBefore(long ns) {
        int low = 0;
        int high = ended.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (ended.get(middle).goneNs() < ns) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** Whether records of whatever age may have been taken until then. */
    boolean mayHaveTakenAny(Promise promise, long toNs) {
        return ended.stream().anyMatch(run -> isTaking(run, promise, toNs));
    }

    /**
     * Whether a record may have been taken, at one end at least, between the two times.
     *
     * @param knownNs when it was first known to be there
     */
    boolean mayHaveTakenBetween(Promise promise, long knownNs, long fromNs, long toNs) {
        return takingAfter(knownNs).stream()
                .anyMatch(run -> isTaking(run, promise, toNs) && run.goneNs() >= fromNs);
    }

    private static boolean isTaking(Run run, Promise promise, long toNs) {
        return promise.taken().contains(run.stop()) && run.sinceNs() <= toNs;
    }

    /**
     * Whether one record may have gone.
     *
     * @param invokedNs when it was sent
     * @param knownNs when it was first known to be there
     * @param readNs when it was last read; 0 if never
     * @param missedNs when it was found to be gone
     */
    boolean mayHaveTaken(
            Promise promise, long invokedNs, long knownNs, long readNs, long missedNs) {
        for (Run run : takingAfter(knownNs)) {
            boolean wasThere = invokedNs <= run.goneNs() && readNs <= run.goneNs();
            boolean isYoung =
                    promise.windowNs() == Long.MAX_VALUE
                            || knownNs >= run.sinceNs() - promise.windowNs();
            if (isTaking(run, promise, missedNs) && wasThere && isYoung) {
                return true;
            }
        }
        return false;
    }

    /** When the last run that was gone by then was gone; 0 if none was. */
    long lastGoneBefore(long ns) {
        int count = countGoneBefore(ns);
        return count == 0 ? 0 : ended.get(count - 1).goneNs();
    }

    @Override
    public String toString() {
        return ended.isEmpty() ? "no crash" : "last crash: " + ended.get(ended.size() - 1);
    }
}
