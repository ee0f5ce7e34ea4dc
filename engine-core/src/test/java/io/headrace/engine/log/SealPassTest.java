package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.Topic;
import io.headrace.engine.TopicConfig;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.journal.ChronicleJournal;
import io.headrace.engine.journal.JournalContext;
import io.headrace.engine.segment.SegmentFiles;
import io.headrace.engine.segment.SegmentFolder;
import io.headrace.engine.segment.SegmentPosition;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.HeapMetadataStore;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.MemoryStore;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.engine.testing.FaultyDisk;
import io.headrace.engine.testing.FaultyDisk.Fault;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What one pass over some cycles does. */
class SealPassTest {
    private static final int BATCH_BYTES = 100_000;

    /** As many as a cycle of a MiB holds. */
    private static final int BATCHES_PER_CYCLE = 10;

    private static final int CYCLES = 3;
    private static final int KEPT = 1;
    private static final int GOING = 2;
    private static final Topic TOPIC = new Topic(5, "t", 1, Map.of(), TopicConfig.DEFAULTS, 1);

    @TempDir Path folder;
    private FaultyDisk disk;
    private Journal journal;
    private MetadataStore store;
    private Projector projector;
    private Shard shard;
    private int segment;
    private long nextOffset;
    private final SealCounters counters = new SealCounters();

    /**
     * Fills some cycles, and begins one more.
     *
     * @param recentCycles those that are read through their mapping
     */
    private void open(int recentCycles) throws Exception {
        disk = new FaultyDisk(folder, 1);
        journal =
                ChronicleJournal.open(
                        new JournalContext()
                                .folder(folder.resolve("journal"))
                                .disk(disk)
                                .cycleBytes(1 << 20)
                                .recentWindowCycles(recentCycles)
                                .diskReserveBytes(0));
        store = HeapMetadataStore.open(folder.resolve("store"));
        projector = new Projector(store, Set.of(), Background.THREADS, SealPassTest::fail);
        projector.recover(1, journal);
        shard =
                new Shard(
                        1,
                        journal,
                        SegmentFolder.open(folder.resolve("segments"), 1, SegmentFiles.of(disk)),
                        1 << 20,
                        null,
                        System::currentTimeMillis,
                        projector,
                        Background.THREADS,
                        SealPassTest::fail);
        projector.attach(shard);
        projector.start();
        shard.start();
        for (int i = 0; i <= CYCLES * BATCHES_PER_CYCLE; i++) {
            append(0, i);
        }
        awaitApplied();
        assertEquals(CYCLES + 1, journal.cycles().size());
    }

    private static void fail(Throwable cause) {
        throw new AssertionError(cause);
    }

    @AfterEach
    void close() {
        shard.endSpiller();
        shard.endSyncer();
        projector.close();
        journal.close();
        store.close();
    }

    private void append(int partition, long offset) {
        ByteBuffer batch = ByteBuffer.allocateDirect(BATCH_BYTES + 200);
        RecordBatchWriter writer = new RecordBatchWriter().begin(batch, 1_000);
        writer.append(1_000, null, ByteBuffer.wrap(new byte[BATCH_BYTES]));
        writer.end();
        synchronized (shard.lock) {
            shard.appendEntry(EntryType.BATCH, TOPIC.id(), partition, offset, 1, batch.flip());
        }
    }

    private void awaitApplied() throws Exception {
        CompletableFuture<Void> applied = new CompletableFuture<>();
        projector.whenApplied(1, journal.appendedPosition() - 1, () -> applied.complete(null));
        shard.requestSync();
        applied.get(20, TimeUnit.SECONDS);
    }

    private List<SealInput> cycles() {
        List<SealInput> inputs = new ArrayList<>();
        for (Journal.Cycle cycle : journal.cycles().subList(0, CYCLES)) {
            inputs.add(new SealInput(cycle.cycle(), cycle.endOffset(), cycle.endOffset()));
        }
        return inputs;
    }

    private SealPass run(int batchesMax, List<SealInput> inputs) throws Exception {
        return run(batchesMax, inputs, id -> TOPIC);
    }

    private SealPass run(
            int batchesMax, List<SealInput> inputs, LongFunction<@Nullable Topic> topics)
            throws Exception {
        SealPass.Context context =
                new SealPass.Context(
                        batchesMax,
                        store,
                        topics,
                        () -> 1,
                        () -> ++segment,
                        new SealPace(Long.MAX_VALUE, () -> false, () -> false),
                        counters,
                        () -> false);
        try (SealBuffer blockBuffer = new SealBuffer(memory());
                SealBuffer batchBuffer = new SealBuffer(memory());
                SealPass pass = new SealPass(shard, context, blockBuffer, batchBuffer)) {
            pass.run(inputs);
            awaitApplied();
            return pass;
        }
    }

    /** Of which nothing but slabs is used. */
    private static MemoryStore memory() {
        return (MemoryStore)
                Proxy.newProxyInstance(
                        MemoryStore.class.getClassLoader(),
                        new Class<?>[] {MemoryStore.class},
                        (proxy, method, arguments) -> slab((int) arguments[0]));
    }

    private static MemoryStore.Slab slab(int length) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(length);
        return new MemoryStore.Slab() {
            @Override
            public ByteBuffer buffer() {
                return buffer;
            }

            @Override
            public boolean retain() {
                return true;
            }

            @Override
            public void release() {}
        };
    }

    private long sealedCount() {
        long count = 0;
        for (long offset = 0; offset < CYCLES * BATCHES_PER_CYCLE; offset++) {
            byte[] key = Rows.indexKey(TOPIC.id(), 0, offset);
            if (SegmentPosition.isIn(IndexEntry.decode(key, store.get(key)).position())) {
                count++;
            }
        }
        return count;
    }

    @Test
    void aFileThatCannotBeOpenedOnceIsSealedByTheNextPass() throws Exception {
        open(1);
        disk.at(1, Fault.FAIL);
        passesOver("open ");
    }

    @Test
    void aFileThatCannotBeReadOnceIsSealedByTheNextPass() throws Exception {
        open(1);
        disk.at(2, Fault.FAIL);
        passesOver("read ");
    }

    @Test
    void aBatchThatCannotBeReadOnceIsSealedByTheNextPass() throws Exception {
        open(8);
        disk.at(3, Fault.FAIL);
        passesOver("read ");
    }

    /** The failure, and nothing else of it. */
    private void passesOver(String call) throws Exception {
        SealPass first = run(SealPass.BATCHES_MAX, cycles());
        assertTrue(disk.faultyCallName().matches(call + ".*cq4"), disk.faultyCallName());
        assertEquals(Set.of(), first.damaged());
        assertFalse(first.isComplete());
        assertTrue(sealedCount() >= 2 * BATCHES_PER_CYCLE, "sealed " + sealedCount());
        assertTrue(run(SealPass.BATCHES_MAX, cycles()).isComplete());
        assertEquals(CYCLES * BATCHES_PER_CYCLE, sealedCount());
    }

    /** Its rows go later: until then nobody says of a file that it cannot be emptied. */
    @Test
    void aPassThatLeavesATopicThatIsGoneIsNotComplete() throws Exception {
        open(8);
        SealPass goneBefore = run(SealPass.BATCHES_MAX, cycles(), id -> null);
        assertFalse(goneBefore.isComplete());
        AtomicInteger asked = new AtomicInteger();
        SealPass goneMeanwhile =
                run(
                        SealPass.BATCHES_MAX,
                        cycles(),
                        id -> asked.incrementAndGet() > CYCLES * BATCHES_PER_CYCLE ? null : TOPIC);
        assertTrue(asked.get() > CYCLES * BATCHES_PER_CYCLE, "asked " + asked);
        assertFalse(goneMeanwhile.isComplete());
        assertEquals(Set.of(), goneMeanwhile.damaged());
        assertEquals(0, sealedCount());
        assertTrue(run(SealPass.BATCHES_MAX, cycles()).isComplete());
    }

    @Test
    void noFileIsReadBeyondWhatOnePassMayTake() throws Exception {
        open(1);
        SealPass first = run(BATCHES_PER_CYCLE, cycles());
        assertEquals(BATCHES_PER_CYCLE, sealedCount());
        assertEquals(1, first.walkedCount());
        assertFalse(first.isComplete());
        assertEquals(BATCHES_PER_CYCLE, readBytes() / BATCH_BYTES);
        SealPass second = run(BATCHES_PER_CYCLE / 2, cycles().subList(1, 2));
        assertEquals(BATCHES_PER_CYCLE * 3 / 2, sealedCount());
        assertFalse(second.isComplete());
        assertTrue(run(SealPass.BATCHES_MAX, cycles()).isComplete());
        assertEquals(CYCLES * BATCHES_PER_CYCLE, sealedCount());
    }

    @Test
    void whatFreesMostGoesFirstAndWaitsForNoOtherWhereSpaceIsShort() throws Exception {
        open(8);
        for (int i = 1; i < BATCHES_PER_CYCLE; i++) {
            append(0, CYCLES * BATCHES_PER_CYCLE + i);
        }
        int halfDead = appendCycle(5);
        int mostlyDead = appendCycle(1);
        appendCycle(0);
        synchronized (shard.lock) {
            ByteBuffer nothing = ByteBuffer.allocateDirect(0);
            shard.appendEntry(EntryType.LOG_START, TOPIC.id(), GOING, 1000, 1, nothing);
        }
        awaitApplied();
        CutOutRows cutOutRows = new CutOutRows(store, id -> TOPIC, () -> 1, () -> false);
        ShardSealer sealer = new ShardSealer(shard, projector, 0, cutOutRows, Background.THREADS);
        assertEquals(List.of(), sealer.choose(Long.MAX_VALUE, false));
        assertEquals(
                List.of(mostlyDead, halfDead),
                sealer.choose(Long.MAX_VALUE, true).stream().map(SealInput::file).toList());
        assertEquals(
                List.of(mostlyDead),
                sealer.choose(3 * BATCH_BYTES, true).stream().map(SealInput::file).toList());
    }

    /** Fills another cycle. */
    private int appendCycle(int kept) {
        for (int i = 0; i < BATCHES_PER_CYCLE; i++) {
            append(i < BATCHES_PER_CYCLE - kept ? GOING : KEPT, nextOffset++);
        }
        return Journal.cycle(journal.appendedPosition());
    }

    private long readBytes() {
        Map<String, Long> metrics = new HashMap<>();
        counters.forEach(metrics::put);
        return metrics.get("headrace_sealing_read_bytes_total");
    }
}
