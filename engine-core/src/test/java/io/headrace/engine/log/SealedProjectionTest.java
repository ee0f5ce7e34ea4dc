package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.journal.ChronicleJournal;
import io.headrace.engine.journal.JournalContext;
import io.headrace.engine.segment.SegmentPosition;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.HeapMetadataStore;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.MetadataStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an entry of a sealing pass makes of the rows. */
class SealedProjectionTest {
    private static final int SHARD = 1;
    private static final long TOPIC = 5;
    private static final ByteBuffer NOTHING = ByteBuffer.allocateDirect(0);

    @TempDir Path folder;
    private Journal journal;
    private MetadataStore store;
    private ShardProjection projection;
    private final ByteBuffer batch = batch();

    @BeforeEach
    void open() throws IOException {
        journal =
                ChronicleJournal.open(
                        new JournalContext()
                                .folder(folder.resolve("journal"))
                                .cycleBytes(1 << 20)
                                .diskReserveBytes(0));
        store = HeapMetadataStore.open(folder.resolve("store"));
        projection = new ShardProjection(SHARD, journal, store, Set.of());
    }

    @AfterEach
    void close() {
        store.close();
        journal.close();
    }

    @Test
    void rowsPointToTheSegmentAndLiveBytesFollow() throws IOException {
        int cycle = Journal.cycle(appendBatch(0));
        appendBatch(1);
        appendBatch(2);
        apply();
        IndexEntry before = row(1);
        appendSealed(7, List.of(0L, 1L));
        apply();
        assertEquals(SegmentPosition.of(7, 28), row(0).position());
        assertEquals(before.at(SegmentPosition.of(7, 28 + batch.remaining())), row(1));
        assertEquals(cycle, Journal.cycle(row(2).position()));
        assertEquals(
                Map.of(
                        cycle,
                        (long) batch.remaining(),
                        SegmentPosition.half(7),
                        2L * batch.remaining()),
                projection.liveBytes());
        assertEquals(7, ByteBuffer.wrap(store.get(Rows.segmentKey(SHARD))).getInt());
        appendSealed(9, List.of(2L));
        appendSealed(8, List.of(0L, 1L));
        apply();
        assertEquals(0, projection.liveBytes(cycle));
        assertNull(store.get(Rows.liveBytesKey(SHARD, cycle)));
        assertEquals(9, ByteBuffer.wrap(store.get(Rows.segmentKey(SHARD))).getInt());
        assertEquals(
                projection.liveBytes(),
                new ShardProjection(SHARD, journal, store, Set.of()).liveBytes());
    }

    @Test
    void whatWasDeletedInTheSameTurnStaysDeleted() throws IOException {
        appendBatch(0);
        appendBatch(1);
        apply();
        append(EntryType.LOG_START, 1, NOTHING);
        appendSealed(1, List.of(0L, 1L));
        apply();
        assertNull(store.get(Rows.indexKey(TOPIC, 0, 0)));
        assertEquals(
                Map.of(SegmentPosition.half(1), (long) batch.remaining()), projection.liveBytes());
        appendSealed(2, List.of(1L));
        append(EntryType.LOG_START, 2, NOTHING);
        apply();
        assertNull(store.get(Rows.indexKey(TOPIC, 0, 1)));
        assertEquals(Map.of(), projection.liveBytes());
    }

    @Test
    void aReplayFromAnywhereComesToTheSameRows() throws IOException {
        for (int i = 0; i < 6; i++) {
            appendBatch(i);
        }
        appendSealed(1, List.of(0L, 1L, 2L, 3L));
        append(EntryType.LOG_START, 2, NOTHING);
        appendSealed(2, List.of(2L, 3L, 4L));
        appendCompacted(4, 4, 10, List.of(2L), List.of(3L));
        append(EntryType.LOG_START, 4, NOTHING);
        appendSealed(3, List.of(3L, 4L, 5L));
        appendCompacted(0, 5, 0, List.of(), List.of(4L));
        apply();
        List<String> once = rows(store);
        List<Long> stops = new ArrayList<>();
        journal.replay(
                journal.firstPosition(),
                journal.appendedPosition(),
                (position, type, topic, number, offset, epoch, time, payload) ->
                        stops.add(position));
        for (long stop : stops) {
            try (MetadataStore other = HeapMetadataStore.open(folder.resolve("other-" + stop))) {
                new ShardProjection(SHARD, journal, other, Set.of()).apply(stop);
                new ShardProjection(SHARD, journal, other, Set.of()).applySynced();
                assertEquals(once, rows(other), "stopped at " + stop);
            }
        }
    }

    @Test
    void whatCompactionLeavesIsCountedAndWhatItTakesHasNoRow() throws IOException {
        int cycle = Journal.cycle(appendBatch(0));
        appendBatch(1);
        appendBatch(2);
        apply();
        IndexEntry before = row(1);
        appendCompacted(7, 2, 10, List.of(1L), List.of(0L));
        apply();
        assertNull(store.get(Rows.indexKey(TOPIC, 0, 0)));
        assertEquals(before.compacted(SegmentPosition.of(7, 28), 10, 900), row(1));
        long length = batch.remaining();
        assertEquals(Map.of(cycle, length, SegmentPosition.half(7), 10L), projection.liveBytes());
        assertState(2, 10, length + 10);
        // Of batches that are others by now nothing is changed.
        appendCompacted(8, 2, 10, List.of(1L), List.of(0L));
        append(EntryType.LOG_START, 2, NOTHING);
        apply();
        assertEquals(Map.of(cycle, length), projection.liveBytes());
        assertState(2, 0, length);
    }

    /** Also of a pass that was broken off, which says of no offset that all below is compacted. */
    @Test
    void itIsKnownUpToWhereRecordsWereTaken() throws IOException {
        appendBatch(0);
        appendBatch(1);
        apply();
        assertEquals(0, state().thinnedOffset);
        CompactedEntry entry = new CompactedEntry();
        entry.begin(0);
        entry.add(new CompactedEntry.Change(0, batch.remaining(), 0, 0, -1));
        journal.append(EntryType.COMPACTED, TOPIC, 0, 0, 1, entry.payload());
        apply();
        assertEquals(0, state().compactedOffset);
        assertEquals(1, state().thinnedOffset);
        byte[] row = state().encode();
        assertEquals(1, PartitionState.decode(row).thinnedOffset);
        // Rows of before say only what was compacted to the end.
        appendCompacted(7, 2, 10, List.of(1L), List.of());
        apply();
        ByteBuffer earlier = ByteBuffer.allocate(row.length - Long.BYTES);
        row = state().encode();
        earlier.put((byte) 3).put(row, 1, 65).put(row, 74, row.length - 74);
        assertEquals(2, PartitionState.decode(earlier.array()).thinnedOffset);
        assertEquals(77, PartitionState.decode(earlier.array()).tombstonesUntilMs);
    }

    private PartitionState state() {
        return PartitionState.decode(store.get(Rows.partitionKey(TOPIC, 0)));
    }

    private void assertState(long compactedOffset, long compactedBytes, long liveBytes) {
        PartitionState state = PartitionState.decode(store.get(Rows.partitionKey(TOPIC, 0)));
        assertEquals(compactedOffset, state.compactedOffset);
        assertEquals(compactedBytes, state.compactedBytes);
        assertEquals(liveBytes, state.liveBytes);
        assertEquals(77, state.tombstonesUntilMs);
    }

    @Test
    void aTopicThatIsGoneDoesNotComeBackByItsCompaction() throws IOException {
        appendBatch(0);
        appendBatch(1);
        append(EntryType.LOG_START, ShardProjection.EVERYTHING, NOTHING);
        appendCompacted(1, 1, 10, List.of(0L), List.of());
        apply();
        assertNull(store.get(Rows.partitionKey(TOPIC, 0)));
        assertNull(store.get(Rows.indexKey(TOPIC, 0, 0)));
        assertEquals(Map.of(), projection.liveBytes());
    }

    /** Of the one kind ten bytes are left each, of the other nothing. */
    private void appendCompacted(
            int segment, long end, long bytes, List<Long> left, List<Long> gone) {
        CompactedEntry entry = new CompactedEntry();
        entry.begin(segment);
        for (long offset = 0; offset < end; offset++) {
            int length = left.contains(offset) ? 10 : 0;
            if (length > 0 || gone.contains(offset)) {
                entry.add(new CompactedEntry.Change(offset, batch.remaining(), 28, length, 900));
            }
        }
        entry.end(bytes, 77);
        journal.append(EntryType.COMPACTED, TOPIC, 0, end, 1, entry.payload());
    }

    private long appendBatch(long offset) {
        return append(EntryType.BATCH, offset, batch);
    }

    private long append(EntryType type, long offset, ByteBuffer payload) {
        return journal.append(type, TOPIC, 0, offset, 1, payload);
    }

    private void appendSealed(int segment, List<Long> offsets) {
        SealedEntry entry = new SealedEntry();
        entry.begin(segment);
        long at = 28;
        for (long offset : offsets) {
            entry.add(TOPIC, 0, offset, at, batch.remaining());
            at += batch.remaining();
        }
        journal.append(EntryType.SEALED, 0, 0, 0, 1, entry.payload());
    }

    private void apply() throws IOException {
        journal.sync();
        projection.applySynced();
    }

    private IndexEntry row(long offset) {
        byte[] key = Rows.indexKey(TOPIC, 0, offset);
        return IndexEntry.decode(key, store.get(key));
    }

    private static List<String> rows(MetadataStore store) {
        List<String> rows = new ArrayList<>();
        try (MetadataStore.Cursor cursor = store.cursor()) {
            boolean found = cursor.seek(new byte[0]);
            while (found) {
                HexFormat hex = HexFormat.of();
                rows.add(hex.formatHex(cursor.key()) + "=" + hex.formatHex(cursor.value()));
                found = cursor.next();
            }
        }
        return rows;
    }

    private static ByteBuffer batch() {
        ByteBuffer buffer = ByteBuffer.allocateDirect(200);
        RecordBatchWriter writer = new RecordBatchWriter().begin(buffer, 1_000);
        writer.append(1_000, null, ByteBuffer.wrap(new byte[50]));
        writer.end();
        return buffer.flip();
    }
}
