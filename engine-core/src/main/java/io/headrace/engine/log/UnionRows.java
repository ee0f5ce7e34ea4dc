package io.headrace.engine.log;

import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.spi.MetadataStore;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * How far unions have copied what they are over: a row for each partition, folded from the records
 * of the unions' own batches. Used by the projector's thread and, for topics that are gone, by the
 * housekeeping's.
 */
final class UnionRows {
    /** Rows that are deleted one by one before a range is. */
    private static final int SINGLE_DELETES_MAX = 256;

    private final Map<UnionPart, Long> nextOffsets = new HashMap<>();

    /** Adds the rows of a union's batch: each record ends with where it comes from. */
    void onBatch(long viewId, ByteBuffer payload, MetadataStore.Batch batch) {
        int at = payload.position() + RecordBatch.HEADER_LENGTH;
        for (int left = RecordBatch.recordCount(payload, payload.position()); left > 0; left--) {
            long zigzag = 0;
            int shift = 0;
            byte next;
            do {
                next = payload.get(at++);
                zigzag |= (long) (next & 0x7F) << shift;
                shift += 7;
            } while (next < 0);
            at += (int) (zigzag >>> 1); // of a length, which is not negative
            int origin = at - UnionOrigin.LENGTH;
            UnionPart part =
                    new UnionPart(
                            viewId,
                            UnionOrigin.topicId(payload, origin),
                            UnionOrigin.partition(payload, origin));
            nextOffsets.put(part, UnionOrigin.offset(payload, origin) + 1);
        }
        nextOffsets.forEach((part, offset) -> batch.put(part.rowKey(), Rows.value(offset)));
        nextOffsets.clear();
    }

    /** Deletes the rows of a union that is gone. A few go one by one, as those of partitions do. */
    static void onTopicDeleted(long topicId, MetadataStore store, MetadataStore.Batch batch) {
        byte[] prefix = Rows.key(Rows.UNION, topicId);
        byte[] end = Rows.key(Rows.UNION, topicId + 1);
        try (MetadataStore.Cursor cursor = store.cursor(prefix)) {
            boolean found = cursor.seek(prefix);
            for (int count = 0; found && Arrays.compareUnsigned(cursor.key(), end) < 0; count++) {
                if (count == SINGLE_DELETES_MAX) {
                    batch.deleteRange(cursor.key(), end);
                    return;
                }
                batch.delete(cursor.key());
                found = cursor.next();
            }
        }
    }
}
