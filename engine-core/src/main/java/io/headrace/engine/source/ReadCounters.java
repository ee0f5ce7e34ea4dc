package io.headrace.engine.source;

import io.headrace.engine.source.cache.Tier;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ObjLongConsumer;

/** What readers were given, of one topic or of all. */
final class ReadCounters {
    /** Epochs that are counted apart; the last stands for all later ones, too. */
    private static final int EPOCH_COUNT = 4;

    private final LongAdder[] visits = new LongAdder[EPOCH_COUNT * Tier.values().length];
    final LongAdder bytes = new LongAdder();

    /** Requests that reading the same from the store would have taken. */
    final LongAdder requests = new LongAdder();

    final LongAdder waits = new LongAdder();
    final LongAdder waitNanos = new LongAdder();

    ReadCounters() {
        for (int i = 0; i < visits.length; i++) {
            visits[i] = new LongAdder();
        }
    }

    /** A block was read to its end. */
    void visited(int epoch, Tier tier, int requestCount) {
        int row = Math.min(epoch, EPOCH_COUNT) - 1;
        visits[row * Tier.values().length + tier.ordinal()].increment();
        requests.add(requestCount);
    }

    /** A read waited for a block. */
    void waited(long nanos) {
        waits.increment();
        waitNanos.add(nanos);
    }

    void forEach(String topicName, ObjLongConsumer<String> consumer) {
        String label = "{topic=\"" + topicName + "\"";
        consumer.accept("headrace_source_topic_served_bytes_total" + label + "}", bytes.sum());
        consumer.accept(
                "headrace_source_topic_wait_nanoseconds_total" + label + "}", waitNanos.sum());
        for (int epoch = 1; epoch <= EPOCH_COUNT; epoch++) {
            for (Tier tier : Tier.values()) {
                long count = visits[(epoch - 1) * Tier.values().length + tier.ordinal()].sum();
                String name = epoch == EPOCH_COUNT ? epoch + "+" : "" + epoch;
                consumer.accept(
                        "headrace_source_topic_block_reads_total"
                                + label
                                + ",epoch=\""
                                + name
                                + "\",tier=\""
                                + tier.label()
                                + "\"}",
                        count);
            }
        }
    }
}
