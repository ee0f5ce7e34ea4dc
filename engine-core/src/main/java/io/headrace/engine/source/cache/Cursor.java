package io.headrace.engine.source.cache;

/**
 * A place where a partition is being read, how fast it moves, and how far ahead of it blocks were
 * asked for. Several consumers that read the same place are one cursor.
 *
 * <p>Guarded by the lock of its partition.
 */
final class Cursor {
    /** Time over which the rate is averaged. */
    private static final double AVERAGING_NANOS = 5e9;

    /** Most that one step changes the rate, so that a pause is not taken for the pace. */
    private static final double WEIGHT_MAX = 0.25;

    /** Blocks are asked for so much earlier than the store's average time calls for. */
    private static final double MARGIN = 2;

    private static final double BOOST_MAX = 64;

    /** Asked for ahead of who has read the first one of an epoch. */
    private static final int FIRST_LEAD_BLOCKS = 2;

    /** Of the boost, lost with each block. */
    private static final double BOOST_DECAY = 0.02;

    /** How far beyond the lead one step goes, so that not every read asks for one. */
    private static final double STEP = 1.25;

    /** A silence counts as one of up to so many times its length, as it grows. */
    private static final double ABSENCE_FACTOR_MAX = 16;

    private static final double ABSENCE_NANOS = 4e9;

    /**
     * Times that it has to go on before it is believed: readers that jump about do once by chance.
     */
    private static final int STEPS_MIN = 2;

    /** Reads at new places after which a cursor that did not move is not believed any more. */
    private static final int STRAYS_MAX = 32;

    private final boolean isFromStart;
    private long next;
    private long span;
    private long seenNanos;
    private long movedNanos;
    private double rate;
    private boolean hasRead;
    private int steps;
    private int strays;
    private int epoch = 1;
    private long ahead;
    private double boost = 1;
    private long blockRecords;

    Cursor(long next, long nowNanos) {
        this.isFromStart = next == 0;
        this.next = next;
        this.seenNanos = nowNanos;
        this.movedNanos = nowNanos;
    }

    /** Offset after the last record that was read here. */
    long next() {
        return next;
    }

    /** First offset that was not asked for ahead of this cursor. */
    long head(long cycle) {
        return (next + ahead) % cycle;
    }

    /** Epochs begun, this one included; 1 at first. */
    int epoch() {
        return epoch;
    }

    /** Whether it goes on reading where it stopped, so that what it will need next can be said. */
    boolean isFollowed() {
        return steps >= STEPS_MIN;
    }

    /** Somebody reads at a new place. */
    void strayed() {
        if (++strays > STRAYS_MAX) {
            steps = 0;
            rate = 0;
            hasRead = false;
        }
    }

    /** Records from {@link #next} on that were asked for. */
    long ahead() {
        return ahead;
    }

    /** Records per nanosecond; 0 if it has not gone on yet. */
    double rate() {
        return rate;
    }

    long seenNanos() {
        return seenNanos;
    }

    boolean continuesAt(long from) {
        return from == next;
    }

    /** Whether a read repeats what was read lately: another consumer, or the same once more. */
    boolean repeatsAt(long from) {
        return from < next && from >= next - 2 * span;
    }

    /** Whether it has read the epoch, but for a remainder that batches of a fixed size leave. */
    boolean isAtEnd(long cycle) {
        return hasRead && cycle - next <= Math.max(2 * span, cycle / 64);
    }

    /** Goes on at the beginning. */
    void wrap(long cycle, long nowNanos) {
        ahead = Math.max(0, ahead - (cycle - next));
        next = 0;
        epoch++;
        movedNanos = nowNanos;
    }

    void seen(long nowNanos) {
        seenNanos = nowNanos;
    }

    /** Records up to an offset were read. */
    void read(long from, long to, long blockRecordCount, long nowNanos) {
        long gained = to - next;
        seenNanos = nowNanos;
        blockRecords = blockRecordCount;
        if (gained <= 0) {
            return;
        }
        if (hasRead) {
            rate = averaged(rate, gained, nowNanos - movedNanos);
            steps++;
        }
        hasRead = true;
        strays = 0;
        boost =
                Math.max(
                        1, boost * (1 - BOOST_DECAY * Math.min(1, gained / (double) blockRecords)));
        ahead = Math.max(0, ahead - gained);
        movedNanos = nowNanos;
        next = to;
        span = to - from;
    }

    /** An average over time: of a rate until now and of what was gained in the time since. */
    static double averaged(double rate, long gained, long nanos) {
        double elapsed = Math.max(1, nanos);
        double sample = gained / elapsed;
        return rate == 0
                ? sample
                : rate
                        + Math.min(WEIGHT_MAX, elapsed / (elapsed + AVERAGING_NANOS))
                                * (sample - rate);
    }

    /** It had to wait for a block. */
    void stalled() {
        boost = Math.min(BOOST_MAX, 2 * boost);
    }

    /**
     * Records that should be asked for ahead: what is read while the store answers, times a margin
     * that doubles with each wait and falls while there is none; and at least a block.
     */
    private double lead(double loadNanos) {
        return Math.max(blockRecords, Math.max(blockRecords, rate * loadNanos * MARGIN) * boost);
    }

    /**
     * The same before it has gone on: two blocks if it has begun where an epoch begins, as who
     * waits for the second one as long as for the first loses the store's latency once more.
     */
    private long firstLead() {
        return isFromStart && hasRead ? FIRST_LEAD_BLOCKS * blockRecords : 0;
    }

    boolean wantsMore(double loadNanos) {
        return rate == 0 ? ahead < firstLead() : ahead <= lead(loadNanos);
    }

    /** Whether a step that was begun goes on. */
    boolean wantsStill(double loadNanos) {
        return rate == 0 ? ahead < firstLead() : ahead <= STEP * lead(loadNanos);
    }

    /** So many more records ahead were asked for. */
    void asked(long recordCount) {
        ahead += recordCount;
    }

    /** Blocks that were asked for, about. */
    double aheadBlocks() {
        return blockRecords == 0 ? 0 : (double) ahead / blockRecords;
    }

    /** Time until the reader comes to the end of what was asked for, in nanoseconds. */
    double aheadNanos() {
        return ahead / rate;
    }

    /**
     * Time until records at a distance are read, in nanoseconds: silence, and what it takes to get
     * there.
     */
    double useNanos(long distance, long nowNanos) {
        return absenceNanos(nowNanos - seenNanos) + distance / rate;
    }

    /**
     * How long a silence can be expected to go on. What was silent for long will be so for as long
     * again (so it is where the chances of a longer silence fall as a power of its length); and the
     * longer the silence, the likelier that nobody comes back at all, which is why it counts for
     * more than its length.
     */
    static double absenceNanos(long silenceNanos) {
        double silence = Math.max(0, silenceNanos);
        return silence * Math.min(ABSENCE_FACTOR_MAX, Math.max(1, silence / ABSENCE_NANOS));
    }
}
