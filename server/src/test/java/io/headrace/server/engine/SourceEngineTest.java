package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.awaitHighWatermark;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.get;
import static io.headrace.server.engine.TestEngine.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Unavailable;
import io.headrace.engine.spi.ObjectStore;
import io.headrace.objects.DirectoryObjectStore;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Source topics in a whole engine: journaled index, projection, catalog. */
class SourceEngineTest {
    private static final String URI = "file:///srv/data/";

    @TempDir Path folder;
    private Path objects;

    @BeforeEach
    void makeStore() throws IOException {
        objects = Files.createDirectory(folder.resolve("objects"));
    }

    private TestEngine launch() throws IOException {
        return launch(new DirectoryObjectStore("data", objects));
    }

    private TestEngine launch(ObjectStore store) {
        return new TestEngine(folder.resolve("engine"), context -> context.objectStore(URI, store));
    }

    private static Map<String, String> source(String uri, String format) {
        return Map.of("headrace.source.uri", uri, "headrace.source.format", format);
    }

    private List<String> putFiles(int from, int to) throws IOException {
        List<String> expected = new ArrayList<>();
        for (int i = from; i < to; i++) {
            Files.writeString(objects.resolve(String.format("%05d", i)), "sample " + i);
            expected.add(i + ":sample " + i);
        }
        return expected;
    }

    /** Reads up to an offset; a source's end grows while it is read. */
    private static List<String> read(PartitionLog log, int count) {
        List<String> records = new ArrayList<>();
        while (records.size() < count) {
            awaitHighWatermark(log, records.size() + 1);
            records.addAll(readAll(log, records.size()));
        }
        return records;
    }

    @Test
    void objectsAreReadAndStayWhereTheyAreAfterRestarts() throws IOException {
        List<String> expected = putFiles(1000, 3500);
        List<String> offsets = new ArrayList<>();
        for (int i = 0; i < expected.size(); i++) {
            offsets.add(i + ":sample " + (1000 + i));
        }
        try (TestEngine engine = launch()) {
            Topic topic = engine.create("t", 1, source(URI, "files"));
            assertEquals(StorageMode.SOURCE, topic.storageMode());
            assertEquals(offsets, read(engine.log("t", 0), 2500));
        }
        putFiles(0, 1);
        offsets.add("2500:sample 0");
        try (TestEngine engine = launch()) {
            assertEquals(offsets, read(engine.log("t", 0), 2501));
        }
        deleteFolder(folder.resolve("engine/rocksdb"));
        deleteFolder(folder.resolve("engine/checkpoints"));
        try (TestEngine engine = launch()) {
            assertEquals(offsets, read(engine.log("t", 0), 2501));
        }
    }

    /** From the start, all that has ordinals would get others once more. */
    @Test
    void aListingThatWasBrokenOffGoesOnBehindItsLastKey() throws IOException {
        List<String> expected = putFiles(0, 2500);
        DirectoryObjectStore store = new DirectoryObjectStore("data", objects);
        try (TestEngine engine = launch(new BrokenOffStore(store))) {
            engine.create("t", 1, source(URI, "files"));
            assertEquals(expected.subList(0, 1000), read(engine.log("t", 0), 1000));
        }
        try (TestEngine engine = launch()) {
            assertEquals(expected, read(engine.log("t", 0), 2500));
            assertEquals(2500, engine.log("t", 0).highWatermark());
        }
    }

    /** Lists one page, and no more. */
    private record BrokenOffStore(ObjectStore delegate) implements ObjectStore {
        @Override
        public String name() {
            return delegate.name();
        }

        @Override
        public List<StoredObject> list(String prefix, String afterKey, int limit)
                throws IOException {
            if (afterKey != null) {
                throw new IOException("broken off");
            }
            return delegate.list(prefix, null, limit);
        }

        @Override
        public void read(StoredObject object, long offset, ByteBuffer into) throws IOException {
            delegate.read(object, offset, into);
        }

        @Override
        public void close() {
            delegate.close();
        }
    }

    @Test
    void linesAreCountedWhileTheyAreRead() throws IOException {
        StringBuilder text = new StringBuilder();
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < 40_000; i++) {
            text.append("this is line ").append(i).append(" of the text\n");
            expected.add(i + ":this is line " + i + " of the text");
        }
        Files.writeString(objects.resolve("text"), text);
        try (TestEngine engine = launch()) {
            engine.create("t", 1, source(URI, "lines"));
            assertEquals(expected.subList(0, 100), read(engine.log("t", 0), 100).subList(0, 100));
        }
        try (TestEngine engine = launch()) {
            assertEquals(expected, read(engine.log("t", 0), 40_000));
        }
    }

    @Test
    void onlyNamedStoresCanBeRead() throws IOException {
        try (TestEngine engine = launch()) {
            for (String uri :
                    List.of(
                            "file:///srv/data/../secret",
                            "file:///srv/database/",
                            "file:///etc/",
                            "s3://bucket/",
                            "data:///etc",
                            "")) {
                CatalogResult refused = create(engine, source(uri, "files"));
                assertEquals(TopicCatalog.Error.INVALID_CONFIG, refused.error(), uri);
                assertTrue(
                        refused.message().contains("headrace.source.uri value=" + uri),
                        refused.message());
                assertTrue(refused.message().contains(URI), refused.message());
            }
            for (String uri : List.of("file:///srv/data", "file:///srv/data/x/y", "data://x")) {
                assertNull(create(engine, source(uri, "files")).error(), uri);
            }
            Map<String, String> both = new HashMap<>(source(URI, "files"));
            both.put("headrace.storage.mode", "memory");
            assertEquals(TopicCatalog.Error.INVALID_CONFIG, create(engine, both).error());
            assertEquals(
                    TopicCatalog.Error.INVALID_CONFIG,
                    create(engine, Map.of("headrace.storage.mode", "source")).error());
            assertEquals(
                    TopicCatalog.Error.INVALID_CONFIG,
                    create(engine, source(URI, "parquet")).error());
        }
    }

    private static CatalogResult create(TestEngine engine, Map<String, String> configs) {
        return get(engine.engine.catalog().create(List.of(new TopicSpec("x", 1, configs)), true))
                .get(0);
    }

    @Test
    void compressionThatWouldHaveNoEffectIsRefused() throws IOException {
        try (TestEngine engine = launch()) {
            Map<String, String> configs = new HashMap<>(source(URI, "files"));
            for (String codec : List.of("zstd", "lz4", "snappy", "gzip", "")) {
                configs.put("compression.type", codec);
                CatalogResult refused = create(engine, configs);
                assertEquals(TopicCatalog.Error.INVALID_CONFIG, refused.error(), codec);
                assertTrue(refused.message().contains("key=compression.type"), refused::message);
                assertTrue(refused.message().contains("producer"), refused::message);
            }
            for (String kept : List.of("producer", "uncompressed")) {
                configs.put("compression.type", kept);
                Topic topic = engine.create(kept, 1, configs);
                Map<String, String> altered = Map.of("compression.type", "zstd");
                TopicCatalog catalog = engine.engine.catalog();
                CatalogResult refused = get(catalog.alterConfigs(topic.id(), altered, false));
                assertEquals(TopicCatalog.Error.INVALID_CONFIG, refused.error());
            }
        }
    }

    @Test
    void sourceTakesNoRecordsAndKeepsWhatItReads() throws IOException {
        putFiles(0, 1);
        try (TestEngine engine = launch()) {
            Topic topic = engine.create("t", 1, source(URI, "files"));
            assertEquals(PartitionLog.READ_ONLY, engine.log("t", 0).append(batch("a")));
            TopicCatalog catalog = engine.engine.catalog();
            Map<String, String> elsewhere = Map.of("headrace.source.uri", URI + "x");
            assertEquals(
                    TopicCatalog.Error.REFUSED,
                    get(catalog.alterConfigs(topic.id(), elsewhere, false)).error());
            assertEquals(
                    TopicCatalog.Error.REFUSED, get(catalog.grow(topic.id(), 2, false)).error());
            Map<String, String> other = Map.of("retention.ms", "5");
            assertNull(get(catalog.alterConfigs(topic.id(), other, false)).error());
            assertNull(engine.engine.partitionLog(topic, 1));
        }
    }

    @Test
    void emptyTopicBecomesASourceWhenItGetsAUri() throws IOException {
        List<String> expected = putFiles(0, 3);
        try (TestEngine engine = launch()) {
            Topic topic = engine.create("t", 1, Map.of());
            assertEquals(0, engine.log("t", 0).highWatermark());
            assertNull(
                    get(engine.engine
                                    .catalog()
                                    .alterConfigs(
                                            topic.id(), Map.of("headrace.source.uri", URI), false))
                            .error());
            assertEquals(expected, read(engine.log("t", 0), 3));
        }
    }

    @Test
    void deletedSourceIsGoneAndItsNameReadsAnew() throws IOException {
        List<String> expected = putFiles(0, 10);
        try (TestEngine engine = launch()) {
            Topic topic = engine.create("t", 1, source(URI, "files"));
            PartitionLog log = engine.log("t", 0);
            assertEquals(expected, read(log, 10));
            get(engine.engine.catalog().delete(List.of(topic.id())));
            assertEquals(Unavailable.CLOSED, log.read(0, 100));
            assertNull(engine.engine.partitionLog(topic, 0));
            Files.delete(objects.resolve("00009"));
            engine.create("t", 1, source(URI, "files"));
            assertEquals(expected.subList(0, 9), read(engine.log("t", 0), 9));
        }
    }

    private static void deleteFolder(Path root) throws IOException {
        if (Files.exists(root)) {
            try (Stream<Path> files = Files.walk(root)) {
                files.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
            }
        }
    }
}
