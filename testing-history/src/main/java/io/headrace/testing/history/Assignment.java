package io.headrace.testing.history;

/**
 * One reader of a partition, from the moment it asks where to begin until it is given up or seeks:
 * what it reads comes in order, and leaves nothing out. Used by one thread, or one at a time.
 */
public final class Assignment {
    final PartitionHistory partition;
    final int number;
    final String reader;
    final Isolation isolation;
    final long invokedNs;

    /** What lay before this offset was gone, and known to be, when it began. */
    final long goneBefore;

    /** The offset behind what was read last; −1 while it is not known. */
    long position = -1;

    /** That of what was read last; −1 if it was not told. */
    int leaderEpoch = -1;

    Assignment(
            PartitionHistory partition,
            int number,
            String reader,
            Isolation isolation,
            long invokedNs,
            long goneBefore) {
        this.partition = partition;
        this.number = number;
        this.reader = reader;
        this.isolation = isolation;
        this.invokedNs = invokedNs;
        this.goneBefore = goneBefore;
    }

    /** It reads from the log's start, which is here. Asked for after the assignment was made. */
    public void fromStart(long logStartOffset) {
        partition.fromStart(this, logStartOffset);
    }

    /** It reads from an offset of its choice. */
    public void from(long offset) {
        partition.from(this, offset);
    }

    /**
     * It was given a record.
     *
     * @param leaderEpoch −1 if it was not told
     */
    public void read(long offset, byte[] value, int leaderEpoch) {
        partition.read(this, offset, value, leaderEpoch);
    }

    /** As above, where the bytes are checked by somebody else. */
    public void read(long offset, long id, int leaderEpoch) {
        partition.read(this, offset, id, leaderEpoch);
    }

    /** It has read up to the log's end, which was asked for after the assignment was made. */
    public void reachedEnd(long logEndOffset) {
        partition.reachedEnd(this, logEndOffset);
    }

    /** For a report. */
    String describe() {
        return "reader=" + reader + " assigned=" + Clock.text(invokedNs) + " " + isolation;
    }
}
