package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of the rows of a partition of many batches whose log start is raised. */
class IndexDropsTest {
    private static final int SHARD = 1;
    private static final long TOPIC = 5;
    private static final long OTHER_TOPIC = 6;
    private static final int ROWS = 2 * IndexDrops.STRETCH_ROWS;
    private static final int KEPT = 10;
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
        for (int i = 0; i < ROWS; i++) {
            append(EntryType.BATCH, TOPIC, i, batch);
        }
        append(EntryType.BATCH, OTHER_TOPIC, 0, batch);
        apply();
    }

    @AfterEach
    void close() {
        store.close();
        journal.close();
    }

    @Test
    void anEntryDropsFewRowsAndEachStretchABoundedNumber() throws IOException {
        append(EntryType.LOG_START, TOPIC, ROWS - KEPT, NOTHING);
        apply();
        assertEquals(ROWS - KEPT, state().logStartOffset);
        assertEquals(ROWS - IndexDrops.AT_ONCE_MAX, rowCount());
        checkAccounts(rowCount());
        projection.dropStretch();
        assertEquals(ROWS - IndexDrops.AT_ONCE_MAX - IndexDrops.STRETCH_ROWS, rowCount());
        checkAccounts(rowCount());
        assertTrue(projection.isDropping());
        projection.dropStretch();
        assertFalse(projection.isDropping());
        assertEquals(KEPT, rowCount());
        checkAccounts(KEPT);
        assertEquals(ROWS, state().logEndOffset);
        checkNothingWaits();
    }

    @Test
    void aFewRowsGoWithTheEntry() throws IOException {
        append(EntryType.LOG_START, TOPIC, IndexDrops.AT_ONCE_MAX, NOTHING);
        apply();
        assertFalse(projection.isDropping());
        assertEquals(ROWS - IndexDrops.AT_ONCE_MAX, rowCount());
        checkNothingWaits();
    }

    @Test
    void whatACrashInterruptsGoesOn() throws IOException {
        append(EntryType.LOG_START, TOPIC, ROWS, NOTHING);
        apply();
        projection = new ShardProjection(SHARD, journal, store, Set.of());
        assertTrue(projection.isDropping());
        projection.dropStretch();
        projection = new ShardProjection(SHARD, journal, store, Set.of());
        assertTrue(projection.isDropping());
        dropAll();
        assertEquals(0, rowCount());
        checkAccounts(0);
        checkNothingWaits();
        assertFalse(new ShardProjection(SHARD, journal, store, Set.of()).isDropping());
    }

    @Test
    void whatComesMeanwhileCounts() throws IOException {
        append(EntryType.LOG_START, TOPIC, 1000, NOTHING);
        append(EntryType.LOG_START, TOPIC, 500, NOTHING);
        append(EntryType.LOG_START, TOPIC, ROWS, NOTHING);
        append(EntryType.BATCH, TOPIC, ROWS, batch);
        SealedEntry sealed = new SealedEntry();
        sealed.begin(7);
        sealed.add(TOPIC, 0, 3, 28, batch.remaining()); // given up and gone
        sealed.add(TOPIC, 0, 2000, 28, batch.remaining()); // given up and waiting
        sealed.add(TOPIC, 0, ROWS, 1028, batch.remaining());
        journal.append(EntryType.SEALED, 0, 0, 0, 1, sealed.payload());
        apply();
        assertEquals(2L * batch.remaining(), projection.liveBytes(SegmentPosition.half(7)));
        dropAll();
        assertEquals(1, rowCount());
        assertEquals(
                Map.of(SegmentPosition.half(7), (long) batch.remaining()),
                liveBytesBut(OTHER_TOPIC));
        assertEquals(batch.remaining(), state().liveBytes);
        checkNothingWaits();
    }

    @Test
    void aTopicThatIsDeletedMeanwhileLeavesNothing() throws IOException {
        append(EntryType.LOG_START, TOPIC, 1000, NOTHING);
        append(EntryType.LOG_START, TOPIC, ShardProjection.EVERYTHING, NOTHING);
        apply();
        dropAll();
        assertEquals(0, rowCount());
        assertNull(store.get(Rows.partitionKey(TOPIC, 0)));
        assertEquals(Map.of(), liveBytesBut(OTHER_TOPIC));
        checkNothingWaits();
    }

    private void append(EntryType type, long topic, long offset, ByteBuffer payload) {
        journal.append(type, topic, 0, offset, 1, payload);
    }

    private void apply() throws IOException {
        journal.sync();
        projection.applySynced();
    }

    private void dropAll() {
        for (int i = 0; projection.isDropping(); i++) {
            assertTrue(i < ROWS);
            projection.dropStretch();
        }
    }

    private PartitionState state() {
        return PartitionState.decode(store.get(Rows.partitionKey(TOPIC, 0)));
    }

    private int rowCount() {
        return count(Rows.key(Rows.INDEX, TOPIC, 0));
    }

    private void checkNothingWaits() {
        assertEquals(0, count(Rows.dropKey(SHARD)));
        assertEquals(1, count(Rows.key(Rows.INDEX, OTHER_TOPIC, 0)));
    }

    private int count(byte[] prefix) {
        int count = 0;
        try (MetadataStore.Cursor cursor = store.cursor(prefix)) {
            for (boolean found = cursor.seek(prefix); found; found = cursor.next()) {
                count++;
            }
        }
        return count;
    }

    /** Whatever has a row is counted, and nothing else. */
    private void checkAccounts(int rows) {
        long bytes = (long) rows * batch.remaining();
        assertEquals(bytes, state().liveBytes);
        long inFiles = projection.liveBytes().values().stream().mapToLong(Long::longValue).sum();
        assertEquals(bytes + batch.remaining(), inFiles);
    }

    /** Live bytes per file, without the one batch of a topic. */
    private Map<Integer, Long> liveBytesBut(long topic) {
        byte[] key = Rows.indexKey(topic, 0, 0);
        int file = Journal.cycle(IndexEntry.decode(key, store.get(key)).position());
        Map<Integer, Long> live = new HashMap<>(projection.liveBytes());
        assertEquals(batch.remaining(), live.remove(file));
        return live;
    }

    private static ByteBuffer batch() {
        ByteBuffer buffer = ByteBuffer.allocateDirect(100);
        RecordBatchWriter writer = new RecordBatchWriter().begin(buffer, 1_000);
        writer.append(1_000, null, ByteBuffer.wrap(new byte[1]));
        writer.end();
        return buffer.flip();
    }
}
