package io.headrace.testing.history;

import java.time.Duration;
import java.util.Set;

/**
 * What a partition promises of records that were acknowledged, or that somebody has read.
 *
 * @param taken how a server may end so that records go: the last ones of the time since it started,
 *     never one before another that stays
 * @param windowNs how long before the end of the server they were acknowledged at most
 * @param isStartFree whether records may go at the log's start without anybody asking for it
 * @param mayStartReturn whether what went so may be back when a server ended without saying it
 * @param isDense whether each offset has a record, unless records were taken
 */
public record Promise(
        Set<Stop> taken,
        long windowNs,
        boolean isStartFree,
        boolean mayStartReturn,
        boolean isDense) {
    private static final long WHOLE_RUN = Long.MAX_VALUE;

    /** Nothing is ever lost; topics of the modes persistent, tiered and source. */
    public static Promise persistent() {
        return new Promise(Set.of(), 0, false, false, true);
    }

    /** Acknowledged before it is synced: a killed process loses nothing, a machine may. */
    public static Promise unsynced() {
        return new Promise(Set.of(Stop.POWER_CUT), WHOLE_RUN, false, false, true);
    }

    /** At most what was acknowledged in a window before the crash. */
    public static Promise hybrid(Duration window) {
        return new Promise(Set.of(Stop.KILL, Stop.POWER_CUT), window.toNanos(), false, false, true);
    }

    /** Everything may go in a crash, and the oldest at any time; no offset is used twice. */
    public static Promise memory() {
        return new Promise(Set.of(Stop.KILL, Stop.POWER_CUT), WHOLE_RUN, true, false, true);
    }

    /** The same, but retention may take the oldest at any time. */
    public Promise withRetention() {
        return new Promise(taken, windowNs, true, mayStartReturn, isDense);
    }

    /**
     * The same, of a log that begins in the journal and goes on in a ring that overwrites, which is
     * journaled as soon as it can be, and not synced.
     */
    public Promise withReturningStart() {
        return new Promise(taken, windowNs, true, true, isDense);
    }

    /** The same, with offsets that no reader sees: the markers of transactions. */
    public Promise withTransactions() {
        return new Promise(taken, windowNs, isStartFree, mayStartReturn, false);
    }
}
