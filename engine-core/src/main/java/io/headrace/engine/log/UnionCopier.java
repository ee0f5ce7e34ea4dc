package io.headrace.engine.log;

import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.batch.BatchRecords;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordFilter;
import io.headrace.engine.batch.UnreadableBatchException;
import io.headrace.engine.log.UnionCounts.Skipped;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Copies records, one by one, out of what was read of a partition into a union's batch, and counts
 * what cannot be copied.
 *
 * <p>Used by the thread that copies.
 */
final class UnionCopier {
    private static final Logger LOGGER = LoggerFactory.getLogger(UnionCopier.class);

    /** From one message about records that were not copied to the next. */
    private static final long COMPLAINT_NS = TimeUnit.SECONDS.toNanos(10);

    private final UnionWriter writer;
    private final @Nullable RecordFilter recordFilter;
    private final long goLength;
    private final Background background;
    private final BooleanSupplier isStopped;
    private final BatchRecords records = new BatchRecords();
    private final UnionOrigin origin = new UnionOrigin();
    private long complainedNs;
    private long copiedLength;

    /**
     * @param goLength bytes that are copied of a partition in one go, decompressed; one batch more
     *     at most
     * @param isStopped whether nothing is to be copied any more
     */
    UnionCopier(
            UnionWriter writer,
            @Nullable RecordFilter recordFilter,
            long goLength,
            Background background,
            BooleanSupplier isStopped) {
        this.writer = writer;
        this.recordFilter = recordFilter;
        this.goLength = goLength;
        this.background = background;
        this.isStopped = isStopped;
        this.complainedNs = background.nanoTime() - COMPLAINT_NS;
    }

    /**
     * Copies what was read, or as much of it as may be in one go.
     *
     * @return bytes of what was copied, decompressed
     */
    long copy(Union union, Topic topic, UnionPart part, RecordsLease lease) {
        byte[] name = topic.name().getBytes(StandardCharsets.UTF_8);
        copiedLength = 0;
        for (int i = 0; i < lease.sliceCount(); i++) {
            ByteBuffer batches = lease.slice(i).duplicate();
            int end = batches.limit();
            for (int at = batches.position(); at < end; at = batches.limit()) {
                batches.limit(end).position(at).limit(at + RecordBatch.length(batches, at));
                if (!copyBatch(union, topic, name, part, batches)) {
                    return copiedLength;
                }
                if (copiedLength >= goLength || isStopped.getAsBoolean()) {
                    return copiedLength;
                }
            }
        }
        writer.pass(union, part, lease.nextOffset());
        return copiedLength;
    }

    /** False if the union takes nothing now. */
    private boolean copyBatch(
            Union union, Topic topic, byte[] name, UnionPart part, ByteBuffer batch) {
        int at = batch.position();
        long end = RecordBatch.lastOffset(batch, at) + 1;
        if (!RecordBatch.isControl(batch, at)) {
            try {
                ByteBuffer plain = uncompressed(batch);
                copiedLength += plain.remaining();
                if (!copyRecords(union, topic, name, part, plain)) {
                    return false;
                }
            } catch (UnreadableBatchException | IndexOutOfBoundsException e) {
                copiedLength += batch.remaining();
                long from = Math.max(writer.nextOffset(union, part), 0);
                String why = e.getMessage() + ": " + e.getCause();
                skip(union, topic, part, from, end, end - from, Skipped.UNREADABLE, why);
            }
        }
        writer.pass(union, part, end);
        return true;
    }

    /** As a whole; how much that may be the filter says. */
    private ByteBuffer uncompressed(ByteBuffer batch) {
        if (RecordBatch.compression(batch, batch.position()) == 0) {
            return batch;
        }
        RecordFilter filter = recordFilter;
        if (filter == null) {
            throw new UnreadableBatchException("no codec in this engine");
        }
        return filter.uncompressed(batch);
    }

    private boolean copyRecords(
            Union union, Topic topic, byte[] name, UnionPart part, ByteBuffer batch) {
        long from = writer.nextOffset(union, part);
        records.of(batch);
        while (records.next()) {
            long offset = records.offset();
            if (offset >= from) {
                ByteBuffer headers =
                        origin.append(
                                records.headers(), name, part.topicId(), part.partition(), offset);
                if (writer.isTooLong(records, headers)) {
                    String why = "longer than a batch may be";
                    skip(union, topic, part, offset, offset + 1, 1, Skipped.TOO_LONG, why);
                } else if (!writer.add(union, part, records, headers)) {
                    return false;
                }
                from = offset + 1;
            }
        }
        return true;
    }

    /** Goes on behind records that are not copied, counts them, and says so now and then. */
    void skip(
            Union union,
            Topic topic,
            UnionPart part,
            long from,
            long to,
            long count,
            Skipped reason,
            String why) {
        writer.skip(union, part, to, reason, count);
        if (background.nanoTime() - complainedNs < COMPLAINT_NS) {
            return;
        }
        complainedNs = background.nanoTime();
        LOGGER.warn(
                "records could not be copied into a union: union={} topic={} partition={} from={}"
                        + " to={} reason={} skippedSinceStart={}",
                union.topic().name(),
                topic.name(),
                part.partition(),
                from,
                to,
                why,
                union.counts().skipped());
    }
}
