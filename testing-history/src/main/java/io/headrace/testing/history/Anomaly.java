package io.headrace.testing.history;

/** What a history must not show. */
public enum Anomaly {
    /** A record that was acknowledged or read is gone, and its mode does not allow that. */
    LOST_WRITE,
    /** What a crash may take is gone, but no new leader epoch tells readers so. */
    SILENT_LOSS,
    /** A record of an idempotent producer stands at two offsets. */
    DUPLICATE,
    /**
     * Two records at one offset, over all acknowledgements and readers, at any time; or one that
     * was sent when that offset had left the log.
     */
    OFFSET_CONFLICT,
    /** Records of one producer stand in another order than they were sent in. */
    REORDERED,
    /** A record stands before one that was known when it was sent. */
    OFFSET_WENT_BACK,
    /** An offset without a record, where each has to have one. */
    GAP,
    /** A record that nobody sent to this partition. */
    NEVER_SENT,
    /** A record with other bytes than were sent. */
    CORRUPT,
    /** What was deleted, or has left the log at its start, is back. */
    RETURNED,
    /** A record that was acknowledged, and that nobody has read until the end of the history. */
    UNSEEN,
    /** A reader passed over a record that is there. */
    READ_SKIPPED,
    /** A reader was given an offset again, or one before it, within an assignment. */
    READ_WENT_BACK,
    /** A committed offset is gone, or an older one is back. */
    COMMIT_WENT_BACK,
    /** A committed offset that nobody asked for. */
    COMMIT_NEVER_ASKED,
    /** A committed offset behind the end of the log. */
    COMMIT_BEYOND_END,
    /** A record was read whose send failed, or whose transaction was aborted. */
    ABORTED_READ,
    /** A record was read, at read-committed, before its transaction was asked to commit. */
    UNCOMMITTED_READ,
    /** Some records of a transaction were read, and another is not there. */
    TORN_TRANSACTION,
    /** Transactions each of which stands before the next in some partition, in a circle (G0). */
    WRITE_CYCLE,
    /** Transactions each of which has read what the one before it wrote, in a circle (G1c). */
    INFORMATION_CYCLE,
    /** A topic whose creation was answered is not there. */
    TOPIC_LOST,
    /** A topic whose deletion was answered is there. */
    TOPIC_RETURNED,
    /** A topic that nobody created. */
    TOPIC_NEVER_CREATED
}
