package io.headrace.engine.log;

import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.spi.MetadataStore;
import java.nio.ByteBuffer;
import java.util.function.LongSupplier;
import org.agrona.collections.Long2ObjectHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The idempotent producers of one partition that have sent something since its activation. What the
 * projection says about one is read when its first batch comes, and is older than the activation.
 * There can be hundreds of thousands of them, so they are never all read. Guarded by its owner,
 * except {@link #read}.
 *
 * <p>They are linked in the order of their last appends, so that those which can be forgotten are
 * found without looking at the others. Those that were read are linked before all that appended, in
 * any order, and may so be forgotten later than they could be.
 */
final class ProducerStates {
    /**
     * {@link #check}: the producer has to be {@link #read} and {@link #remember}ed first. No status
     * and no offset.
     */
    static final long UNREAD = ProducerState.NEW + 1;

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
     * The partition may have lost acknowledged batches: of those that are read, a producer whose
     * newest batch is before this offset may lack some behind it.
     */
    void expectLossBefore(long offset) {
        lossOffset = offset;
    }

    /**
     * As {@link ProducerState#check}; {@link ProducerState#NEW} for a batch without producer id,
     * {@link #UNREAD} for one whose producer is not known.
     */
    long check(ByteBuffer batch, int at) {
        long producerId = RecordBatch.producerId(batch, at);
        if (producerId < 0) {
            return ProducerState.NEW;
        }
        Producer producer = producers == null ? null : producers.get(producerId);
        return producer == null ? UNREAD : producer.state.check(batch, at);
    }

    /**
     * What the projection knows of a producer. It may have to be read from the disk, so the owner's
     * lock is not to be held.
     */
    ProducerState read(long producerId) {
        byte[] row = store.get(Rows.producerKey(topicId, partition, producerId));
        ProducerState state = row == null ? null : ProducerState.decode(row);
        if (state == null || state.lastAppendMs() < notBeforeMs.getAsLong()) {
            return new ProducerState();
        }
        if (state.lastOffset() < lossOffset) {
            state.expectLoss();
        }
        return state;
    }

    /** Takes what was read, unless the producer is known by now. */
    void remember(long producerId, ProducerState state) {
        Long2ObjectHashMap<Producer> known = known();
        if (!known.containsKey(producerId)) {
            Producer producer = new Producer(producerId, state);
            producer.linkBefore(ends.after);
            known.put(producerId, producer);
        }
    }

    void onAppended(ByteBuffer batch, int at, long baseOffset, long appendTimeMs) {
        long producerId = RecordBatch.producerId(batch, at);
        if (producerId < 0) {
            return;
        }
        Producer producer = known().get(producerId);
        if (producer == null) {
            producer = new Producer(producerId, new ProducerState());
            known().put(producerId, producer);
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

    private Long2ObjectHashMap<Producer> known() {
        if (producers == null) {
            producers = new Long2ObjectHashMap<>(8, 0.65f);
        }
        return producers;
    }
}
