package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.Topic;
import io.headrace.engine.TopicConfig;
import io.headrace.engine.log.PartitionCompaction.Outcome;
import io.headrace.engine.spi.HeapMetadataStore;
import io.headrace.engine.spi.MetadataStore;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is chosen, and how many rows of the index are looked at for that. */
class CompactionChoiceTest {
    private static final int ROWS = 400;
    private static final int PARTITIONS = 20;
    private static final Topic TOPIC =
            new Topic(
                    5,
                    "t",
                    PARTITIONS,
                    Map.of(),
                    TopicConfig.DEFAULTS.with(Map.of("cleanup.policy", "compact")),
                    1);

    private static final int RETRY_MS = 60_000;
    private static final PartitionKey FIRST = new PartitionKey(TOPIC.id(), 0);

    @TempDir Path folder;
    private final AtomicLong nowNs = new AtomicLong();
    private MetadataStore store;
    private CompactionChoice choice;
    private int rowsRead;

    @BeforeEach
    void open() {
        store = HeapMetadataStore.open(folder);
        choice =
                new CompactionChoice(
                        counted(MetadataStore.class, store),
                        id -> TOPIC,
                        Map.of(),
                        RETRY_MS,
                        clock());
    }

    /** Of a background, the clock alone. */
    private Background clock() {
        return (Background)
                Proxy.newProxyInstance(
                        Background.class.getClassLoader(),
                        new Class<?>[] {Background.class},
                        (proxy, method, arguments) -> nowNs.get());
    }

    @AfterEach
    void close() {
        store.close();
    }

    /** Counts the rows that its cursors go to. */
    private <T> T counted(Class<T> type, Object of) {
        return type.cast(
                Proxy.newProxyInstance(
                        type.getClassLoader(),
                        new Class<?>[] {type},
                        (proxy, method, arguments) -> {
                            rowsRead += method.getName().equals("next") ? 1 : 0;
                            Object result = method.invoke(of, arguments);
                            return result instanceof MetadataStore.Cursor
                                    ? counted(MetadataStore.Cursor.class, result)
                                    : result;
                        }));
    }

    private void fill(int batchLength) {
        try (MetadataStore.Batch batch = store.newBatch()) {
            for (int partition = 0; partition < PARTITIONS; partition++) {
                PartitionState state = new PartitionState();
                state.logEndOffset = ROWS;
                state.liveBytes = (long) ROWS * batchLength;
                batch.put(Rows.partitionKey(TOPIC.id(), partition), state.encode());
                for (int i = 0; i < ROWS; i++) {
                    IndexEntry row = new IndexEntry(i, i, batchLength, 1, 0, 0, 0, 1);
                    batch.put(Rows.indexKey(TOPIC.id(), partition, i), row.encode());
                }
            }
            store.write(batch);
        }
        choice.look(0);
        rowsRead = 0;
    }

    @Test
    void onlyTheIndexOfWhatFitsIntoAPassIsLookedInto() {
        fill(1 << 20);
        List<CompactionCandidate> taken = choice.take(1, 0, Long.MAX_VALUE);
        assertEquals(1, taken.size());
        assertTrue(rowsRead <= ROWS / 2, "rows read: " + rowsRead);
    }

    @Test
    void shortPartitionsShareAPass() {
        fill(10_000);
        assertEquals(2, choice.take(1, 0, 10_000_000).size());
        assertEquals(PARTITIONS - 2, choice.take(1, 0, Long.MAX_VALUE).size());
        assertTrue(rowsRead <= PARTITIONS * ROWS, "rows read: " + rowsRead);
        assertEquals(List.of(), choice.take(1, 0, Long.MAX_VALUE));
    }

    @Test
    void whatWasTriedWithoutRoomIsTriedOnceThereIsSome() {
        fill(1 << 20);
        assertTrue(isTaken(0));
        choice.onPass(FIRST, Outcome.NO_ROOM);
        for (int i = 0; i < 3; i++) {
            passMs(RETRY_MS);
            assertFalse(isTaken(0));
        }
        assertTrue(isTaken(1 << 20));
    }

    /** There is room when it is begun, and none once all that is to be noted was read. */
    @Test
    void whereRoomComesAndGoesAPartitionIsNotReadAgainEachTime() {
        fill(1 << 20);
        assertTrue(isTaken(1 << 20));
        choice.onPass(FIRST, Outcome.NO_ROOM);
        assertFalse(isTaken(0));
        assertFalse(isTaken(2 << 20));
        passMs(RETRY_MS);
        assertFalse(isTaken(0));
        assertTrue(isTaken(1 << 20));
        choice.onPass(FIRST, Outcome.NO_ROOM);
        passMs(RETRY_MS);
        assertFalse(isTaken(1 << 20), "twice as long the second time");
        passMs(RETRY_MS);
        assertTrue(isTaken(1 << 20));
        choice.onPass(FIRST, Outcome.NO_ROOM);
        assertTrue(isTaken(4 << 20), "at once where there is much more");
        choice.onPass(FIRST, Outcome.UNFINISHED);
        choice.onPass(FIRST, Outcome.NO_ROOM);
        passMs(RETRY_MS);
        assertTrue(isTaken(4 << 20), "as the first time where something was done meanwhile");
    }

    private void passMs(long ms) {
        nowNs.addAndGet(TimeUnit.MILLISECONDS.toNanos(ms));
    }

    /** Whether the first of all is among those that are taken until there are no more. */
    private boolean isTaken(long roomBytes) {
        choice.onPass(FIRST, Outcome.UNREACHED);
        boolean isTaken = false;
        List<CompactionCandidate> taken;
        do {
            taken = choice.take(1, 0, roomBytes);
            isTaken |= taken.stream().anyMatch(each -> each.partition().equals(FIRST));
        } while (!taken.isEmpty());
        return isTaken;
    }
}
