package io.headrace.engine.view;

import io.headrace.engine.RecordsLease;
import java.nio.ByteBuffer;

/** Batches of a version, where they lie, with the offsets of an alias. */
final class ShiftedRecords implements RecordsLease {
    private final RecordsLease records;
    private final long shift;

    /**
     * @param records taken over
     * @param shift what makes an offset of the alias out of one of theirs
     */
    ShiftedRecords(RecordsLease records, long shift) {
        this.records = records;
        this.shift = shift;
    }

    @Override
    public int sliceCount() {
        return records.sliceCount();
    }

    @Override
    public ByteBuffer slice(int index) {
        return records.slice(index);
    }

    @Override
    public int length() {
        return records.length();
    }

    @Override
    public long nextOffset() {
        return records.nextOffset() + shift;
    }

    @Override
    public long offsetShift(int index) {
        return records.offsetShift(index) + shift;
    }

    @Override
    public int leaderEpoch(int index) {
        return records.leaderEpoch(index);
    }

    @Override
    public void close() {
        records.close();
    }
}
