package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.awaitHighWatermark;
import static io.headrace.server.engine.TestEngine.get;
import static io.headrace.server.engine.TestEngine.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineException;
import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.SourceCheck;
import io.headrace.engine.SourceFindings;
import io.headrace.engine.SourceFindings.Finding;
import io.headrace.engine.SourceStatus;
import io.headrace.engine.Sources;
import io.headrace.engine.Sources.CheckedPart;
import io.headrace.engine.Topic;
import io.headrace.objects.DirectoryObjectStore;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What tools see of sources, and do to them, in a whole engine. */
class SourceToolsTest {
    private static final String URI = "file:///srv/data/";
    private static final long DEADLINE_NANOS = TimeUnit.SECONDS.toNanos(30);

    @TempDir Path folder;
    private Path objects;
    private TestEngine engine;

    @BeforeEach
    void launch() throws IOException {
        objects = folder.resolve("objects");
        Files.createDirectories(objects);
        DirectoryObjectStore store = new DirectoryObjectStore("data", objects);
        engine =
                new TestEngine(
                        folder.resolve("engine"), context -> context.objectStore(URI, store));
    }

    @AfterEach
    void close() {
        engine.close();
    }

    private void relaunch() throws IOException {
        engine.close();
        launch();
    }

    private static Map<String, String> configs(String... keysAndValues) {
        Map<String, String> configs = new HashMap<>();
        configs.put("headrace.source.uri", URI);
        for (int i = 0; i < keysAndValues.length; i += 2) {
            configs.put("headrace.source." + keysAndValues[i], keysAndValues[i + 1]);
        }
        return configs;
    }

    private void put(String key, String content) throws IOException {
        Path file = objects.resolve(key);
        Files.createDirectories(file.getParent());
        Files.writeString(file, content);
    }

    private Sources sources() {
        return engine.engine.sources();
    }

    private SourceStatus await(Topic topic, Predicate<SourceStatus> condition) {
        long deadline = System.nanoTime() + DEADLINE_NANOS;
        while (true) {
            SourceStatus status = get(sources().status(topic.id()));
            if (condition.test(status)) {
                return status;
            }
            if (System.nanoTime() > deadline) {
                throw new AssertionError("did not come true: " + status);
            }
            LockSupport.parkNanos(2_000_000);
        }
    }

    private List<Finding> findings(Topic topic, SourceFindings.Kind kind, int pageLimit) {
        List<Finding> all = new ArrayList<>();
        String after = "";
        do {
            SourceFindings page = get(sources().findings(topic.id(), kind, after, pageLimit));
            assertTrue(page.findings().size() <= pageLimit);
            all.addAll(page.findings());
            after = page.next();
        } while (!after.isEmpty());
        return all;
    }

    private static String lines(int from, int to) {
        StringBuilder text = new StringBuilder();
        for (int i = from; i < to; i++) {
            text.append("line ").append(i).append('\n');
        }
        return text.toString();
    }

    @Test
    void sourceIsIndexedAheadOfItsReadersAndStaysSo() throws IOException {
        for (int i = 0; i < 7; i++) {
            put("part-" + i, lines(1000 * i, 1000 * i + 1000));
        }
        put("part-7-empty", "");
        Topic topic = engine.create("t", 3, configs("format", "lines"));
        SourceStatus before = get(sources().status(topic.id()));
        assertEquals(SourceStatus.Listing.NOT_BEGUN, before.listing());
        assertFalse(before.isComplete());
        assertTrue(get(sources().index(topic.id())).isIndexing());
        SourceStatus done =
                await(
                        topic,
                        status ->
                                status.isComplete()
                                        && status.listing() == SourceStatus.Listing.DONE);
        assertEquals(7000, done.recordCount());
        assertEquals(8, done.objectCount());
        assertEquals(
                List.of(3L, 3L, 2L),
                done.partitions().stream().map(SourceStatus.Partition::objectCount).toList());
        assertEquals(
                List.of(3000L, 2000L, 2000L),
                done.partitions().stream().map(SourceStatus.Partition::endOffset).toList());
        assertEquals(
                done.objectBytes(),
                done.partitions().stream().mapToLong(SourceStatus.Partition::indexedBytes).sum());
        assertFalse(get(sources().stopIndexing(topic.id())).isIndexing());
        relaunch();
        SourceStatus again = get(sources().status(topic.id()));
        assertEquals(done.partitions(), again.partitions());
        assertEquals("2999:line 6999", readAll(engine.log("t", 0), 2999).get(0));
    }

    @Test
    void morePartitionsThanAreIndexedAtOnceAreAllIndexed() throws IOException {
        for (int i = 0; i < 90; i++) {
            put(String.format("%03d", i), lines(i, i + 3));
        }
        Topic topic = engine.create("t", 40, configs("format", "lines"));
        get(sources().index(topic.id()));
        assertEquals(270, await(topic, SourceStatus::isComplete).recordCount());
        await(topic, found -> !found.isIndexing());
    }

    @Test
    void objectsThatComeLaterAreAppendedAsAGenerationOfTheirOwn() throws IOException {
        put("m", "m\n");
        Topic topic = engine.create("t", 1, configs("format", "lines"));
        get(sources().index(topic.id()));
        await(topic, SourceStatus::isComplete);
        put("a", "a\nb\n");
        get(sources().refresh(topic.id()));
        SourceStatus status = await(topic, found -> found.generation() == 1 && found.isComplete());
        assertEquals(3, status.recordCount());
        assertEquals(List.of("0:m", "1:a", "2:b"), readAll(engine.log("t", 0), 0));
    }

    @Test
    void sourceIsListedAgainByItself() throws IOException {
        put("m", "m");
        Topic topic = engine.create("t", 1, configs("refresh.ms", "1000"));
        awaitHighWatermark(engine.log("t", 0), 1);
        put("a", "a");
        awaitHighWatermark(engine.log("t", 0), 2);
        assertEquals(1, get(sources().status(topic.id())).generation());
    }

    @Test
    void whatIsBadOrTooLongIsListedByNameAndPosition() throws IOException {
        put("a.bin", "1234567890");
        put("b.bin", "1234567890123");
        put("c.bin", "123");
        Topic topic = engine.create("t", 1, configs("format", "fixed", "record.bytes", "5"));
        get(sources().index(topic.id()));
        SourceStatus status = await(topic, SourceStatus::isComplete);
        assertEquals(4, status.recordCount());
        assertEquals(2, status.badObjectCount());
        List<Finding> bad = findings(topic, SourceFindings.Kind.BAD_OBJECT, 1);
        assertEquals(List.of("b.bin", "c.bin"), bad.stream().map(Finding::key).toList());
        assertEquals(10, bad.get(0).position());

        Topic files = engine.create("f", 1, configs("record.max.bytes", "10"));
        awaitHighWatermark(engine.log("f", 0), 2);
        SourceStatus listed = await(files, SourceStatus::isComplete);
        assertEquals(1, listed.leftOutCount());
        assertEquals(3, listed.partitions().get(0).indexedObjectCount());
        Finding leftOut = findings(files, SourceFindings.Kind.LEFT_OUT, 10).get(0);
        assertEquals("b.bin", leftOut.key());
        assertEquals("length=13 max=10", leftOut.reason());
        assertEquals(List.of(), findings(files, SourceFindings.Kind.BAD_OBJECT, 10));
    }

    @Test
    void stoppedPartitionSaysWhy() throws IOException {
        put("a.bin", "1234567890");
        put("b.bin", "1234567");
        put("c.bin", "12345");
        Map<String, String> configs = configs("format", "fixed", "record.bytes", "5");
        configs.put("headrace.source.bad", "stop");
        Topic topic = engine.create("t", 1, configs);
        get(sources().index(topic.id()));
        SourceStatus status = await(topic, found -> !found.partitions().get(0).failure().isEmpty());
        assertFalse(status.isComplete());
        assertTrue(status.partitions().get(0).failure().contains("key=b.bin"));
        // The partition stops at once; what it found is told when the journal has it.
        TestEngine.await(
                "the finding",
                () -> findings(topic, SourceFindings.Kind.BAD_OBJECT, 10).size() == 1);
        get(
                engine.engine
                        .catalog()
                        .alterConfigs(topic.id(), Map.of("headrace.source.bad", "skip"), false));
        SourceStatus done = await(topic, SourceStatus::isComplete);
        assertEquals(4, done.recordCount());
        assertEquals("", done.partitions().get(0).failure());
    }

    @Test
    void listingStopsAtAnObjectThatIsTooLongIfItIsToFail() throws IOException {
        put("a", "1");
        put("b", "12345678901");
        put("c", "2");
        Map<String, String> configs = configs("record.max.bytes", "10", "oversize", "fail");
        Topic topic = engine.create("t", 1, configs);
        awaitHighWatermark(engine.log("t", 0), 1);
        SourceStatus failed = await(topic, found -> found.listing() == SourceStatus.Listing.FAILED);
        assertTrue(failed.failure().contains("key=b length=11 max=10"), failed.failure());
        assertFalse(failed.isComplete());
        get(
                engine.engine
                        .catalog()
                        .alterConfigs(
                                topic.id(), Map.of("headrace.source.oversize", "skip"), false));
        SourceStatus done = await(topic, SourceStatus::isComplete);
        assertEquals(2, done.recordCount());
        assertEquals(1, done.leftOutCount());
    }

    @Test
    void treesAreJoinedByStemAndWhatIsLeftIsListed() throws IOException {
        for (int i = 0; i < 1500; i++) {
            put(String.format("images/%05d.jpg", i), "image " + i);
            if (i != 7) {
                put(String.format("captions/%05d.txt", i), "caption " + i);
            }
            if (i % 3 == 0) {
                put(String.format("masks/%05d.png", i), "mask " + i);
            }
        }
        put("captions/99999.txt", "nobody's");
        put("images/sub/1.jpg", "image");
        put("captions/sub/1.txt", "caption");
        Topic topic =
                engine.create(
                        "t",
                        2,
                        configs(
                                "join",
                                "images/,captions,masks/=mask",
                                "join.required",
                                "jpg,txt"));
        awaitHighWatermark(engine.log("t", 0), 750);
        SourceStatus status = await(topic, SourceStatus::isComplete);
        assertEquals(1500, status.recordCount());
        assertEquals(2, status.orphanCount());
        assertEquals(
                List.of("images/00007.jpg", "captions/99999.txt"),
                findings(topic, SourceFindings.Kind.ORPHAN, 1).stream().map(Finding::key).toList());
        String first = readAll(engine.log("t", 0), 0).get(0);
        assertTrue(first.contains("image 0"), first);
        assertTrue(first.contains("caption 0"), first);
        assertTrue(first.contains("mask 0"), first);
        put("captions/00007.txt", "late");
        get(sources().refresh(topic.id()));
        SourceStatus later = await(topic, found -> found.generation() == 1 && found.isComplete());
        assertEquals(1501, later.recordCount());
        assertEquals(1, later.orphanCount());
        relaunch();
        assertEquals(1501, get(sources().status(topic.id())).recordCount());
        String last = readAll(engine.log("t", 0), 750).get(0);
        assertTrue(last.contains("image 7") && last.contains("late"), last);
    }

    @Test
    void checkShowsSamplesAndEstimatesWithoutCreatingAnything() throws IOException {
        for (int i = 0; i < 20; i++) {
            put("part-" + i + ".jsonl", ("{\"n\": " + i + "}\n").repeat(100));
        }
        SourceCheck check = get(sources().check(URI, configs("format", "auto")));
        assertEquals("lines", check.format());
        assertEquals(20, check.objectCount());
        assertTrue(check.isWhole());
        assertEquals(Sources.CHECK_SAMPLE_COUNT, check.samples().size());
        CheckedPart part = check.samples().get(1).parts().get(0);
        assertEquals("{\"n\": 0}", new String(part.head(), StandardCharsets.UTF_8));
        assertEquals(9, check.samples().get(1).position());
        assertTrue(Math.abs(check.recordCountEstimate() - 2000) < 200);
        assertTrue(check.readCountEstimate() >= 20);
        assertTrue(check.bytesPerSecond() > 0);
        SourceCheck files = get(sources().check(URI, Map.of()));
        assertEquals("files", files.format());
        assertEquals("part-0.jsonl", files.samples().get(0).key());
        assertNull(engine.engine.catalog().find("t"));
    }

    @Test
    void checkReadsABoundedPartOfALargeObject() throws IOException {
        put("part-0", "0123456789abcde\n".repeat(1 << 20));
        for (String format : new String[] {"lines", "auto"}) {
            long before = engine.metric("headrace_source_store_read_bytes_total");
            assertEquals("lines", get(sources().check(URI, configs("format", format))).format());
            long read = engine.metric("headrace_source_store_read_bytes_total") - before;
            assertTrue(read <= (1 << 20) + 1, "read=" + read);
        }
    }

    @Test
    void checkShowsNoHalvesOfJoinedSamples() throws IOException {
        for (int i = 0; i < 20; i++) {
            put("images/" + i + ".jpg", "image");
            put("captions/" + i + ".txt", "caption");
        }
        SourceCheck check = get(sources().check(URI, configs("join", "images/=jpg,captions/=txt")));
        assertEquals(List.of(), check.samples());
        assertEquals(40, check.objectCount());
        assertEquals(20, check.recordCountEstimate());
        assertTrue(check.remarks().get(0).contains("at most"), check.remarks()::toString);
        assertEquals(0, get(sources().check(URI, configs("join", "bogus/"))).recordCountEstimate());
    }

    @Test
    void questionsAboutWhatIsNoSourceFail() {
        Topic topic = engine.create("t", 1, Map.of());
        for (long id : new long[] {topic.id(), 4711}) {
            CompletionException failed =
                    assertThrows(CompletionException.class, () -> sources().status(id).join());
            assertTrue(failed.getCause() instanceof EngineException, failed.toString());
        }
        assertCheckIsRefused("file:///etc/", Map.of());
        assertCheckIsRefused(URI, Map.of("compression.type", "zstd"));
    }

    private void assertCheckIsRefused(String uri, Map<String, String> configs) {
        CompletionException refused =
                assertThrows(CompletionException.class, () -> sources().check(uri, configs).join());
        assertTrue(refused.getCause() instanceof InvalidConfigException, refused.toString());
    }

    @Test
    void checkRefusesTheConfigsThatACreationRefuses() {
        for (Map<String, String> configs :
                List.of(
                        Map.of("headrace.source.foo", "1"),
                        Map.of("retention.ms", "abc"),
                        Map.of("headrace.storage.mode", "memory"))) {
            CompletionException refused =
                    assertThrows(
                            CompletionException.class, () -> sources().check(URI, configs).join());
            assertTrue(refused.getCause() instanceof InvalidConfigException, refused.toString());
        }
    }
}
