package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.awaitHighWatermark;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.get;
import static io.headrace.server.engine.TestEngine.ofProducer;
import static io.headrace.server.engine.TestEngine.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.Backups;
import io.headrace.engine.Backups.Cut;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.backup.BackupReader;
import io.headrace.engine.backup.BackupWriter;
import io.headrace.engine.backup.RestoreMark;
import io.headrace.objects.DirectoryObjectStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a backup holds of topics that come, go, and change their mode around its cut. */
class BackupOfTopicsTest {
    private static final String URI = "file:///srv/data/";
    private static final int CUTS = 5;

    @TempDir Path folder;

    private Path data() {
        return folder.resolve("data");
    }

    private Path restored() {
        return folder.resolve("restored");
    }

    private static Map<String, String> in(StorageMode mode) {
        return Map.of(StorageMode.CONFIG, mode.configValue(), "headrace.spill.ms", "60000");
    }

    private static void change(TestEngine engine, String topic, StorageMode mode) {
        CatalogResult result =
                get(
                        engine.engine
                                .catalog()
                                .alterConfigs(
                                        engine.engine.catalog().find(topic).id(),
                                        Map.of(StorageMode.CONFIG, mode.configValue()),
                                        false));
        assertNull(result.error(), result.message());
    }

    private static void delete(TestEngine engine, String topic) {
        get(engine.engine.catalog().delete(List.of(engine.engine.catalog().find(topic).id())));
    }

    private static void copy(Cut cut, Path target) throws IOException {
        BackupWriter writer = new BackupWriter(cut, "cluster", target, null, true, bytes -> {});
        writer.copy();
        writer.complete();
    }

    private RestoreMark restore(Path backup, Path to) throws IOException {
        int number = RestoreMark.numberAt(System.currentTimeMillis());
        return BackupReader.restore(backup, to, number, bytes -> {});
    }

    @Test
    void topicsAreAsTheyWereAtTheCut() throws Exception {
        Path backup = folder.resolve("backup");
        try (TestEngine engine = new TestEngine(data())) {
            for (String name : List.of("gone", "kept", "deleted later")) {
                engine.create(name.replace(' ', '-'), 1, Map.of());
                append(engine.log(name.replace(' ', '-'), 0), batch("a"));
            }
            engine.create("hybrid", 1, in(StorageMode.HYBRID));
            append(engine.log("hybrid", 0), batch("a", "b"));
            engine.create("memory", 1, in(StorageMode.MEMORY));
            append(engine.log("memory", 0), batch("a"));
            engine.create("was-memory", 1, in(StorageMode.MEMORY));
            append(engine.log("was-memory", 0), batch("a"));
            change(engine, "was-memory", StorageMode.HYBRID);
            append(engine.log("was-memory", 0), batch("b"));
            delete(engine, "gone");
            Cut cut = get(engine.engine.backups().begin());
            delete(engine, "deleted-later");
            engine.create("late", 1, Map.of());
            append(engine.log("late", 0), batch("late"));
            change(engine, "hybrid", StorageMode.MEMORY);
            append(engine.log("hybrid", 0), batch("late"));
            change(engine, "memory", StorageMode.PERSISTENT);
            append(engine.log("memory", 0), batch("late"));
            copy(cut, backup);
            engine.engine.backups().end(cut.id());
        }
        RestoreMark mark = restore(backup, restored());
        try (TestEngine engine = new TestEngine(restored())) {
            assertEquals(5, engine.engine.catalog().topicCount());
            assertEquals(List.of("0:a"), readAll(engine.log("kept", 0), 0));
            assertEquals(List.of("0:a"), readAll(engine.log("deleted-later", 0), 0));
            PartitionLog hybrid = engine.log("hybrid", 0);
            assertEquals(StorageMode.HYBRID, hybrid.topic().storageMode());
            assertEquals(List.of("0:a", "1:b"), readAll(hybrid, 0));
            assertEquals(List.of("0:a", "1:b"), readAll(engine.log("was-memory", 0), 0));
            PartitionLog memory = engine.log("memory", 0);
            assertEquals(StorageMode.MEMORY, memory.topic().storageMode());
            for (String name : List.of("kept", "deleted-later", "hybrid", "was-memory", "memory")) {
                assertEquals(mark.floor(), append(engine.log(name, 0), batch("new")), name);
            }
            for (String name : List.of("gone", "late")) {
                Topic again = engine.create(name, 1, Map.of());
                assertTrue(again.id() >= mark.floor(), "id " + again.id());
                assertEquals(0, append(engine.log(name, 0), batch("first")));
            }
        }
    }

    /** It was told that what is lost now is safe, and cannot send it again. */
    @Test
    void anIdempotentProducerThatLivesAcrossARestoreGoesOn() throws Exception {
        Path backup = folder.resolve("backup");
        try (TestEngine engine = new TestEngine(data())) {
            engine.create("t", 1, Map.of());
            append(engine.log("t", 0), ofProducer(batch("a"), 9, 0, 0));
            Cut cut = get(engine.engine.backups().begin());
            append(engine.log("t", 0), ofProducer(batch("lost"), 9, 0, 1));
            copy(cut, backup);
            engine.engine.backups().end(cut.id());
        }
        RestoreMark mark = restore(backup, restored());
        try (TestEngine engine = new TestEngine(restored())) {
            PartitionLog log = engine.log("t", 0);
            assertEquals(mark.floor(), append(log, ofProducer(batch("c"), 9, 0, 2)));
            assertEquals(mark.floor(), append(log, ofProducer(batch("c"), 9, 0, 2)), "sent again");
            assertTrue(append(log, ofProducer(batch("e"), 9, 0, 4)) < 0, "a gap of its own");
            assertEquals(List.of("0:a", mark.floor() + ":c"), readAll(log, 0));
        }
    }

    /** Whose records are their own offsets, so that each says whether it belongs where it is. */
    private final class Changes implements Runnable {
        private final List<StorageMode> modes =
                List.of(
                        StorageMode.HYBRID,
                        StorageMode.PERSISTENT,
                        StorageMode.MEMORY,
                        StorageMode.HYBRID);

        private final TestEngine engine;
        private final AtomicBoolean done = new AtomicBoolean();
        private final AtomicReference<Throwable> failure = new AtomicReference<>();

        /** What the topic's mode does not let go. */
        private final Map<String, Long> kept = new ConcurrentHashMap<>();

        private final Set<String> deleted = ConcurrentHashMap.newKeySet();
        private volatile int turns;

        Changes(TestEngine engine) {
            this.engine = engine;
        }

        @Override
        public void run() {
            try {
                for (int i = 0; !done.get(); i++) {
                    turn("t-" + i, i);
                    turns = i + 1;
                }
            } catch (RuntimeException | Error e) {
                failure.set(e);
            }
        }

        private void turn(String topic, int number) {
            engine.create(topic, 1, in(modes.get(0)));
            long offset = 0;
            for (StorageMode mode : modes) {
                change(engine, topic, mode);
                if (mode != StorageMode.MEMORY) {
                    kept.put(topic, offset);
                }
                for (int i = 0; i < 3; i++) {
                    append(engine.log(topic, 0), batch(String.valueOf(offset++)));
                    if (mode != StorageMode.MEMORY) {
                        kept.put(topic, offset);
                    }
                }
            }
            if (number % 2 == 0) {
                deleted.add(topic);
                delete(engine, topic);
            }
        }
    }

    @Test
    void topicsThatComeAndGoAndChangeMeanwhileAreWhatTheyWereAtOneMoment() throws Exception {
        List<Map<String, Long>> kept = new ArrayList<>();
        Set<String> deleted;
        try (TestEngine engine = new TestEngine(data())) {
            Changes changes = new Changes(engine);
            Thread thread = new Thread(changes);
            thread.start();
            Backups backups = engine.engine.backups();
            for (int i = 0; i < CUTS; i++) {
                int before = changes.turns;
                await("changes", () -> changes.turns > before + 2 || changes.failure.get() != null);
                kept.add(new HashMap<>(changes.kept));
                Cut cut = get(backups.begin());
                copy(cut, folder.resolve("backup-" + i));
                backups.end(cut.id());
            }
            changes.done.set(true);
            thread.join();
            assertNull(changes.failure.get(), () -> String.valueOf(changes.failure.get()));
            deleted = changes.deleted;
        }
        for (int i = 0; i < CUTS; i++) {
            Path target = folder.resolve("restored-" + i);
            restore(folder.resolve("backup-" + i), target);
            try (TestEngine engine = new TestEngine(target)) {
                check(engine, kept.get(i), deleted);
            }
        }
    }

    private static void check(TestEngine engine, Map<String, Long> kept, Set<String> deleted) {
        int found = 0;
        for (Map.Entry<String, Long> each : kept.entrySet()) {
            if (engine.engine.catalog().find(each.getKey()) == null) {
                assertTrue(deleted.contains(each.getKey()), each + " is gone");
                continue;
            }
            found++;
            List<String> records = readAll(engine.log(each.getKey(), 0), 0);
            assertTrue(records.size() >= each.getValue(), each + " but only " + records);
            for (int offset = 0; offset < records.size(); offset++) {
                assertEquals(offset + ":" + offset, records.get(offset), each.getKey());
            }
        }
        assertTrue(found > 0, "no topic");
    }

    @Test
    void whatIsKnownOfASourceIsThereAndWhatWasListedLaterIsListedAgain() throws Exception {
        Path backup = folder.resolve("backup");
        Path objects = Files.createDirectory(folder.resolve("objects"));
        List<String> expected = new ArrayList<>();
        put(objects, 100, 150, expected);
        DirectoryObjectStore store = new DirectoryObjectStore("data", objects);
        try (TestEngine engine =
                new TestEngine(data(), context -> context.objectStore(URI, store))) {
            engine.create(
                    "t", 1, Map.of("headrace.source.uri", URI, "headrace.source.format", "files"));
            assertEquals(expected, read(engine.log("t", 0), 50));
            Cut cut = get(engine.engine.backups().begin());
            copy(cut, backup);
            engine.engine.backups().end(cut.id());
        }
        put(objects, 0, 1, expected); // before all others by name, and behind them by offset
        RestoreMark mark = restore(backup, restored());
        try (TestEngine engine =
                new TestEngine(restored(), context -> context.objectStore(URI, store))) {
            assertEquals(StorageMode.SOURCE, engine.log("t", 0).topic().storageMode());
            assertEquals(expected, read(engine.log("t", 0), 51));
            assertNotNull(engine.engine.catalog().find("t"));
            assertEquals(mark.leaderEpoch(), engine.engine.leaderEpoch());
        }
    }

    private static void put(Path objects, int from, int to, List<String> expected)
            throws IOException {
        for (int i = from; i < to; i++) {
            Files.writeString(objects.resolve(String.format("%05d", i)), "sample " + i);
            expected.add(expected.size() + ":sample " + i);
        }
    }

    /** A source's end grows while it is read. */
    private static List<String> read(PartitionLog log, int count) {
        List<String> records = new ArrayList<>();
        while (records.size() < count) {
            awaitHighWatermark(log, records.size() + 1);
            records.addAll(readAll(log, records.size()));
        }
        return records;
    }
}
