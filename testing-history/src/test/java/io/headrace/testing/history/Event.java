package io.headrace.testing.history;

/**
 * One thing that clients note, with numbers in place of objects, so that a list of them can be
 * changed and played.
 */
sealed interface Event {
    /** Of a record: where it stands, or what reads it. */
    sealed interface OfRecord extends Event {
        int key();
    }

    record Send(int key, int producer, int partition, int transaction) implements OfRecord {}

    record Ack(int key, int partition, long offset) implements OfRecord {}

    record Fail(int key, int partition) implements OfRecord {}

    record Assign(int reader, int partition, boolean isCommitted) implements Event {}

    record From(int reader, int partition, long offset, boolean isStart) implements Event {}

    /** A key of −1 is garbage; a damaged one has a flipped bit. */
    record Read(int reader, int partition, long offset, int key, int epoch, boolean isDamaged)
            implements OfRecord {}

    record End(int reader, int partition, long offset) implements Event {}

    record Ask(int commit, int partition, long offset) implements Event {}

    record Committed(int commit) implements Event {}

    record CommitFailed(int commit) implements Event {}

    record Find(int fetch, int partition) implements Event {}

    /** An offset of −1 says that there was none. */
    record Found(int fetch, int partition, long offset, int commit) implements Event {}

    record AskDeletion(int partition, long offset) implements Event {}

    record Deleted(int partition, long offset) implements Event {}

    record Stopping() implements Event {}

    record Stopped(Stop how) implements Event {}

    record Begin(int transaction) implements Event {}

    record Commit(int transaction) implements Event {}

    record CommitDone(int transaction) implements Event {}

    record Abort(int transaction) implements Event {}

    record AbortDone(int transaction) implements Event {}

    record Observe(int transaction, int partition, int key) implements Event {}
}
