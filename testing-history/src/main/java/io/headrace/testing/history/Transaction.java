package io.headrace.testing.history;

import org.jspecify.annotations.Nullable;

/** One transaction: each call notes what its client asks, or was answered. Thread-safe. */
public final class Transaction {
    private enum State {
        OPEN,
        COMMITTING,
        COMMITTED,
        ABORTING,
        ABORTED
    }

    final int number;
    private final History history;
    private final String name;
    private final long begunNs;
    private long decidedNs;
    private State state = State.OPEN;

    /** How many of its records were read at read-committed. */
    int seenCount;

    Transaction(History history, int number, String name) {
        this.history = history;
        this.number = number;
        this.name = name;
        this.begunNs = history.now();
    }

    /** Called before it is asked to commit. */
    public void committing() {
        become(State.COMMITTING);
    }

    public void committed() {
        become(State.COMMITTED);
    }

    /** Called before it is asked to abort. */
    public void aborting() {
        become(State.ABORTING);
    }

    /** So it was answered; or the commit failed, which is certain. */
    public void aborted() {
        become(State.ABORTED);
    }

    /** It has read a record: an output depends on it. */
    public void observed(PartitionHistory partition, long id) {
        synchronized (history) {
            history.transactions.observed(this, partition.transactionOf(id));
        }
    }

    private void become(State next) {
        synchronized (history) {
            history.count();
            state = next;
            decidedNs = history.now();
        }
    }

    /** What it means that one of its records is read at read-committed in this state. */
    @Nullable Anomaly anomalyIfReadNow() {
        return switch (state) {
            case OPEN -> Anomaly.UNCOMMITTED_READ;
            case ABORTING, ABORTED -> Anomaly.ABORTED_READ;
            case COMMITTING, COMMITTED -> null;
        };
    }

    boolean isCommitted() {
        return state == State.COMMITTED;
    }

    boolean isAborted() {
        return state == State.ABORTED;
    }

    String describe() {
        return "transaction="
                + name
                + " begun="
                + Clock.text(begunNs)
                + " "
                + state
                + (decidedNs == 0 ? "" : "=" + Clock.text(decidedNs))
                + " records read="
                + seenCount;
    }
}
