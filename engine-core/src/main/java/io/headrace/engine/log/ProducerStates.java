package io.headrace.engine.log;

import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.spi.MetadataStore;
import java.nio.ByteBuffer;
import org.agrona.collections.Long2ObjectHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The idempotent producers of one partition, loaded from the projection when the first of them
 * appends: all that it says about this partition is older than the partition's activation. Guarded
 * by its owner.
 */
final class ProducerStates {
    private final MetadataStore store;
    private final long topicId;
    private final int partition;
    private final long notBeforeMs;
    private @Nullable Long2ObjectHashMap<ProducerState> producers;

    /**
     * @param notBeforeMs producers whose last batch is older are forgotten
     */
    ProducerStates(MetadataStore store, long topicId, int partition, long notBeforeMs) {
        this.store = store;
        this.topicId = topicId;
        this.partition = partition;
        this.notBeforeMs = notBeforeMs;
    }

    /**
     * As {@link ProducerState#check}; {@link ProducerState#NEW} for a batch without producer id.
     */
    long check(ByteBuffer batch, int at) {
        long producerId = RecordBatch.producerId(batch, at);
        if (producerId < 0) {
            return ProducerState.NEW;
        }
        ProducerState state = loaded().get(producerId);
        return state == null ? ProducerState.NEW : state.check(batch, at);
    }

    void onAppended(ByteBuffer batch, int at, long baseOffset) {
        long producerId = RecordBatch.producerId(batch, at);
        if (producerId < 0) {
            return;
        }
        ProducerState state = loaded().get(producerId);
        if (state == null) {
            state = new ProducerState();
            loaded().put(producerId, state);
        }
        state.onAppended(batch, at, baseOffset);
    }

    private Long2ObjectHashMap<ProducerState> loaded() {
        if (producers == null) {
            producers = load();
        }
        return producers;
    }

    private Long2ObjectHashMap<ProducerState> load() {
        Long2ObjectHashMap<ProducerState> loaded = new Long2ObjectHashMap<>(8, 0.65f);
        byte[] prefix = Rows.key(Rows.PRODUCER, topicId, partition);
        try (MetadataStore.Cursor cursor = store.cursor(prefix)) {
            boolean found = cursor.seek(prefix);
            while (found) {
                ProducerState state = ProducerState.decode(cursor.value());
                if (state.lastTimestampMs() >= notBeforeMs) {
                    loaded.put(Rows.lastOf(cursor.key()), state);
                }
                found = cursor.next();
            }
        }
        return loaded;
    }
}
