package io.headrace.objects;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.Unavailable;
import io.headrace.engine.source.SourceLog;
import io.headrace.objects.SourceFixture.Decoded;
import io.headrace.testing.s3.S3Server;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Topics over S3, from a real server over HTTP. */
final class S3SourceTest {
    private static final String PREFIX = "datasets/one/";

    private S3Server server;
    private SourceFixture fixture;

    @BeforeEach
    void open() throws Exception {
        server = new S3Server();
        fixture = new SourceFixture(new S3ObjectStore("s3", S3Settings.of(server.config(PREFIX))));
    }

    @AfterEach
    void close() {
        fixture.close();
        fixture.store.close();
        server.close();
    }

    private SourceLog log(int partitionCount, int partition, String format) {
        return fixture.logs().open(SourceFixture.topic(partitionCount, format), partition);
    }

    private void put(String key, String content) {
        server.put(PREFIX + key, content.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void objectsBecomeRecordsAndAreDownloadedOnce() {
        for (int i = 0; i < 300; i++) {
            put(String.format("%04d.bin", i), "content " + i);
        }
        put("folder/", ""); // as consoles leave it
        for (int partition = 0; partition < 2; partition++) {
            SourceLog log = log(2, partition, "files");
            List<Decoded> records = fixture.read(log, 0, 150);
            for (int i = 0; i < 150; i++) {
                assertEquals("content " + (2 * i + partition), records.get(i).text());
            }
            assertEquals(records.size(), fixture.read(log, 0, 150).size());
            assertEquals(150, log.highWatermark());
        }
        assertEquals(300, fixture.store.reads.sum());
    }

    @Test
    void slashAtTheEndOfAFoldersUriSavesARequest() {
        put("single", "the object");
        put("shards/a", "in the folder");
        assertEquals("the object", firstRecordOf(1, "single"));
        assertEquals(2, fixture.store.listings.sumThenReset());
        assertEquals("in the folder", firstRecordOf(2, "shards"));
        assertEquals(2, fixture.store.listings.sumThenReset());
        assertEquals("in the folder", firstRecordOf(3, "shards/"));
        assertEquals(1, fixture.store.listings.sumThenReset());
        assertEquals("the object", firstRecordOf(4, "single/"));
    }

    private String firstRecordOf(long topicId, String path) {
        Map<String, String> configs = Map.of("headrace.source.uri", SourceFixture.ROOT + path);
        SourceLog log = fixture.logs().open(SourceFixture.topic(topicId, 1, configs), 0);
        return fixture.read(log, 0, 1).get(0).text();
    }

    @Test
    void linesAreDownloadedOnceWhileTheyAreCounted() {
        List<String> expected = new ArrayList<>();
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 30_000; i++) {
            expected.add("line " + i + "-".repeat(i % 83));
            text.append(expected.get(i)).append('\n');
        }
        put("text", text.toString());
        List<Decoded> records = fixture.read(log(1, 0, "lines"), 0, expected.size());
        assertEquals(expected, records.stream().map(Decoded::text).toList());
        assertEquals(text.length(), fixture.store.bytes.sum());
    }

    @Test
    void firstRecordsDoNotWaitForTheRestOfWhatWasDownloaded() {
        int lineLength = 100;
        put("text", ("x".repeat(lineLength - 1) + "\n").repeat(20_000));
        SourceLog log = log(1, 0, "lines");
        List<Long> ends = Collections.synchronizedList(new ArrayList<>());
        fixture.whenApplied = () -> ends.add(log.logEndOffset());
        fixture.read(log, 0, 20_000);
        long firstBlock = ends.stream().filter(end -> end > 0).findFirst().orElseThrow();
        assertTrue(firstBlock * lineLength < 100_000, "records in the first block: " + firstBlock);
    }

    @Test
    void changedObjectIsNeverServedAsTheOneThatWasListed() {
        put("a", "before");
        SourceLog log = log(1, 0, "files");
        SourceFixture.awaitOffset(log, 1);
        put("a", "behind");
        String said =
                StandardErrors.during(
                        () -> assertEquals(Unavailable.SOURCE_CHANGED, fixture.poll(log, 0, 100)));
        assertTrue(said.contains("object changed: key=a expected="), said);
    }
}
