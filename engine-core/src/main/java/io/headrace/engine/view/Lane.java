package io.headrace.engine.view;

/** What the dispatcher knows of a lane. */
final class Lane {
    /** Of the first reference. */
    long startOffset;

    /** Behind the last reference. */
    long endOffset;

    /** Of the last reference. */
    long lastOffset;

    /** Of the newest reference that says what was taken back; −1 if there is none. */
    long takenBackAt = -1;

    /** Nobody has anything before in hand: it was taken back. */
    long voidEnd;

    /** When it last got on: something was committed, or given where nothing was to commit. */
    long progressMs;

    private long committed = -1;

    /** What the group has committed. */
    void committed(long offset, long nowMs) {
        committed = offset;
        progressMs = nowMs;
    }

    boolean isCommitKnown() {
        return committed >= 0;
    }

    /** First offset that somebody may have in hand. */
    long givenFrom() {
        return Math.max(startOffset, Math.max(committed, voidEnd));
    }

    /** Offset from which on each one has a record, as far as that was not taken back since. */
    long givenStart() {
        return Math.max(startOffset, takenBackAt + 1);
    }

    /** Offsets that somebody may have in hand. */
    long uncommitted() {
        return Math.max(0, endOffset - givenFrom());
    }
}
