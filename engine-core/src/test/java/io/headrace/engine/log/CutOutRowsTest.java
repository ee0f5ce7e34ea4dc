package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.Topic;
import io.headrace.engine.TopicConfig;
import io.headrace.engine.journal.ChronicleJournal;
import io.headrace.engine.journal.JournalContext;
import io.headrace.engine.log.CutOutRows.GivenUp;
import io.headrace.engine.segment.SegmentFiles;
import io.headrace.engine.segment.SegmentFolder;
import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.HeapMetadataStore;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.MetadataStore;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** However many files a repair has cut something out of, the index is walked once for all. */
class CutOutRowsTest {
    private static final Topic TOPIC = new Topic(5, "t", 1, Map.of(), TopicConfig.DEFAULTS, 1);
    private static final int FILES = 4;
    private static final int ROWS_PER_FILE = 3;

    /** In which nothing was cut out. */
    private static final int SOUND = 2;

    @TempDir Path folder;
    private Journal journal;
    private MetadataStore store;
    private Shard shard;

    private final AtomicInteger walks = new AtomicInteger();

    @BeforeEach
    void open() throws IOException {
        journal =
                ChronicleJournal.open(
                        new JournalContext()
                                .folder(folder.resolve("journal"))
                                .cycleBytes(1 << 20)
                                .diskReserveBytes(0));
        store = HeapMetadataStore.open(folder.resolve("store"));
        shard =
                new Shard(
                        1,
                        cutOut(),
                        SegmentFolder.open(
                                folder.resolve("segments"), 1, SegmentFiles.of(Disk.SYSTEM)),
                        1 << 20,
                        null,
                        System::currentTimeMillis,
                        new Projector(store, Background.THREADS, CutOutRowsTest::fail),
                        Background.THREADS,
                        CutOutRowsTest::fail);
        fill();
    }

    private static void fail(Throwable cause) {
        throw new AssertionError(cause);
    }

    @AfterEach
    void close() {
        journal.close();
        store.close();
    }

    /** The journal after a repair that left nothing of its files, but of one. */
    private Journal cutOut() {
        return (Journal)
                Proxy.newProxyInstance(
                        Journal.class.getClassLoader(),
                        new Class<?>[] {Journal.class},
                        (proxy, method, arguments) ->
                                method.getName().equals("cutOuts")
                                        ? cutOuts((int) arguments[0])
                                        : method.invoke(journal, arguments));
    }

    private static long[] cutOuts(int cycle) {
        return cycle == SOUND ? new long[0] : new long[] {0, Long.MAX_VALUE};
    }

    private void fill() {
        try (MetadataStore.Batch batch = store.newBatch()) {
            for (int i = 0; i < FILES * ROWS_PER_FILE; i++) {
                long position = Journal.position(1 + i / ROWS_PER_FILE, 1000 + i);
                IndexEntry row = new IndexEntry(i, position, 100, 1, 0, 0, 0, 1);
                batch.put(Rows.indexKey(TOPIC.id(), 0, i), row.encode());
            }
            store.write(batch);
        }
    }

    private GivenUp giveUp(Set<Integer> files) {
        return new CutOutRows(counted(), id -> TOPIC, () -> 1, () -> false).giveUp(shard, files);
    }

    /** The store, in which walks over the rows of more than one partition are counted. */
    private MetadataStore counted() {
        return (MetadataStore)
                Proxy.newProxyInstance(
                        MetadataStore.class.getClassLoader(),
                        new Class<?>[] {MetadataStore.class},
                        (proxy, method, arguments) -> {
                            if (method.getName().equals("cursor")
                                    && ((byte[]) arguments[0]).length == 1) {
                                walks.incrementAndGet();
                            }
                            return method.invoke(store, arguments);
                        });
    }

    @Test
    void theIndexIsWalkedOnceForAllFiles() throws IOException {
        GivenUp given = giveUp(Set.of(1, SOUND, 3));
        assertEquals(1, walks.get());
        assertEquals(Set.of(1, 3), given.files());
        AtomicInteger changes = new AtomicInteger();
        journal.sync();
        journal.replay(
                journal.firstPosition(),
                journal.syncedPosition(),
                (position, type, id, partition, offset, epoch, timeMs, payload) ->
                        CompactedEntry.forEach(payload, (change, at) -> changes.incrementAndGet()));
        assertEquals(2 * ROWS_PER_FILE, changes.get());
        assertTrue(given.position() >= 0, given::toString);
    }

    @Test
    void aFileOfWhichNothingWasCutOutIsNotNamed() {
        assertEquals(new GivenUp(Set.of(), -1), giveUp(Set.of(SOUND)));
    }
}
