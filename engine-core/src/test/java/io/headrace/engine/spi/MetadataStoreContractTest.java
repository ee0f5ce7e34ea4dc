package io.headrace.engine.spi;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineException;
import io.headrace.engine.spi.MetadataStore.Batch;
import io.headrace.engine.spi.MetadataStore.Cursor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What every metadata store promises. An implementation extends this and says how to open it. */
public abstract class MetadataStoreContractTest {
    @TempDir protected Path directory;
    protected MetadataStore store;

    /** Opens the store under test in a folder, which may hold what an earlier one left. */
    protected abstract MetadataStore open(Path folder);

    /** The folder of {@link #store}. */
    protected Path folder() {
        return directory.resolve("store");
    }

    @BeforeEach
    void openStore() {
        store = open(folder());
    }

    @AfterEach
    void closeStore() {
        store.close();
    }

    @Test
    void absentKeyIsNull() {
        assertNull(store.get(bytes("absent")));
    }

    @Test
    void aBatchIsVisibleOnceWritten() {
        try (Batch batch = store.newBatch()) {
            batch.put(bytes("a"), bytes("1"));
            batch.put(bytes("b"), bytes(""));
            assertEquals(2, batch.count());
            assertNull(store.get(bytes("a")));
            store.write(batch);
        }
        assertArrayEquals(bytes("1"), store.get(bytes("a")));
        assertArrayEquals(bytes(""), store.get(bytes("b")));
    }

    @Test
    void theLastChangeOfAKeyInABatchWins() {
        try (Batch batch = store.newBatch()) {
            batch.put(bytes("a"), bytes("1"));
            batch.delete(bytes("a"));
            batch.delete(bytes("b"));
            batch.put(bytes("b"), bytes("2"));
            store.write(batch);
        }
        assertNull(store.get(bytes("a")));
        assertArrayEquals(bytes("2"), store.get(bytes("b")));
    }

    @Test
    void buffersAreCopiedAndLeftAsTheyWere() {
        putFromBuffers(ByteBuffer.allocate(32), ByteBuffer.allocate(32), "heap");
        putFromBuffers(ByteBuffer.allocateDirect(32), ByteBuffer.allocateDirect(32), "direct");
        putFromBuffers(ByteBuffer.allocate(32), ByteBuffer.allocateDirect(32), "mixed");
        putFromBuffers(
                ByteBuffer.allocateDirect(32).position(5).slice(),
                ByteBuffer.allocateDirect(32).position(7).slice(),
                "slice");
    }

    private void putFromBuffers(ByteBuffer key, ByteBuffer value, String text) {
        key.position(3).put(bytes(text)).flip().position(3);
        value.position(2).put(bytes("v-" + text)).flip().position(2);
        try (Batch batch = store.newBatch()) {
            batch.put(key, value);
            assertEquals(3, key.position());
            assertEquals(2, value.position());
            assertEquals(3 + text.length(), key.limit());
            assertEquals(4 + text.length(), value.limit());
            key.put(3, (byte) 'x');
            value.put(2, (byte) 'x');
            store.write(batch);
        }
        assertArrayEquals(bytes("v-" + text), store.get(bytes(text)));
    }

    @Test
    void readOnlyBuffersCanBePut() {
        try (Batch batch = store.newBatch()) {
            batch.put(
                    ByteBuffer.wrap(bytes("k")).asReadOnlyBuffer(),
                    ByteBuffer.wrap(bytes("v")).asReadOnlyBuffer());
            store.write(batch);
        }
        assertArrayEquals(bytes("v"), store.get(bytes("k")));
    }

    @Test
    void aClearedBatchIsEmptyAndReusable() {
        try (Batch batch = store.newBatch()) {
            batch.put(bytes("a"), bytes("1"));
            batch.clear();
            assertEquals(0, batch.count());
            batch.put(bytes("b"), bytes("2"));
            store.write(batch);
        }
        assertNull(store.get(bytes("a")));
        assertArrayEquals(bytes("2"), store.get(bytes("b")));
    }

    @Test
    void anEmptyBatchChangesNothing() {
        try (Batch batch = store.newBatch()) {
            store.write(batch);
        }
        assertEquals(List.of(), keysFrom(""));
    }

    @Test
    void deleteRangeTakesFromInclusiveToExclusive() {
        put("a", "b", "c", "d");
        try (Batch batch = store.newBatch()) {
            batch.deleteRange(bytes("b"), bytes("d"));
            batch.put(bytes("c"), bytes("again"));
            store.write(batch);
        }
        assertEquals(List.of("a", "c", "d"), keysFrom(""));
    }

    @Test
    void keysAreInUnsignedOrder() {
        byte[][] keys = {{}, {0}, {0, 0}, {1}, {0x7F}, {(byte) 0x80}, {(byte) 0xFF}, {-1, 0}};
        try (Batch batch = store.newBatch()) {
            for (byte[] key : keys) {
                batch.put(key, key);
            }
            store.write(batch);
        }
        try (Cursor cursor = store.cursor()) {
            assertTrue(cursor.seek(new byte[0]));
            for (int i = 0; i < keys.length; i++) {
                assertArrayEquals(keys[i], cursor.key());
                assertArrayEquals(keys[i], cursor.value());
                assertEquals(i < keys.length - 1, cursor.next());
            }
        }
    }

    @Test
    void seekFindsTheFirstKeyAtOrAfter() {
        put("b", "d");
        try (Cursor cursor = store.cursor()) {
            assertTrue(cursor.seek(bytes("a")));
            assertArrayEquals(bytes("b"), cursor.key());
            assertTrue(cursor.seek(bytes("b")));
            assertArrayEquals(bytes("b"), cursor.key());
            assertTrue(cursor.seek(bytes("c")));
            assertArrayEquals(bytes("d"), cursor.key());
            assertFalse(cursor.seek(bytes("e")));
        }
    }

    @Test
    void seekForPreviousFindsTheLastKeyAtOrBefore() {
        put("b", "d");
        try (Cursor cursor = store.cursor()) {
            assertFalse(cursor.seekForPrevious(bytes("a")));
            assertTrue(cursor.seekForPrevious(bytes("b")));
            assertArrayEquals(bytes("b"), cursor.key());
            assertTrue(cursor.seekForPrevious(bytes("c")));
            assertArrayEquals(bytes("b"), cursor.key());
            assertTrue(cursor.seekForPrevious(bytes("e")));
            assertArrayEquals(bytes("d"), cursor.key());
        }
    }

    @Test
    void nextAndPreviousStopAtTheEnds() {
        put("a", "b");
        try (Cursor cursor = store.cursor()) {
            assertTrue(cursor.seek(bytes("a")));
            assertTrue(cursor.next());
            assertTrue(cursor.previous());
            assertFalse(cursor.previous());
            assertTrue(cursor.seek(bytes("b")));
            assertFalse(cursor.next());
        }
    }

    @Test
    void aCursorAtNoKeyRefusesToBeRead() {
        put("a");
        try (Cursor cursor = store.cursor()) {
            assertThrows(IllegalStateException.class, cursor::key);
            assertThrows(IllegalStateException.class, cursor::next);
            assertFalse(cursor.seek(bytes("b")));
            assertThrows(IllegalStateException.class, cursor::value);
            assertThrows(IllegalStateException.class, cursor::previous);
            assertTrue(cursor.seek(bytes("a")));
            assertArrayEquals(bytes("a"), cursor.key());
        }
    }

    @Test
    void aCursorSeesTheStateAtItsCreation() {
        put("a", "b");
        try (Cursor cursor = store.cursor()) {
            put("c");
            try (Batch batch = store.newBatch()) {
                batch.delete(bytes("a"));
                batch.put(bytes("b"), bytes("changed"));
                store.write(batch);
            }
            assertTrue(cursor.seek(bytes("")));
            assertArrayEquals(bytes("a"), cursor.key());
            assertTrue(cursor.next());
            assertArrayEquals(bytes("b"), cursor.value());
            assertFalse(cursor.next());
        }
        assertEquals(List.of("b", "c"), keysFrom(""));
    }

    @Test
    void aCursorOfAPrefixSeesNothingElse() {
        put("a", "b", "b1", "b2", "c");
        try (Cursor cursor = store.cursor(bytes("b"))) {
            assertTrue(cursor.seek(bytes("a")));
            assertArrayEquals(bytes("b"), cursor.key());
            assertFalse(cursor.previous());
            assertTrue(cursor.seekForPrevious(bytes("z")));
            assertArrayEquals(bytes("b2"), cursor.key());
            assertFalse(cursor.next());
            assertFalse(cursor.seek(bytes("c")));
            assertFalse(cursor.seekForPrevious(bytes("a")));
            assertTrue(cursor.seek(bytes("b1")));
            assertArrayEquals(bytes("b1"), cursor.value());
        }
        try (Cursor cursor = store.cursor(bytes("bb"))) {
            assertFalse(cursor.seek(bytes("a")));
        }
    }

    @Test
    void aPrefixMayBeEmptyOrEndInTheLastByteThereIs() {
        try (Batch batch = store.newBatch()) {
            for (byte[] key : new byte[][] {{1}, {1, -1}, {1, -1, 5}, {2}, {-1}, {-1, -1}}) {
                batch.put(key, key);
            }
            store.write(batch);
        }
        assertEquals(6, countOf());
        assertEquals(2, countOf(1, 0xFF));
        assertEquals(3, countOf(1));
        assertEquals(2, countOf(0xFF));
        assertEquals(1, countOf(0xFF, 0xFF));
    }

    private int countOf(int... prefix) {
        byte[] bytes = new byte[prefix.length];
        for (int i = 0; i < prefix.length; i++) {
            bytes[i] = (byte) prefix[i];
        }
        int count = 0;
        try (Cursor cursor = store.cursor(bytes)) {
            for (boolean at = cursor.seek(bytes); at; at = cursor.next()) {
                count++;
            }
        }
        return count;
    }

    @Test
    void whatWasFlushedOrClosedIsThereAfterReopening() {
        put("a");
        store.flush();
        put("b");
        store.close();
        store = open(folder());
        assertEquals(List.of("a", "b"), keysFrom(""));
    }

    @Test
    void flushOfNothingIsFine() {
        store.flush();
        store.flush();
        assertEquals(List.of(), keysFrom(""));
    }

    @Test
    void aCheckpointIsTheStateWhenItWasTaken() {
        put("a", "b");
        Path checkpoint = directory.resolve("checkpoint");
        store.checkpoint(checkpoint);
        put("c");
        CheckpointFolder.verify(checkpoint, Disk.SYSTEM);

        Path restored = directory.resolve("restored");
        CheckpointFolder.restore(checkpoint, restored, Disk.SYSTEM);
        try (MetadataStore copy = open(restored)) {
            assertEquals(List.of("a", "b"), keys(copy, ""));
        }
        CheckpointFolder.verify(checkpoint, Disk.SYSTEM);
        assertEquals(List.of("a", "b", "c"), keysFrom(""));
    }

    @Test
    void aCheckpointIsNeverWrittenOverAnother() {
        put("a");
        Path checkpoint = directory.resolve("checkpoint");
        store.checkpoint(checkpoint);
        assertThrows(EngineException.class, () -> store.checkpoint(checkpoint));
        CheckpointFolder.verify(checkpoint, Disk.SYSTEM);
    }

    @Test
    void aCheckpointDoesNotShareItsBytesWithTheStore() throws IOException {
        put("a", "b");
        store.flush();
        Path checkpoint = directory.resolve("checkpoint");
        store.checkpoint(checkpoint);
        store.close();
        try (var files = Files.list(folder())) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                byte[] damaged = Files.readAllBytes(file);
                Arrays.fill(damaged, (byte) 0x5A);
                Files.write(file, damaged);
            }
        }
        CheckpointFolder.verify(checkpoint, Disk.SYSTEM);
        store = open(directory.resolve("another"));
    }

    @Test
    void memoryIsCounted() {
        put("a");
        assertTrue(store.memoryBytes() >= 0);
    }

    @Test
    void aClosedStoreRefuses() {
        store.close();
        store.close();
        assertThrows(IllegalStateException.class, () -> store.get(bytes("a")));
        assertThrows(IllegalStateException.class, () -> store.cursor());
        assertThrows(IllegalStateException.class, () -> store.flush());
    }

    @Test
    void behavesAsASortedMapUnderRandomChanges() {
        long seed = new Random().nextLong();
        System.out.println("MetadataStoreContractTest seed=" + seed);
        Random random = new Random(seed);
        NavigableMap<String, String> model = new TreeMap<>();
        for (int step = 0; step < 300; step++) {
            writeRandomBatch(random, model);
            if (random.nextInt(40) == 0) {
                store.flush();
            }
            if (random.nextInt(100) == 0) {
                store.close();
                store = open(folder());
            }
            compareFrom(Integer.toHexString(random.nextInt(0x1000)), model, seed);
        }
    }

    private void writeRandomBatch(Random random, NavigableMap<String, String> model) {
        try (Batch batch = store.newBatch()) {
            for (int i = random.nextInt(20); i >= 0; i--) {
                changeRandomly(batch, random, model);
            }
            store.write(batch);
        }
    }

    private static void changeRandomly(
            Batch batch, Random random, NavigableMap<String, String> model) {
        String key = Integer.toHexString(random.nextInt(0x1000));
        switch (random.nextInt(8)) {
            case 0 -> {
                batch.delete(bytes(key));
                model.remove(key);
            }
            case 1 -> {
                String end = key + "8";
                batch.deleteRange(bytes(key), bytes(end));
                model.subMap(key, end).clear();
            }
            default -> {
                String value = Long.toHexString(random.nextLong());
                batch.put(bytes(key), bytes(value));
                model.put(key, value);
            }
        }
    }

    private void compareFrom(String key, NavigableMap<String, String> model, long seed) {
        String context = "seed=" + seed + " key=" + key;
        byte[] value = store.get(bytes(key));
        assertEquals(model.get(key), value == null ? null : new String(value, UTF_8), context);
        try (Cursor cursor = store.cursor()) {
            assertEquals(model.ceilingKey(key) != null, cursor.seek(bytes(key)), context);
            if (model.ceilingKey(key) != null) {
                assertEquals(model.ceilingKey(key), new String(cursor.key(), UTF_8), context);
            }
            assertEquals(model.floorKey(key) != null, cursor.seekForPrevious(bytes(key)), context);
            if (model.floorKey(key) != null) {
                assertEquals(model.floorKey(key), new String(cursor.key(), UTF_8), context);
            }
        }
        assertEquals(List.copyOf(model.keySet()), keysFrom(""), context);
    }

    /** Puts each key with a value of the same bytes, in one batch. */
    protected final void put(String... keys) {
        try (Batch batch = store.newBatch()) {
            for (String key : keys) {
                batch.put(bytes(key), bytes(key));
            }
            store.write(batch);
        }
    }

    /** All keys at or after one, in order. */
    protected final List<String> keysFrom(String key) {
        return keys(store, key);
    }

    /** All keys of a store at or after one, in order. */
    protected static List<String> keys(MetadataStore store, String from) {
        List<String> keys = new ArrayList<>();
        try (Cursor cursor = store.cursor()) {
            for (boolean at = cursor.seek(bytes(from)); at; at = cursor.next()) {
                keys.add(new String(cursor.key(), UTF_8));
            }
        }
        return keys;
    }

    /** UTF-8 bytes. */
    protected static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }
}
