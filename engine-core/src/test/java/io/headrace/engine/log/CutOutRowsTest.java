package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.headrace.engine.Topic;
import io.headrace.engine.TopicConfig;
import io.headrace.engine.journal.ChronicleJournal;
import io.headrace.engine.journal.JournalContext;
import io.headrace.engine.segment.SegmentFiles;
import io.headrace.engine.segment.SegmentFolder;
import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.HeapMetadataStore;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.MetadataStore;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** However many files a repair has cut something out of, the index is walked once for all. */
class CutOutRowsTest {
    private static final Topic TOPIC = new Topic(5, "t", 1, Map.of(), TopicConfig.DEFAULTS, 1);
    private static final Topic OTHERS = new Topic(4, "o", 1, Map.of(), TopicConfig.DEFAULTS, 2);
    private static final int FILES = 4;
    private static final int ROWS_PER_FILE = 3;

    /** In which nothing was cut out. */
    private static final int SOUND = 2;

    @TempDir Path folder;
    private Journal journal;
    private MetadataStore store;
    private Shard shard;

    private final AtomicInteger walks = new AtomicInteger();
    private final AtomicInteger steps = new AtomicInteger();
    private final List<Long> said = new ArrayList<>();

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
                        new Projector(store, Set.of(), Background.THREADS, CutOutRowsTest::fail),
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
                for (Topic topic : List.of(OTHERS, TOPIC)) {
                    batch.put(Rows.indexKey(topic.id(), 0, i), row.encode());
                    batch.put(Rows.indexKey(topic.id(), 1, i), row.encode());
                }
            }
            store.write(batch);
        }
    }

    private Set<Integer> giveUp(Set<Integer> files, BooleanSupplier stopped) {
        CutOutRows rows =
                new CutOutRows(
                        counted(MetadataStore.class, store),
                        id -> id == TOPIC.id() ? TOPIC : OTHERS,
                        () -> 1,
                        stopped);
        return rows.giveUp(shard, files, said::add);
    }

    /** Counts walks over the rows of more than one partition, and their steps. */
    private <T> T counted(Class<T> type, Object of) {
        return type.cast(
                Proxy.newProxyInstance(
                        type.getClassLoader(),
                        new Class<?>[] {type},
                        (proxy, method, arguments) -> {
                            steps.addAndGet(method.getName().equals("next") ? 1 : 0);
                            Object result = method.invoke(of, arguments);
                            if (method.getName().equals("cursor")
                                    && ((byte[]) arguments[0]).length == 1) {
                                walks.incrementAndGet();
                                return counted(MetadataStore.Cursor.class, result);
                            }
                            return result;
                        }));
    }

    @Test
    void theIndexIsWalkedOnceForAllFiles() throws IOException {
        assertEquals(Set.of(1, 3), giveUp(Set.of(1, SOUND, 3), () -> false));
        assertEquals(1, walks.get());
        assertEquals(2 * FILES * ROWS_PER_FILE, steps.get(), "rows of others are passed over");
        AtomicInteger changes = new AtomicInteger();
        journal.sync();
        journal.replay(
                journal.firstPosition(),
                journal.syncedPosition(),
                (position, type, id, partition, offset, epoch, timeMs, payload) ->
                        CompactedEntry.forEach(payload, (change, at) -> changes.incrementAndGet()));
        assertEquals(2 * 2 * ROWS_PER_FILE, changes.get());
        assertEquals(2, said.size());
        assertEquals(journal.cycles().get(0).cycle(), Journal.cycle(said.get(1)));
    }

    @Test
    void aFileOfWhichNothingWasCutOutIsNotNamed() {
        assertEquals(Set.of(), giveUp(Set.of(SOUND), () -> false));
        assertEquals(List.of(), said);
    }

    /** What comes next must wait until that is in the index, too. */
    @Test
    void whatWasSaidBeforeAFailureIsKnown() {
        BooleanSupplier stopped = () -> !said.isEmpty();
        assertThrows(CancellationException.class, () -> giveUp(Set.of(1), stopped));
        assertEquals(1, said.size());
    }
}
