package io.headrace.server.simulation;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A compacted topic of one partition, and what must be true of it whenever it is read: each record
 * was sent with that offset; of each key there is one at or behind the newest that was
 * acknowledged, or nothing at all if that one is a tombstone.
 */
final class KeyedTopic {
    static final String NAME = "keyed";

    static final Map<String, String> CONFIGS =
            Map.of(
                    "cleanup.policy",
                    "compact",
                    "max.compaction.lag.ms",
                    "1",
                    "delete.retention.ms",
                    "300");

    private static final int KEYS = 8;
    private static final int BATCH_MAX = 4;
    private static final int TOMBSTONES_ONE_IN = 4;
    private static final int PADDING_MAX = 120;

    /** Reads that may be overtaken by compaction, one after the other. */
    private static final int READS_MAX = 50;

    private final Random random;
    private final Trace trace;

    /** All that was sent, with the offset that it was given. */
    private final Set<Sent> sent = new HashSet<>();

    /** Of each key the newest that was acknowledged. */
    private final Map<Integer, Sent> acknowledged = new TreeMap<>();

    private long nextValue;

    /**
     * @param value {@link #NONE} for a tombstone
     */
    private record Sent(long offset, int key, long value) {}

    private static final long NONE = -1;

    /** Reads the topic from its start to its end. */
    interface Reader {
        /**
         * @return whether it got to the end
         */
        boolean read(Leases leases);
    }

    /** Takes what was read. */
    interface Leases {
        void onLease(RecordsLease lease, long fromOffset);
    }

    KeyedTopic(Random random, Trace trace) {
        this.random = random;
        this.trace = trace;
    }

    /**
     * Sends a batch, once. Returns what the log answers.
     *
     * @param isThere whether the client still hears what this engine says
     */
    long append(PartitionLog log, long nowMs, BooleanSupplier isThere) {
        int[] keys = new int[1 + random.nextInt(BATCH_MAX)];
        long[] values = new long[keys.length];
        ByteBuffer batch = batch(keys, values, nowMs);
        long offset = log.append(batch, nowMs);
        trace.note("append " + NAME, offset);
        if (offset == PartitionLog.CORRUPT_BATCH
                || offset == PartitionLog.INVALID_RECORD
                || offset == PartitionLog.BATCH_TOO_LARGE) {
            throw new SimulationFailure("a sound batch was refused: status=" + offset);
        }
        if (offset < 0 || !isThere.getAsBoolean()) {
            return offset;
        }
        for (int i = 0; i < keys.length; i++) {
            sent.add(new Sent(offset + i, keys[i], values[i]));
        }
        long end = offset + keys.length;
        log.onHighWatermark(
                end,
                () -> {
                    if (isThere.getAsBoolean() && log.highWatermark() >= end) {
                        acknowledge(offset, keys, values);
                    }
                });
        return offset;
    }

    private ByteBuffer batch(int[] keys, long[] values, long nowMs) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(2 << 10);
        RecordBatchWriter writer = new RecordBatchWriter().begin(buffer, nowMs);
        for (int i = 0; i < keys.length; i++) {
            keys[i] = random.nextInt(KEYS);
            boolean isTombstone = random.nextInt(TOMBSTONES_ONE_IN) == 0;
            values[i] = isTombstone ? NONE : nextValue++;
            ByteBuffer key = ByteBuffer.allocate(Integer.BYTES).putInt(0, keys[i]);
            writer.append(nowMs, key, isTombstone ? null : value(values[i]));
        }
        writer.end();
        return buffer.flip();
    }

    private ByteBuffer value(long value) {
        return ByteBuffer.allocate(Long.BYTES + random.nextInt(PADDING_MAX)).putLong(0, value);
    }

    private void acknowledge(long offset, int[] keys, long[] values) {
        trace.note("acknowledged " + NAME, offset);
        for (int i = 0; i < keys.length; i++) {
            Sent one = new Sent(offset + i, keys[i], values[i]);
            acknowledged.merge(one.key, one, (was, is) -> was.offset > is.offset ? was : is);
        }
    }

    /**
     * Reads all and looks whether that may be so. What a reader that is overtaken by compaction
     * misses is not missing in a later read.
     *
     * @param step lets the engine do something
     */
    void check(Reader reader, Runnable step) {
        String wrong = "";
        for (int reads = 0; reads < READS_MAX; reads++) {
            Map<Integer, Sent> expected = new TreeMap<>(acknowledged);
            Map<Integer, Sent> newest = new HashMap<>();
            if (!reader.read((lease, fromOffset) -> note(lease, fromOffset, newest))) {
                return;
            }
            @Nullable String found = wrong(expected, newest);
            if (found == null) {
                return;
            }
            wrong = found;
            trace.note("read anew", NAME);
            step.run();
        }
        throw new SimulationFailure(wrong);
    }

    /** All records are deleted: none has to be there any more. */
    void onDeletion() {
        acknowledged.clear();
    }

    /**
     * Whether there is nothing left to compact: but for the last batch, which is left alone, there
     * is one record of each key at most, and no tombstone.
     */
    boolean isCompacted(Reader reader) {
        List<Sent> before = new ArrayList<>();
        List<Sent> last = new ArrayList<>();
        boolean isRead =
                reader.read(
                        (lease, fromOffset) ->
                                forEachBatch(
                                        lease,
                                        batch -> {
                                            before.addAll(last);
                                            last.clear();
                                            forEach(batch, last::add);
                                        }));
        return isRead
                && before.stream().noneMatch(each -> each.value == NONE)
                && before.stream().map(Sent::key).distinct().count() == before.size();
    }

    private void note(RecordsLease lease, long fromOffset, Map<Integer, Sent> newest) {
        forEachBatch(lease, batch -> note(batch, fromOffset, newest));
    }

    private static void forEachBatch(RecordsLease lease, Consumer<ByteBuffer> consumer) {
        for (int i = 0; i < lease.sliceCount(); i++) {
            ByteBuffer slice = lease.slice(i);
            int end = slice.limit();
            for (int at = slice.position(); at < end; ) {
                ByteBuffer batch =
                        slice.duplicate().limit(at + RecordBatch.length(slice, at)).position(at);
                consumer.accept(batch);
                at = batch.limit();
            }
        }
    }

    private void note(ByteBuffer batch, long fromOffset, Map<Integer, Sent> newest) {
        if (!RecordBatch.isIntact(batch)) {
            throw new SimulationFailure("unsound batch was served");
        }
        forEach(
                batch,
                found -> {
                    if (!sent.contains(found)) {
                        throw new SimulationFailure("nobody has sent this: " + found);
                    }
                    if (found.offset >= fromOffset) {
                        newest.put(found.key, found);
                    }
                });
    }

    private static void forEach(ByteBuffer batch, Consumer<Sent> consumer) {
        PlainRecordFilter.forEach(
                batch,
                (offset, key, value, record) ->
                        consumer.accept(
                                new Sent(
                                        offset,
                                        key == null ? -1 : key.getInt(0),
                                        value == null ? NONE : value.getLong(0))));
    }

    private @Nullable String wrong(Map<Integer, Sent> expected, Map<Integer, Sent> newest) {
        for (Sent each : expected.values()) {
            Sent found = newest.get(each.key);
            if (found == null ? !mayBeNone(each) : found.offset < each.offset) {
                return (found == null ? "lost: " : "back again: " + found + " behind ") + each;
            }
        }
        return null;
    }

    /** Whether it is a tombstone, or one came behind it, be it that nobody was told. */
    private boolean mayBeNone(Sent newest) {
        return newest.value == NONE
                || sent.stream()
                        .anyMatch(
                                other ->
                                        other.key == newest.key
                                                && other.value == NONE
                                                && other.offset > newest.offset);
    }
}
