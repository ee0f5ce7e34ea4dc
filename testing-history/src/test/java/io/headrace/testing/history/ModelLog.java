package io.headrace.testing.history;

import java.util.ArrayList;
import java.util.List;

/** One partition of a server that does everything right. */
final class ModelLog {
    /**
     * @param key of the record; −1 for a marker
     * @param transaction −1 if it has none
     * @param at number of the event before which it was appended
     */
    record Slot(long offset, int key, int transaction, int epoch, int at) {}

    final int number;
    final Promise promise;
    final List<Slot> slots = new ArrayList<>();
    long start;
    private long next;
    private int epoch;

    /** Of the run of the server, the first slot. */
    private int firstOfRun;

    /** What the group has committed: the commit, and its offset; −1 while there is none. */
    int commit = -1;

    long committedOffset = -1;

    ModelLog(int number, Promise promise) {
        this.number = number;
        this.promise = promise;
    }

    long append(int key, int transaction, int at) {
        slots.add(new Slot(next, key, transaction, epoch, at));
        return next++;
    }

    /** Behind the last record, or the start. */
    long end() {
        return slots.isEmpty() ? start : slots.get(slots.size() - 1).offset + 1;
    }

    void deleteBefore(long offset) {
        start = Math.max(start, offset);
        int before = slots.size();
        slots.removeIf(slot -> slot.offset < start);
        firstOfRun = Math.max(0, firstOfRun - (before - slots.size()));
    }

    /** It goes on behind all offsets that were ever used, with as many left out as given. */
    void restart(Stop how, int keptOfRun, int leftOut) {
        if (promise.taken().contains(how)) {
            int kept = Math.min(slots.size(), firstOfRun + keptOfRun);
            slots.subList(kept, slots.size()).clear();
            next += leftOut;
            if (promise.isStartFree()) {
                slots.clear();
                start = next;
            }
        }
        epoch++;
        firstOfRun = slots.size();
    }

    /** How many of this run's records were appended before an event. */
    int countOfRunBefore(long at) {
        return (int)
                slots.subList(firstOfRun, slots.size()).stream()
                        .filter(slot -> slot.at < at)
                        .count();
    }

    int countOfRun() {
        return slots.size() - firstOfRun;
    }
}
