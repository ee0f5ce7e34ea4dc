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

    /** Nobody has anything before in hand: it was taken back, or has gone. */
    long voidEnd;

    /** When somebody last looked whether what it was given is still there. */
    long lookedMs;

    /** When it last got on: something was committed, or given where nothing was to commit. */
    long progressMs;

    private long committed = -1;

    /** There are no records between these, as a reader has found who came from behind commits. */
    private long passedFrom;

    private long passedEnd;

    /** What the group has committed; whether that is more than before. */
    boolean committed(long offset, long nowMs) {
        boolean getsOn = offset > committed;
        if (offset != committed) {
            progressMs = nowMs;
        }
        committed = offset;
        return getsOn;
    }

    /** The owner is about to commit: he gets on, whether or not that is known before it is done. */
    void committing(long offset, long nowMs) {
        if (offset > committed) {
            progressMs = nowMs;
        }
    }

    /** A reader has found no records between two offsets. */
    void passed(long fromOffset, long end) {
        long from = givenFrom();
        if (end <= from) {
            return;
        }
        if (fromOffset <= from) {
            voidEnd = end;
        } else if (passedEnd <= from || fromOffset <= passedFrom) {
            passedFrom = fromOffset;
            passedEnd = end;
        }
    }

    boolean isCommitKnown() {
        return committed >= 0;
    }

    /** First offset that somebody may have in hand. */
    long givenFrom() {
        long from = Math.max(startOffset, Math.max(committed, voidEnd));
        return passedFrom <= from ? Math.max(from, passedEnd) : from;
    }

    /** Offsets that somebody may have in hand. */
    long uncommitted() {
        return Math.max(0, endOffset - givenFrom());
    }
}
