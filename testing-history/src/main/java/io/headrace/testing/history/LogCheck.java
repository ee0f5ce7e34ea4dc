package io.headrace.testing.history;

import java.util.HashMap;
import java.util.Map;

/**
 * Goes over all that is known of a partition, and finds what only shows when operations are seen
 * together. Twice over the log, each time in order, so that pages are read one after another:
 *
 * <ul>
 *   <li>upwards, for the order: of each producer's records; and of real time, where a record stands
 *       before one that was known when it was sent;
 *   <li>downwards, for what is missing: a record that a reader passed over, although it was owed.
 *       It is judged by what was read of the same run behind it, which has been seen by then.
 * </ul>
 */
final class LogCheck {
    private final PartitionHistory partition;
    private final History history;
    private final Findings findings;
    private final boolean isEnd;

    /** The last record of each producer. */
    private final Map<Integer, Long> lastOffsets = new HashMap<>();

    /** Of all records so far, the one that was sent last. */
    private long lastSentOffset = Table.NONE;

    /** When a record behind this one was last read, by the run it was appended in. */
    private final Map<Integer, Long> readBehindNs = new HashMap<>();

    /**
     * @param isEnd whether everything should have been read by now
     */
    LogCheck(PartitionHistory partition, Findings findings, boolean isEnd) {
        this.partition = partition;
        this.history = partition.history;
        this.findings = findings;
        this.isEnd = isEnd;
    }

    void run() {
        Table log = partition.log;
        for (long row = log.atOrAfter(0); row != Table.NONE; row = log.atOrAfter(row + 1)) {
            if (isHome(row)) {
                checkOrder(row);
                checkRealTime(row);
                checkNotAborted(row);
            }
        }
        long floor = partition.mayBeGoneBefore();
        for (long row = log.atOrBefore(log.last()); row >= floor; row = log.atOrBefore(row - 1)) {
            checkPresence(row);
        }
        partition.passed.all().forEach(this::checkStretch);
    }

    /** Whether a record stands here, and not a second time. */
    private boolean isHome(long offset) {
        long id = id(offset);
        return id >= 0 && sends(offset).home(RecordId.number(id)) == offset;
    }

    private long id(long offset) {
        return partition.log.get(offset, PartitionHistory.ID) - 1;
    }

    private Sends sends(long offset) {
        return partition.sendsOf(id(offset));
    }

    private long record(long offset) {
        return RecordId.number(id(offset));
    }

    private void checkOrder(long offset) {
        Sends own = sends(offset);
        if (!own.producer.isIdempotent()) {
            return;
        }
        Long before = lastOffsets.get(own.producer.number());
        if (before == null || record(before) < record(offset)) {
            lastOffsets.put(own.producer.number(), offset);
        } else if (!wasTakenBefore(before, own.knownNs(record(offset)))) {
            add(Anomaly.REORDERED, offset, describe(before), describe(offset));
        }
    }

    private long lastThereNs(long offset) {
        return Math.max(
                sends(offset).knownNs(record(offset)),
                partition.log.get(offset, PartitionHistory.READ_NS));
    }

    private boolean wasTakenBefore(long offset, long ns) {
        long knownNs = sends(offset).knownNs(record(offset));
        return history.runs.mayHaveTakenBetween(
                partition.promise, knownNs, lastThereNs(offset), ns);
    }

    private void checkRealTime(long offset) {
        Sends own = sends(offset);
        if (lastSentOffset == Table.NONE) {
            lastSentOffset = offset;
            return;
        }
        Sends others = sends(lastSentOffset);
        long lastSentNs = others.invokedNs(record(lastSentOffset));
        if (lastSentNs > own.knownNs(record(offset)) && isNoMatterOfOneProducer(own, others)) {
            add(
                    Anomaly.OFFSET_WENT_BACK,
                    lastSentOffset,
                    describe(offset),
                    describe(lastSentOffset));
        }
        if (own.invokedNs(record(offset)) > lastSentNs) {
            lastSentOffset = offset;
        }
    }

    private static boolean isNoMatterOfOneProducer(Sends own, Sends others) {
        return own != others || !own.producer.isIdempotent();
    }

    /** It may have been aborted after it was read. */
    private void checkNotAborted(long offset) {
        Sends own = sends(offset);
        int transaction = own.transaction(record(offset));
        if (transaction >= 0
                && own.isSeenCommitted(record(offset))
                && history.transaction(transaction).isAborted()) {
            add(
                    Anomaly.ABORTED_READ,
                    offset,
                    describe(offset),
                    history.transaction(transaction).describe());
        }
    }

    private void checkPresence(long offset) {
        long passedNs = partition.log.get(offset, PartitionHistory.PASSED_NS);
        if (id(offset) < 0) {
            if (passedNs != 0) {
                checkGap(offset, passedNs, passer(offset));
            }
        } else if (isHome(offset)) {
            if (passedNs != 0) {
                checkMissing(offset, passedNs);
            } else if (isEnd) {
                checkSeen(offset);
            }
            noteReadBehind(offset);
        }
    }

    private void checkStretch(Passed.Stretch stretch) {
        long from = Math.max(stretch.from(), partition.mayBeGoneBefore());
        if (from < stretch.to()
                && partition.log.atOrAfter(from) != from) { // else it is in the log's own rows
            checkGap(from, stretch.ns(), stretch.assignment());
        }
    }

    private void checkGap(long offset, long passedNs, int passer) {
        if (partition.promise.isDense()
                && !history.runs.mayHaveTakenAny(partition.promise, passedNs)) {
            add(Anomaly.GAP, offset, describePassing(passer, passedNs));
        }
    }

    private void checkMissing(long offset, long passedNs) {
        Sends own = sends(offset);
        long record = record(offset);
        long readNs = partition.log.get(offset, PartitionHistory.READ_NS);
        if (!isOwed(own, record, readNs)) {
            return;
        }
        String passing = describePassing(passer(offset), passedNs);
        if (readNs > passedNs) {
            add(Anomaly.READ_SKIPPED, offset, passing, describe(offset), describeReading(offset));
        } else if (isHole(own, record, passedNs) || !mayBeTaken(own, record, readNs, passedNs)) {
            String why = isHole(own, record, passedNs) ? "records behind it are there" : "";
            add(
                    isTorn(own, record) ? Anomaly.TORN_TRANSACTION : Anomaly.LOST_WRITE,
                    offset,
                    describe(offset),
                    describeReading(offset),
                    passing,
                    history.runs.toString(),
                    why);
        } else if (isPassedSilently(offset)) {
            add(Anomaly.SILENT_LOSS, offset, describe(offset), passing, history.runs.toString());
        }
    }

    /** Whether it has to be there; one of a transaction only if that was committed. */
    private boolean isOwed(Sends own, long record, long readNs) {
        int transaction = own.transaction(record);
        if (transaction >= 0) {
            Transaction of = history.transaction(transaction);
            return of.isCommitted() || !of.isAborted() && of.seenCount > 0;
        }
        Outcome outcome = own.outcome(record);
        return outcome == Outcome.OK || outcome == Outcome.UNKNOWN && readNs != 0;
    }

    /** A crash takes the last records of a run, none before one that stays. */
    private boolean isHole(Sends own, long record, long passedNs) {
        return readBehindNs.getOrDefault(runOf(own, record), 0L) >= passedNs;
    }

    private int runOf(Sends own, long record) {
        return history.runs.of(own.invokedNs(record), own.knownNs(record));
    }

    private boolean mayBeTaken(Sends own, long record, long readNs, long missedNs) {
        return history.runs.mayHaveTaken(
                partition.promise, own.invokedNs(record), own.knownNs(record), readNs, missedNs);
    }

    private boolean isTorn(Sends own, long record) {
        int transaction = own.transaction(record);
        return transaction >= 0
                && !own.isSeenCommitted(record)
                && history.transaction(transaction).seenCount > 0;
    }

    private void checkSeen(long offset) {
        Sends own = sends(offset);
        long record = record(offset);
        boolean isUnseen = partition.log.get(offset, PartitionHistory.READ_NS) == 0;
        if (isUnseen && isOwed(own, record, 0) && !mayBeTaken(own, record, 0, history.now())) {
            add(Anomaly.UNSEEN, offset, describe(offset));
        }
    }

    private void noteReadBehind(long offset) {
        long readNs = partition.log.get(offset, PartitionHistory.READ_NS);
        int run = readNs == 0 ? Runs.UNSURE : runOf(sends(offset), record(offset));
        if (run != Runs.UNSURE) {
            readBehindNs.merge(run, readNs, Math::max);
        }
    }

    private int passer(long offset) {
        return (int) (partition.log.get(offset, PartitionHistory.READERS) >>> 33);
    }

    private boolean isPassedSilently(long offset) {
        return (partition.log.get(offset, PartitionHistory.READERS) >>> 32 & 1) != 0;
    }

    private String describe(long offset) {
        return partition.describe(id(offset));
    }

    private String describePassing(int passer, long passedNs) {
        return "passed over by "
                + history.assignments.get(passer).describe()
                + " at "
                + Clock.text(passedNs);
    }

    private String describeReading(long offset) {
        long readNs = partition.log.get(offset, PartitionHistory.READ_NS);
        if (readNs == 0) {
            return "never read";
        }
        int reader = (int) partition.log.get(offset, PartitionHistory.READERS);
        return "read by "
                + history.assignments.get(reader).describe()
                + " at "
                + Clock.text(readNs);
    }

    private void add(Anomaly anomaly, long offset, String... operations) {
        findings.add(anomaly, partition.name, offset, operations);
    }
}
