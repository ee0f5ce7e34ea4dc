package io.headrace.testing.history;

import java.util.HashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.TreeMap;

/**
 * What is known of one partition, over all starts of the server: what was sent to it, what stands
 * at which offset, and who read it. What contradicts this at once is found while it is noted, the
 * rest by {@link LogCheck}. Thread-safe.
 */
public final class PartitionHistory {
    /** Columns of a row of the log. The id is one more, so that zero means none. */
    static final int ID = 0;

    static final int READ_NS = 1;
    static final int PASSED_NS = 2;

    /** The reader that passed last, and in the lower half the one that read last. */
    static final int READERS = 3;

    private static final int NO_TRANSACTION = -1;

    final History history;
    final int number;
    final String name;
    final Promise promise;
    final Table log;
    final Passed passed = new Passed();
    final Map<Integer, Sends> sends = new HashMap<>();

    /** What lies before may be gone for good: it was deleted, or the start has moved freely. */
    private long deletedBefore;

    /** Offsets behind that, up to which deletion was asked for and not refused; how many times. */
    private final NavigableMap<Long, Integer> askedDeletions = new TreeMap<>();

    /** Moves of the start whose time is remembered; an older one counts as the oldest of these. */
    private static final int GONE_MAX = 1024;

    /** What lies before is gone. */
    private long goneBefore;

    /** When what lies before an offset was gone. */
    private final NavigableMap<Long, Long> goneNs = new TreeMap<>();

    /** The offset behind the last one of which anything is known, and the last end told. */
    private long knownEnd;

    private int known;

    PartitionHistory(History history, int number, String name, Promise promise) {
        this.history = history;
        this.number = number;
        this.name = name;
        this.promise = promise;
        this.log = new Table(history.pages);
    }

    public String name() {
        return name;
    }

    public Promise promise() {
        return promise;
    }

    /** Called before a record is sent; returns what it is known by. */
    public long send(ProducerHistory producer) {
        return send(producer, NO_TRANSACTION);
    }

    /** As above, within a transaction. */
    public long send(ProducerHistory producer, Transaction transaction) {
        return send(producer, transaction.number);
    }

    private long send(ProducerHistory producer, int transaction) {
        synchronized (history) {
            Sends own =
                    sends.computeIfAbsent(
                            producer.number(), p -> new Sends(producer, history.pages));
            history.count();
            return RecordId.of(producer.number(), own.add(transaction, history.now()));
        }
    }

    /** The bytes that stand for a record: some for its id, the others made from it. */
    public byte[] value(long id, int length) {
        return Payload.of(number, id, Math.max(length, Payload.LENGTH_MIN));
    }

    /** The server has told a record's offset. */
    public void acknowledged(long id, long offset) {
        synchronized (history) {
            history.count();
            Sends own = sendsOf(id);
            own.outcome(RecordId.number(id), Outcome.OK);
            history.runs.answered(own.invokedNs(RecordId.number(id)));
            if (offset >= goneBefore) {
                place(own, id, offset);
            } else if (own.invokedNs(RecordId.number(id)) > goneNs(offset)) {
                add(
                        Anomaly.OFFSET_CONFLICT,
                        offset,
                        describe(id),
                        "gone before offset=" + goneBefore);
            }
        }
    }

    /** When an offset had left the log for certain. */
    private long goneNs(long offset) {
        return Objects.requireNonNull(goneNs.higherEntry(offset)).getValue();
    }

    /** It is certain that a record will never be there. If it is not, nothing is called. */
    public void failed(long id) {
        synchronized (history) {
            history.count();
            Sends own = sendsOf(id);
            long record = RecordId.number(id);
            own.outcome(record, Outcome.FAILED);
            if (own.home(record) >= 0) {
                add(Anomaly.ABORTED_READ, own.home(record), own.describe(record));
            }
        }
    }

    /** Everything before the offset may go from now on. */
    public void askDeletion(long offset) {
        synchronized (history) {
            if (offset > deletedBefore) {
                askedDeletions.merge(offset, 1, Integer::sum);
            }
        }
    }

    /** It is certain that what was asked for has not been done, and never will. */
    public void deletionRefused(long offset) {
        synchronized (history) {
            askedDeletions.computeIfPresent(
                    offset, (asked, count) -> count == 1 ? null : count - 1);
        }
    }

    /**
     * What was asked for is done: the log begins here. It may begin further on if that was asked
     * for too; if not, it is not believed, and what is missing is missed by the next reader.
     */
    public void deleted(long offset) {
        synchronized (history) {
            long believed = promise.isStartFree() ? offset : Math.min(offset, mayBeGoneBefore());
            mayBeGoneBefore(believed);
            gone(believed);
        }
    }

    /** What lies before may be gone. */
    long mayBeGoneBefore() {
        return askedDeletions.isEmpty() ? deletedBefore : askedDeletions.lastKey();
    }

    private void mayBeGoneBefore(long offset) {
        deletedBefore = Math.max(deletedBefore, offset);
        askedDeletions.headMap(deletedBefore, true).clear();
    }

    private void gone(long offset) {
        if (offset > goneBefore) {
            goneBefore = offset;
            goneNs.put(offset, history.now());
            if (goneNs.size() > GONE_MAX) {
                goneNs.pollFirstEntry();
            }
            log.dropBefore(offset);
            passed.dropBefore(offset);
        }
    }

    /** A reader is about to begin; it sees every record. */
    public Assignment assign(String reader) {
        return assign(reader, Isolation.READ_UNCOMMITTED);
    }

    /** A reader is about to begin. */
    public Assignment assign(String reader, Isolation isolation) {
        synchronized (history) {
            int assignment = history.assignments.size();
            Assignment made =
                    new Assignment(this, assignment, reader, isolation, history.now(), goneBefore);
            history.assignments.add(made);
            return made;
        }
    }

    /** How many records are known to be or to have been there. */
    public int knownCount() {
        synchronized (history) {
            return known;
        }
    }

    /** Where the newest so many offsets begin that are known; −1 if there are not that many. */
    public long offsetOfNewest(int count) {
        synchronized (history) {
            int left = count;
            for (long row = log.atOrBefore(log.last());
                    row >= goneBefore;
                    row = log.atOrBefore(row - 1)) {
                if (log.get(row, ID) != 0 && --left == 0) {
                    return row;
                }
            }
            return -1;
        }
    }

    long knownEnd() {
        return knownEnd;
    }

    void fromStart(Assignment reader, long start) {
        synchronized (history) {
            history.runs.answered(reader.invokedNs);
            if (start < reader.goneBefore) {
                add(
                        Anomaly.RETURNED,
                        start,
                        reader.describe() + " start=" + start,
                        "gone before offset=" + reader.goneBefore);
            }
            if (promise.isStartFree()) {
                mayBeGoneBefore(start);
                if (!promise.mayStartReturn()) {
                    gone(start);
                }
            } else {
                pass(reader, Math.min(mayBeGoneBefore(), start), start, false);
            }
            knownEnd = Math.max(knownEnd, start);
            reader.position = start;
        }
    }

    void from(Assignment reader, long offset) {
        synchronized (history) {
            knownEnd = Math.max(knownEnd, offset);
            reader.position = offset;
        }
    }

    void reachedEnd(Assignment reader, long end) {
        synchronized (history) {
            if (reader.position < 0) {
                throw new IllegalStateException("where did it begin? " + reader.describe());
            }
            history.runs.answered(reader.invokedNs);
            pass(reader, reader.position, end, false);
            reader.position = Math.max(reader.position, end);
            knownEnd = Math.max(knownEnd, end);
            if (reader.isolation == Isolation.READ_UNCOMMITTED) {
                passWhatWasKnown(reader, end);
            }
        }
    }

    /** What was known when the end was asked for stands before it. */
    private void passWhatWasKnown(Assignment reader, long end) {
        for (long row = log.atOrAfter(end); row != Table.NONE; row = log.atOrAfter(row + 1)) {
            long id = log.get(row, ID) - 1;
            if (id >= 0 && sendsOf(id).knownNs(RecordId.number(id)) < reader.invokedNs) {
                pass(row, reader.number, false, history.now());
            }
        }
    }

    void read(Assignment reader, long offset, byte[] value, int leaderEpoch) {
        long id = Payload.id(number, value);
        synchronized (history) {
            if (wasSent(id) && !Payload.isWhole(number, id, value)) {
                move(reader, offset, leaderEpoch);
                add(
                        Anomaly.CORRUPT,
                        offset,
                        reader.describe() + " length=" + value.length,
                        describe(id));
                noteReader(reader, offset);
            } else {
                read(reader, offset, id, leaderEpoch);
            }
        }
    }

    private boolean wasSent(long id) {
        Sends own = id < 0 ? null : sends.get(RecordId.producer(id));
        return own != null && own.has(RecordId.number(id));
    }

    void read(Assignment reader, long offset, long id, int leaderEpoch) {
        synchronized (history) {
            history.count();
            move(reader, offset, leaderEpoch);
            if (offset < reader.goneBefore) {
                add(
                        Anomaly.RETURNED,
                        offset,
                        reader.describe(),
                        "gone before offset=" + reader.goneBefore);
            } else if (offset >= goneBefore) {
                noteRead(reader, offset, id);
                noteReader(reader, offset);
            }
        }
    }

    /** Takes the reader behind the offset, over what lies between. */
    private void move(Assignment reader, long offset, int leaderEpoch) {
        history.runs.answered(reader.invokedNs);
        if (reader.position > offset) {
            add(Anomaly.READ_WENT_BACK, offset, reader.describe() + " position=" + reader.position);
            return;
        }
        if (reader.position >= 0) {
            boolean isSilent = leaderEpoch >= 0 && leaderEpoch == reader.leaderEpoch;
            pass(reader, reader.position, offset, isSilent);
        }
        reader.position = offset + 1;
        reader.leaderEpoch = leaderEpoch;
    }

    private void pass(Assignment reader, long from, long to, boolean isSilent) {
        long now = history.now();
        long row = from;
        while (row < to) {
            long found = log.atOrAfter(row);
            long present = found == Table.NONE ? to : Math.min(found, to);
            if (present > row) {
                passed.add(new Passed.Stretch(row, present, now, reader.number, isSilent));
            }
            row = present;
            if (row < to) {
                pass(row++, reader.number, isSilent, now);
            }
        }
    }

    private void pass(long row, int assignment, boolean isSilent, long now) {
        log.set(row, PASSED_NS, now);
        long passer = (long) assignment << 1 | (isSilent ? 1 : 0);
        log.set(row, READERS, passer << 32 | log.get(row, READERS) & 0xFFFF_FFFFL);
    }

    private void noteRead(Assignment reader, long offset, long id) {
        if (!wasSent(id)) {
            add(Anomaly.NEVER_SENT, offset, reader.describe());
            return;
        }
        Sends own = sendsOf(id);
        if (place(own, id, offset)) {
            checkMayBeRead(reader, offset, own, RecordId.number(id));
        }
    }

    /** Whatever it was given: something is there. */
    private void noteReader(Assignment reader, long offset) {
        if (at(offset) != 0) {
            takeBackPassing(reader, offset);
            log.set(offset, READ_NS, history.now());
            long passer = log.get(offset, READERS) & ~0xFFFF_FFFFL;
            log.set(offset, READERS, passer | reader.number);
        }
    }

    private void checkMayBeRead(Assignment reader, long offset, Sends own, long record) {
        if (own.outcome(record) == Outcome.FAILED) {
            add(Anomaly.ABORTED_READ, offset, reader.describe(), own.describe(record));
        }
        int transaction = own.transaction(record);
        if (transaction >= 0 && reader.isolation == Isolation.READ_COMMITTED) {
            noteCommittedRead(reader, offset, own, record, history.transaction(transaction));
        }
    }

    /** It comes too late, which is noted, but it came. */
    private void takeBackPassing(Assignment reader, long offset) {
        boolean isSamePasser = (int) (log.get(offset, READERS) >>> 33) == reader.number;
        if (isSamePasser && log.get(offset, PASSED_NS) != 0) {
            log.set(offset, PASSED_NS, 0);
        }
    }

    private void noteCommittedRead(
            Assignment reader, long offset, Sends own, long record, Transaction transaction) {
        Anomaly anomaly = transaction.anomalyIfReadNow();
        if (anomaly != null) {
            add(anomaly, offset, reader.describe(), own.describe(record), transaction.describe());
        } else if (!own.isSeenCommitted(record)) {
            own.seenCommitted(record);
            transaction.seenCount++;
        }
    }

    /** A record is known to stand at an offset. False if another one does. */
    private boolean place(Sends own, long id, long offset) {
        long before = at(offset) - 1;
        if (before >= 0 && before != id) {
            add(Anomaly.OFFSET_CONFLICT, offset, describe(before), describe(id));
            return false;
        }
        long record = RecordId.number(id);
        long home = own.home(record);
        knownEnd = Math.max(knownEnd, offset + 1);
        if (before < 0) {
            setRow(offset, id);
            known++;
        }
        if (home < 0 || home != offset && wasTakenFrom(home, own.knownNs(record))) {
            own.standsAt(record, offset, history.now());
        } else if (home != offset && before < 0 && own.producer.isIdempotent()) {
            add(Anomaly.DUPLICATE, offset, describe(id));
        }
        return true;
    }

    /** Since it was last known to stand there. */
    private boolean wasTakenFrom(long home, long knownNs) {
        long thereNs = Math.max(knownNs, log.get(home, READ_NS));
        return history.runs.mayHaveTakenBetween(promise, knownNs, thereNs, history.now());
    }

    private long at(long offset) {
        return log.get(offset, ID);
    }

    /** What was passed while there was no page for it is noted in the new page. */
    private void setRow(long offset, long id) {
        boolean isNew = !log.hasPageOf(offset);
        log.set(offset, ID, id + 1);
        if (isNew) {
            long first = offset / Table.ROWS_PER_PAGE * Table.ROWS_PER_PAGE;
            long end = first + Table.ROWS_PER_PAGE;
            for (Passed.Stretch stretch : passed.startingBefore(end)) {
                for (long row = Math.max(first, stretch.from());
                        row < Math.min(end, stretch.to());
                        row++) {
                    pass(row, stretch.assignment(), stretch.isSilent(), stretch.ns());
                }
            }
        }
    }

    Sends sendsOf(long id) {
        Sends own = sends.get(RecordId.producer(id));
        if (own == null) {
            throw new IllegalArgumentException("never sent to " + name + ": id=" + id);
        }
        return own;
    }

    String describe(long id) {
        return sendsOf(id).describe(RecordId.number(id));
    }

    /** The number of the transaction that wrote a record; −1 if none did. */
    int transactionOf(long id) {
        return wasSent(id) ? sendsOf(id).transaction(RecordId.number(id)) : NO_TRANSACTION;
    }

    private void add(Anomaly anomaly, long offset, String... operations) {
        history.findings.add(anomaly, name, offset, operations);
    }
}
