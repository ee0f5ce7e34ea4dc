package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.get;
import static io.headrace.server.engine.TestEngine.ofProducer;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/**
 * A small data folder as a version of Headrace left it, kept as a zip file among the tests'
 * resources: {@code golden/VERSION.zip}. Written once for each released format, by {@link
 * GoldenFolderTest} with {@code -Dheadrace.golden.write=VERSION}, and never again.
 */
final class GoldenFolder {
    static final long PRODUCER_ID = 77;
    static final long TIMESTAMP_MS = 1_795_000_000_000L;
    static final int DELETED_BELOW = 2;
    static final List<String> ORDERS = List.of("zero", "one", "two", "three", "four");
    private static final String RESOURCES = "src/test/resources/golden/";

    private GoldenFolder() {}

    /** Fills a folder with something of every kind of bytes that the engine writes. */
    static void fill(Path folder) {
        try (TestEngine engine = engine(folder)) {
            engine.create("orders", 2, Map.of("retention.ms", "-1"));
            engine.create("telemetry", 1, Map.of("retention.ms", "-1", "flush.messages", "1000"));
            engine.create("gradients", 1, Map.of("headrace.storage.mode", "memory"));
            append(engine.log("gradients", 0), batch(TIMESTAMP_MS, "lost"));
            append(engine.log("telemetry", 0), batch(TIMESTAMP_MS, "warm"));
            trimUnderACheckpoint(engine, folder);
            PartitionLog orders = engine.log("orders", 0);
            for (int i = 0; i < ORDERS.size(); i++) {
                append(
                        orders,
                        ofProducer(batch(TIMESTAMP_MS + i, ORDERS.get(i)), PRODUCER_ID, 0, i));
            }
            get(orders.deleteRecords(DELETED_BELOW));
        }
        try (TestEngine engine = engine(folder)) {
            append(engine.log("orders", 1), batch(TIMESTAMP_MS, "after a start"));
        }
    }

    /** With one journal and small cycles, so that the folder is small. */
    private static final long PRODUCERS_KEPT_MS = TimeUnit.DAYS.toMillis(100 * 365);

    static TestEngine engine(Path folder) {
        // A folder's producers are as old as it is, and are to be known whenever this runs.
        return new TestEngine(
                folder, context -> context.journalCount(1).producerExpirationMs(PRODUCERS_KEPT_MS));
    }

    private static void trimUnderACheckpoint(TestEngine engine, Path folder) {
        Topic gone = engine.create("gone", 1, Map.of());
        for (int i = 0; i < 16; i++) {
            append(engine.log("gone", 0), batch(TIMESTAMP_MS, "x".repeat(200_000)));
        }
        get(engine.engine.catalog().delete(List.of(gone.id())));
        await("checkpoint", () -> Files.exists(folder.resolve("journal/trimmed.properties")));
    }

    static void zip(Path folder, String version) throws IOException {
        Path file = Path.of(RESOURCES + version + ".zip");
        Files.createDirectories(file.getParent());
        try (OutputStream out = Files.newOutputStream(file);
                ZipOutputStream zip = new ZipOutputStream(out);
                Stream<Path> paths = Files.walk(folder)) {
            for (Path path : paths.filter(Files::isRegularFile).sorted().toList()) {
                ZipEntry entry = new ZipEntry(folder.relativize(path).toString());
                entry.setLastModifiedTime(FileTime.fromMillis(TIMESTAMP_MS));
                zip.putNextEntry(entry);
                Files.copy(path, zip);
            }
        }
    }

    static List<String> versions() throws IOException {
        try (Stream<Path> files = Files.list(Path.of(RESOURCES))) {
            return files.map(file -> file.getFileName().toString().replace(".zip", ""))
                    .sorted()
                    .toList();
        }
    }

    static void unzip(String version, Path folder) throws IOException {
        try (InputStream in = Files.newInputStream(Path.of(RESOURCES + version + ".zip"));
                ZipInputStream zip = new ZipInputStream(in)) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                Path file = folder.resolve(entry.getName());
                Files.createDirectories(file.getParent());
                Files.copy(zip, file);
            }
        }
    }
}
