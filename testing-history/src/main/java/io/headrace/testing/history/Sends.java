package io.headrace.testing.history;

/**
 * What one producer sent to one partition: a row for each record, by its number. Guarded by the
 * history's lock.
 */
final class Sends {
    private static final int HOME = 0;
    private static final int INVOKED = 1;
    private static final int KNOWN = 2;
    private static final int STATE = 3;

    private static final long OUTCOME_MASK = 3;
    private static final long SEEN_COMMITTED = 4;
    private static final int TRANSACTION_SHIFT = 8;
    private static final Outcome[] OUTCOMES = Outcome.values();

    final ProducerHistory producer;
    private final Table rows;
    private long count;

    Sends(ProducerHistory producer, PageStore pages) {
        this.producer = producer;
        this.rows = new Table(pages);
    }

    /** Returns its number. */
    long add(int transaction, long nowNs) {
        rows.set(count, INVOKED, nowNs);
        rows.set(count, STATE, (long) (transaction + 1) << TRANSACTION_SHIFT);
        return count++;
    }

    boolean has(long number) {
        return number < count;
    }

    /** The offset at which it is known to stand; −1 if none is known. */
    long home(long number) {
        return rows.get(number, HOME) - 1;
    }

    void standsAt(long number, long offset, long nowNs) {
        rows.set(number, HOME, offset + 1);
        rows.set(number, KNOWN, nowNs);
    }

    long invokedNs(long number) {
        return rows.get(number, INVOKED);
    }

    /** When its offset was first told, by an answer or a reader. */
    long knownNs(long number) {
        return rows.get(number, KNOWN);
    }

    Outcome outcome(long number) {
        return OUTCOMES[(int) (rows.get(number, STATE) & OUTCOME_MASK)];
    }

    void outcome(long number, Outcome outcome) {
        long state = rows.get(number, STATE) & ~OUTCOME_MASK;
        rows.set(number, STATE, state | outcome.ordinal());
    }

    /** The number of its transaction; −1 if it has none. */
    int transaction(long number) {
        return (int) (rows.get(number, STATE) >>> TRANSACTION_SHIFT) - 1;
    }

    boolean isSeenCommitted(long number) {
        return (rows.get(number, STATE) & SEEN_COMMITTED) != 0;
    }

    void seenCommitted(long number) {
        rows.set(number, STATE, rows.get(number, STATE) | SEEN_COMMITTED);
    }

    String describe(long number) {
        return "send producer="
                + producer.name()
                + " number="
                + number
                + " invoked="
                + Clock.text(invokedNs(number))
                + " outcome="
                + outcome(number)
                + (home(number) < 0
                        ? ""
                        : " offset=" + home(number) + " known=" + Clock.text(knownNs(number)));
    }
}
