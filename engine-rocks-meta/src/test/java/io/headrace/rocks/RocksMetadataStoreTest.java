package io.headrace.rocks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineException;
import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.spi.CheckpointFolder;
import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.engine.spi.MetadataStore.Batch;
import io.headrace.engine.spi.MetadataStore.Cursor;
import io.headrace.engine.spi.MetadataStoreContractTest;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RocksMetadataStoreTest extends MetadataStoreContractTest {
    private static final Path DESCRIPTORS = Path.of("/proc/self/fd");
    private static final int VALUE_LENGTH = 1000;

    @Override
    protected MetadataStore open(Path folder) {
        return RocksMetadataStore.open(folder);
    }

    @Test
    void aFolderIsOpenedOnceAtATime() {
        EngineException failure = assertThrows(EngineException.class, () -> open(folder()));
        assertTrue(failure.getMessage().contains(folder().toString()), failure.getMessage());
    }

    @Test
    void badLimitsAreNamed() {
        RocksContext context = new RocksContext().openFilesMax(1);
        InvalidConfigException failure =
                assertThrows(
                        InvalidConfigException.class,
                        () -> RocksMetadataStore.open(directory.resolve("other"), context));
        assertTrue(failure.getMessage().contains("openFilesMax"), failure.getMessage());
    }

    @Test
    void aDamagedTableFileIsNamedWhenItIsRead() throws IOException {
        fill(store, 1000, 0);
        store.close();
        Path table = onlyTable(folder());
        flipByte(table, Files.size(table) / 2);
        store = open(folder());
        EngineException failure = assertThrows(EngineException.class, () -> keysFrom(""));
        assertNames(table, failure);
    }

    @Test
    void aDamagedTableFileNeverBecomesACheckpoint() throws IOException {
        fill(store, 1000, 0);
        store.flush();
        Path table = onlyTable(folder());
        flipByte(table, Files.size(table) / 2);
        Path checkpoint = directory.resolve("checkpoint");
        EngineException failure =
                assertThrows(EngineException.class, () -> store.checkpoint(checkpoint));
        assertNames(table, failure);
        assertTrue(Files.notExists(checkpoint));
    }

    /** RocksDB itself would read such a manifest for ever. */
    @Test
    void aRecordOfTheManifestThatSeemsToBeOfAnEarlierUseIsNamed() throws IOException {
        fill(store, 10, 0);
        store.close();
        Path folder = folder();
        Path manifest = folder.resolve(Files.readString(folder.resolve("CURRENT")).trim());
        byte[] bytes = Files.readAllBytes(manifest);
        int typeAt = 6;
        assertEquals(1, bytes[typeAt]);
        bytes[typeAt] = 5;
        Files.write(manifest, bytes);
        assertNames(manifest, assertThrows(EngineException.class, () -> open(folder)));
        store = open(directory.resolve("another"));
    }

    @Test
    void anAbsentTableFileIsNamedWhenTheStoreIsOpened() throws IOException {
        fill(store, 10, 0);
        store.close();
        Path table = onlyTable(folder());
        Files.delete(table);
        EngineException failure = assertThrows(EngineException.class, () -> open(folder()));
        assertNames(table, failure);
        store = open(directory.resolve("another"));
    }

    @Test
    void aDamagedCheckpointIsNeitherVerifiedNorRestored() throws IOException {
        fill(store, 1000, 0);
        Path checkpoint = directory.resolve("checkpoint");
        store.checkpoint(checkpoint);
        Path table = onlyTable(checkpoint);
        flipByte(table, 10);
        assertNames(
                table,
                assertThrows(
                        EngineException.class,
                        () -> RocksMetadataStore.verifyCheckpoint(checkpoint)));
        Path restored = directory.resolve("restored");
        assertNames(
                table,
                assertThrows(
                        EngineException.class,
                        () -> RocksMetadataStore.restoreCheckpoint(checkpoint, restored)));
        assertTrue(Files.notExists(restored));
    }

    @Test
    void whatAnInterruptedCheckpointLeftIsReplaced() throws IOException {
        put("a");
        Path checkpoint = directory.resolve("checkpoint");
        for (String suffix : List.of(".tmp", ".links")) {
            Path left = directory.resolve("checkpoint" + suffix);
            Files.createDirectories(left);
            Files.writeString(left.resolve("000008.sst"), "half");
        }
        store.checkpoint(checkpoint);
        CheckpointFolder.verify(checkpoint, Disk.SYSTEM);
        assertEquals(List.of("checkpoint", "store"), namesIn(directory));
    }

    @Test
    void memoryCountsWhatWasWritten() {
        long before = store.memoryBytes();
        fill(store, 4000, 0);
        long grown = store.memoryBytes() - before;
        assertTrue(grown >= 4000 * VALUE_LENGTH / 2, "grown=" + grown);
    }

    @Test
    void descriptorsAreBoundedAndGivenBack() throws IOException {
        int before = descriptors();
        RocksContext small = new RocksContext().writeBufferBytes(1 << 20).openFilesMax(32);
        try (MetadataStore many = RocksMetadataStore.open(directory.resolve("many"), small)) {
            for (int round = 0; round < 40; round++) {
                fill(many, 100, round);
                many.flush();
            }
            assertEquals(4000, keys(many, "").size());
            int used = descriptors() - before;
            assertTrue(used <= 32, "used=" + used);
        }
        assertEquals(before, descriptors());
    }

    @Test
    void closingFreesCursorsThatWereLeftOpen() throws IOException {
        int before = descriptors();
        Path other = directory.resolve("other");
        MetadataStore left = open(other);
        fill(left, 100, 0);
        left.flush();
        Cursor cursor = left.cursor();
        assertTrue(cursor.seek(bytes("")));
        left.close();
        assertThrows(IllegalStateException.class, cursor::key);
        assertThrows(IllegalStateException.class, cursor::next);
        cursor.close();
        assertEquals(before, descriptors());
        open(other).close();
    }

    @Test
    void aClosedBatchIsRefused() {
        Batch batch = store.newBatch();
        batch.put(bytes("a"), bytes("1"));
        batch.close();
        assertThrows(IllegalStateException.class, () -> store.write(batch));
        assertThrows(IllegalStateException.class, batch::count);
        batch.close();
    }

    /** Random values, so that compression leaves them as long as they are. */
    private static void fill(MetadataStore store, int count, int round) {
        Random random = new Random(round);
        byte[] value = new byte[VALUE_LENGTH];
        try (Batch batch = store.newBatch()) {
            for (int i = 0; i < count; i++) {
                random.nextBytes(value);
                batch.put(bytes(String.format("%04d-%06d", round, i)), value);
            }
            store.write(batch);
        }
    }

    private static Path onlyTable(Path folder) throws IOException {
        try (var files = Files.list(folder)) {
            List<Path> tables = files.filter(file -> file.toString().endsWith(".sst")).toList();
            assertEquals(1, tables.size());
            return tables.get(0);
        }
    }

    private static void flipByte(Path file, long position) throws IOException {
        try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
            bytes.seek(position);
            int found = bytes.read();
            bytes.seek(position);
            bytes.write(found ^ 0x10);
        }
    }

    private static void assertNames(Path file, EngineException failure) {
        assertTrue(
                failure.getMessage().contains(file.getFileName().toString()), failure.getMessage());
    }

    /** Those on files of this test: the class loader opens jars whenever it likes. */
    private int descriptors() throws IOException {
        int count = 0;
        for (String name : namesIn(DESCRIPTORS)) {
            if (isOnFileOfThisTest(DESCRIPTORS.resolve(name))) {
                count++;
            }
        }
        return count;
    }

    private boolean isOnFileOfThisTest(Path descriptor) throws IOException {
        try {
            return Files.readSymbolicLink(descriptor).startsWith(directory);
        } catch (NoSuchFileException closedMeanwhile) {
            return false;
        }
    }

    private static List<String> namesIn(Path folder) throws IOException {
        try (var files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }
}
