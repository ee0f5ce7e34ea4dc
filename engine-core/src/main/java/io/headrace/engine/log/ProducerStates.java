package io.headrace.engine.log;

import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.spi.MetadataStore;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.LongSupplier;
import org.agrona.collections.Long2ObjectHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The idempotent producers of one partition, loaded from the projection when the first of them
 * appends: all that it says about this partition is older than the partition's activation. Guarded
 * by its owner.
 *
 * <p>They are linked in the order of their last appends, so that those which can be forgotten are
 * found without looking at the others.
 */
final class ProducerStates {
    private final MetadataStore store;
    private final long topicId;
    private final int partition;
    private final LongSupplier notBeforeMs;
    private @Nullable Long2ObjectHashMap<Producer> producers;
    private long lossOffset;

    /** Before the one that was silent longest, and behind the one that appended last. */
    private final Producer ends = new Producer(RecordBatch.NO_PRODUCER_ID, new ProducerState());

    /** A producer between two others that appended before and after it. */
    private static final class Producer {
        final long id;
        final ProducerState state;
        Producer before = this;
        Producer after = this;

        Producer(long id, ProducerState state) {
            this.id = id;
            this.state = state;
        }

        void unlink() {
            before.after = after;
            after.before = before;
        }

        void linkBefore(Producer next) {
            after = next;
            before = next.before;
            before.after = this;
            next.before = this;
        }
    }

    /**
     * @param notBeforeMs when a producer must have appended to be remembered
     */
    ProducerStates(MetadataStore store, long topicId, int partition, LongSupplier notBeforeMs) {
        this.store = store;
        this.topicId = topicId;
        this.partition = partition;
        this.notBeforeMs = notBeforeMs;
    }

    /**
     * The partition may have lost acknowledged batches: of those that are loaded, a producer whose
     * newest batch is before this offset may lack some behind it.
     */
    void expectLossBefore(long offset) {
        lossOffset = offset;
    }

    /**
     * As {@link ProducerState#check}; {@link ProducerState#NEW} for a batch without producer id.
     */
    long check(ByteBuffer batch, int at) {
        long producerId = RecordBatch.producerId(batch, at);
        if (producerId < 0) {
            return ProducerState.NEW;
        }
        Producer producer = loaded().get(producerId);
        return producer == null ? ProducerState.NEW : producer.state.check(batch, at);
    }

    void onAppended(ByteBuffer batch, int at, long baseOffset, long appendTimeMs) {
        long producerId = RecordBatch.producerId(batch, at);
        if (producerId < 0) {
            return;
        }
        Producer producer = loaded().get(producerId);
        if (producer == null) {
            producer = new Producer(producerId, new ProducerState());
            loaded().put(producerId, producer);
        } else {
            producer.unlink();
        }
        producer.linkBefore(ends);
        producer.state.onAppended(batch, at, baseOffset, appendTimeMs);
    }

    /**
     * Forgets the producers that are silent for too long, at most so many.
     *
     * @return whether it was as many, so that there may be more
     */
    boolean expire(int countMax) {
        if (producers == null) {
            return false;
        }
        long notBefore = notBeforeMs.getAsLong();
        Producer oldest = ends.after;
        for (int i = 0; i < countMax; i++) {
            if (oldest == ends || oldest.state.lastAppendMs() >= notBefore) {
                return false;
            }
            oldest.unlink();
            producers.remove(oldest.id);
            oldest = ends.after;
        }
        return true;
    }

    private Long2ObjectHashMap<Producer> loaded() {
        if (producers == null) {
            producers = load();
        }
        return producers;
    }

    private Long2ObjectHashMap<Producer> load() {
        List<Producer> rows = rows();
        rows.sort(Comparator.comparingLong(producer -> producer.state.lastAppendMs()));
        Long2ObjectHashMap<Producer> loaded = new Long2ObjectHashMap<>(8, 0.65f);
        for (Producer producer : rows) {
            producer.linkBefore(ends);
            loaded.put(producer.id, producer);
        }
        return loaded;
    }

    private List<Producer> rows() {
        List<Producer> rows = new ArrayList<>();
        long notBefore = notBeforeMs.getAsLong();
        byte[] prefix = Rows.key(Rows.PRODUCER, topicId, partition);
        try (MetadataStore.Cursor cursor = store.cursor(prefix)) {
            boolean found = cursor.seek(prefix);
            while (found) {
                ProducerState state = ProducerState.decode(cursor.value());
                if (state.lastOffset() < lossOffset) {
                    state.expectLoss();
                }
                if (state.lastAppendMs() >= notBefore) {
                    rows.add(new Producer(Rows.lastOf(cursor.key()), state));
                }
                found = cursor.next();
            }
        }
        return rows;
    }
}
