package io.headrace.testing.history;

import java.util.ArrayList;
import java.util.List;

/** The runs of the server that have ended. Guarded by the history's lock. */
final class Runs {
    static final int UNSURE = -1;

    private final List<Run> ended = new ArrayList<>();

    void add(Run run) {
        ended.add(run);
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

    /** Whether records may have been taken, at one end at least, between the two times. */
    boolean mayHaveTaken(Promise promise, long fromNs, long toNs) {
        return ended.stream()
                .anyMatch(
                        run ->
                                promise.taken().contains(run.stop())
                                        && run.goneNs() >= fromNs
                                        && run.sinceNs() <= toNs);
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
        for (Run run : ended) {
            boolean wasThere = invokedNs <= run.goneNs() && readNs <= run.goneNs();
            boolean isYoung =
                    promise.windowNs() == Long.MAX_VALUE
                            || knownNs >= run.sinceNs() - promise.windowNs();
            if (promise.taken().contains(run.stop())
                    && wasThere
                    && isYoung
                    && run.sinceNs() <= missedNs) {
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
