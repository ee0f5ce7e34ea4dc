package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.deleteFolder;
import static io.headrace.server.engine.TestEngine.ofProducer;
import static io.headrace.server.engine.TestEngine.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.rocks.RocksMetadataStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Data folders that earlier versions left open and hold what they held; one of a version that is
 * not known is refused, and named.
 */
class GoldenFolderTest {
    private static final String NEWEST = "0.1.0";

    @TempDir Path temporary;

    static List<String> versions() throws IOException {
        return GoldenFolder.versions();
    }

    /** Writes a new one, when a format has been released. */
    @Test
    void write() throws IOException {
        String version = System.getProperty("headrace.golden.write");
        assumeTrue(version != null, "writes a golden folder: -Dheadrace.golden.write=VERSION");
        Path folder = temporary.resolve("data");
        GoldenFolder.fill(folder);
        GoldenFolder.zip(folder, version);
    }

    private Path unzipped(String version) throws IOException {
        Path folder = temporary.resolve("data");
        GoldenFolder.unzip(version, folder);
        return folder;
    }

    @ParameterizedTest
    @MethodSource("versions")
    void opensAndHoldsWhatItHeld(String version) throws IOException {
        assertHoldsAll(unzipped(version));
    }

    @ParameterizedTest
    @MethodSource("versions")
    void holdsItAllWithoutTheMetadataStoreToo(String version) throws IOException {
        Path folder = unzipped(version);
        deleteFolder(folder.resolve("rocksdb"));
        assertHoldsAll(folder);
    }

    private static void assertHoldsAll(Path folder) {
        try (TestEngine engine = GoldenFolder.engine(folder)) {
            assertNull(engine.engine.catalog().find("gone"));
            assertNotNull(engine.engine.catalog().find("gradients"));
            assertEquals(
                    "1000",
                    engine.engine.catalog().find("telemetry").configs().get("flush.messages"));
            assertEquals(List.of("0:warm"), readAll(engine.log("telemetry", 0), 0));
            assertEquals(List.of("0:after a start"), readAll(engine.log("orders", 1), 0));
            assertOrders(engine.log("orders", 0));
            assertEquals(1, append(engine.log("telemetry", 0), batch("more")));
            assertEquals(1, append(engine.log("gradients", 0), batch("more")));
        }
    }

    private static void assertOrders(PartitionLog orders) {
        assertEquals(GoldenFolder.DELETED_BELOW, orders.logStartOffset());
        List<String> expected =
                java.util.stream.IntStream.range(
                                GoldenFolder.DELETED_BELOW, GoldenFolder.ORDERS.size())
                        .mapToObj(i -> i + ":" + GoldenFolder.ORDERS.get(i))
                        .toList();
        assertEquals(expected, readAll(orders, GoldenFolder.DELETED_BELOW));
        int last = GoldenFolder.ORDERS.size() - 1;
        ByteBuffer again =
                ofProducer(
                        batch(GoldenFolder.TIMESTAMP_MS + last, GoldenFolder.ORDERS.get(last)),
                        GoldenFolder.PRODUCER_ID,
                        0,
                        last);
        assertEquals(last, orders.append(again));
    }

    @ParameterizedTest
    @ValueSource(strings = {"START", "END"})
    void aJournalOfAnUnknownVersionIsRefused(String name) throws IOException {
        Path folder = unzipped(NEWEST);
        Path file = folder.resolve("journal/data-1/00000002").resolve(name);
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        CRC32C crc = new CRC32C();
        crc.update(bytes.put(7, (byte) '2').slice(0, 36));
        Files.write(file, bytes.putInt(36, (int) crc.getValue()).array());
        assertRefused(folder, file, "version=2");
    }

    @Test
    void aCheckpointOfAnUnknownVersionIsRefused() throws IOException {
        Path folder = unzipped(NEWEST);
        deleteFolder(folder.resolve("rocksdb"));
        Path file = folder.resolve("checkpoints/000000000001/CHECKSUMS");
        String lines =
                Files.readString(file).replace("headrace-checkpoint 1", "headrace-checkpoint 2");
        lines = lines.substring(0, lines.lastIndexOf('\n', lines.length() - 2) + 1);
        CRC32C crc = new CRC32C();
        crc.update(lines.getBytes(StandardCharsets.UTF_8));
        Files.writeString(file, lines + String.format("%08x%n", crc.getValue()));
        assertRefused(folder, file, "version=headrace-checkpoint 2");
    }

    @Test
    void aTrimmedFileOfAnUnknownVersionIsRefused() throws IOException {
        Path folder = unzipped(NEWEST);
        Path file = folder.resolve("journal/trimmed.properties");
        Files.writeString(file, Files.readString(file).replace("version=1", "version=2"));
        assertRefused(folder, file, "version=2");
    }

    @Test
    void rowsOfAnUnknownVersionAreRefused() throws IOException {
        Path folder = unzipped(NEWEST);
        byte[] key = {'c'};
        try (MetadataStore store = RocksMetadataStore.open(folder.resolve("rocksdb"));
                MetadataStore.Batch batch = store.newBatch()) {
            byte[] counters = store.get(key);
            counters[0] = 99;
            batch.put(key, counters);
            store.write(batch);
        }
        assertRefused(folder, Path.of("row=counters"), "version=99");
    }

    private static void assertRefused(Path folder, Path file, String version) {
        EngineException refused =
                assertThrows(EngineException.class, () -> GoldenFolder.engine(folder).close());
        assertTrue(refused.getMessage().contains(file.toString()), refused.getMessage());
        assertTrue(refused.getMessage().contains(version), refused.getMessage());
        assertFalse(Files.exists(folder.resolve("journal/data-1/00000003")), "nothing was begun");
    }
}
