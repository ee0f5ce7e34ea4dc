package io.headrace.engine.log;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** What became of the records below a union since the start. Written by one thread, read by any. */
final class UnionCounts {
    final LongAdder copied = new LongAdder();
    final LongAdder copiedBytes = new LongAdder();

    /** Appends that the union's journal did not take. */
    final LongAdder refused = new LongAdder();

    private final Map<Skipped, LongAdder> skipped = new EnumMap<>(Skipped.class);

    /** Why records are not copied. */
    enum Skipped {
        DELETED("deleted"),
        UNREADABLE("unreadable"),
        TOO_LONG("too_long");

        /** As metrics have it. */
        final String label;

        Skipped(String label) {
            this.label = label;
        }
    }

    UnionCounts() {
        for (Skipped reason : Skipped.values()) {
            skipped.put(reason, new LongAdder());
        }
    }

    void skip(Skipped reason, long count) {
        LongAdder adder = skipped.get(reason);
        if (adder != null) {
            adder.add(count);
        }
    }

    long skipped(Skipped reason) {
        LongAdder adder = skipped.get(reason);
        return adder == null ? 0 : adder.sum();
    }

    long skipped() {
        long sum = 0;
        for (LongAdder adder : skipped.values()) {
            sum += adder.sum();
        }
        return sum;
    }
}
