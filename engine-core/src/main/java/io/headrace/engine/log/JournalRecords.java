package io.headrace.engine.log;

import io.headrace.engine.source.SlicedRecords;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.Journal.JournalLease;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Batches in the mapping of one journal cycle. */
final class JournalRecords extends SlicedRecords {
    private final JournalLease mapping;

    private JournalRecords(
            JournalLease mapping, List<ByteBuffer> slices, int length, long nextOffset) {
        super(slices, length, nextOffset);
        this.mapping = mapping;
    }

    /** Collects batches of one cycle, in offset order. */
    static final class Builder {
        private final JournalLease mapping;
        private final List<ByteBuffer> slices = new ArrayList<>();
        private int cycle;
        private int length;
        private long nextOffset;

        /** Takes over the mapping if {@link #build} is called. */
        Builder(JournalLease mapping) {
            this.mapping = mapping;
        }

        /** Adds a batch; false if it is one too many or lies in another cycle. */
        boolean add(long position, int batchLength, long lastOffset, int lengthMax) {
            if (slices.isEmpty()) {
                cycle = Journal.cycle(position);
            } else if (Journal.cycle(position) != cycle
                    || (long) length + batchLength > lengthMax
                    || slices.size() == SLICE_COUNT_MAX) {
                return false;
            }
            int at = (int) (Journal.fileOffset(position) + Journal.ENVELOPE_LENGTH);
            slices.add(mapping.buffer().slice(at, batchLength));
            length += batchLength;
            nextOffset = lastOffset + 1;
            return true;
        }

        boolean isEmpty() {
            return slices.isEmpty();
        }

        JournalRecords build() {
            return new JournalRecords(mapping, slices, length, nextOffset);
        }
    }

    @Override
    protected void release() {
        mapping.close();
    }
}
