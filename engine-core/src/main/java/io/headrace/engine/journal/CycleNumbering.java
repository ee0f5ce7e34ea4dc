package io.headrace.engine.journal;

import net.openhft.chronicle.core.time.TimeProvider;
import net.openhft.chronicle.queue.RollCycle;

/**
 * Makes Chronicle's clock ours: a cycle is a day to it, and the day is the cycle number that the
 * journal says. Files are named by modified Julian day, the only number of days that a date format
 * can print, so that a file's name is its cycle number.
 *
 * <p>Set and read by the appending thread (and by whoever opens the queue).
 */
final class CycleNumbering implements RollCycle, TimeProvider {
    /** The lowest cycle number of any journal; above {@link #EPOCH_DAY}. */
    static final int FIRST_CYCLE = 100_000;

    /** Modified Julian day of 1970-01-01. */
    private static final int EPOCH_DAY = 40_587;

    private static final int DAY_MS = 24 * 3600 * 1000;

    private volatile int cycle;

    CycleNumbering(int cycle) {
        this.cycle = cycle;
    }

    void cycle(int number) {
        this.cycle = number;
    }

    int cycle() {
        return cycle;
    }

    /** The name of a cycle's file. */
    static String fileName(int cycle) {
        return String.format("%08d.cq4", cycle);
    }

    @Override
    public long currentTimeMillis() {
        return (cycle - EPOCH_DAY) * (long) DAY_MS;
    }

    @Override
    public String format() {
        return "gggggggg";
    }

    @Override
    public int lengthInMillis() {
        return DAY_MS;
    }

    /** Chronicle's own index is of no use to us: as small as it gets. */
    @Override
    public int defaultIndexCount() {
        return 8;
    }

    /** 8 × 8 × 2^20 entries can be numbered: more than 1 GiB of the shortest. */
    @Override
    public int defaultIndexSpacing() {
        return 1 << 20;
    }

    @Override
    public long toIndex(int chronicleCycle, long sequenceNumber) {
        return ((long) chronicleCycle << 32) + (sequenceNumber & 0xFFFF_FFFFL);
    }

    @Override
    public long toSequenceNumber(long index) {
        return index & 0xFFFF_FFFFL;
    }

    @Override
    public int toCycle(long index) {
        return (int) (index >>> 32);
    }

    @Override
    public long maxMessagesPerCycle() {
        return 64L << 20;
    }
}
