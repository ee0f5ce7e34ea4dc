package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicConfig;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.journal.ChronicleJournal;
import io.headrace.engine.journal.JournalContext;
import io.headrace.engine.segment.SegmentFiles;
import io.headrace.engine.segment.SegmentFolder;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.HeapMetadataStore;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.Journal.JournalLease;
import io.headrace.engine.spi.MemoryStore;
import io.headrace.engine.spi.MetadataStore;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A log that acknowledges before the disk, over a journal that fails where a test wants it. */
final class JournaledLogTest {
    private static final int RECORDS_PER_BATCH = 1000;

    @TempDir Path folder;

    private MetadataStore store;
    private final Consumer<Throwable> failures =
            cause -> {
                throw new AssertionError(cause);
            };
    private volatile boolean isDiskFull;
    private volatile @Nullable JournalLease lease;
    private Journal journal;
    private Projector projector;
    private Shard shard;
    private PartitionLogBase log;

    @BeforeEach
    void open() throws IOException {
        store = HeapMetadataStore.open(folder.resolve("store"));
        Journal opened =
                ChronicleJournal.open(
                        new JournalContext()
                                .folder(folder.resolve("journal"))
                                .cycleBytes(8 << 20)
                                .diskReserveBytes(0));
        journal = failing(opened);
        projector = new Projector(store, Set.of(), Background.THREADS, failures);
        projector.recover(1, journal);
        SegmentFolder segments =
                SegmentFolder.open(folder.resolve("segments"), 1, SegmentFiles.SYSTEM);
        shard =
                new Shard(
                        1,
                        journal,
                        segments,
                        1 << 20,
                        null,
                        System::currentTimeMillis,
                        projector,
                        Background.THREADS,
                        failures);
        projector.attach(shard);
        projector.start();
        shard.start();
        TopicConfig config = TopicConfig.DEFAULTS.withFlushMessages(Long.MAX_VALUE);
        PartitionState created = PartitionState.decode(null);
        created.firstReserve = PartitionLogBase.FIRST_RESERVE;
        log =
                new JournaledLog(
                        new Topic(1, "t", 1, Map.of(), config, 1),
                        0,
                        shard,
                        1,
                        created,
                        new ProducerStates(readWithoutLock(store), 1, 0, () -> 0),
                        new ColdReader(
                                store,
                                unused(MemoryStore.class),
                                1,
                                List.of(shard),
                                Background.THREADS),
                        projector);
    }

    @AfterEach
    void close() {
        isDiskFull = false;
        shard.endSpiller();
        shard.endSyncer();
        projector.close();
        journal.close();
        store.close();
    }

    private static <T> T unused(Class<T> type) {
        return type.cast(
                Proxy.newProxyInstance(
                        type.getClassLoader(),
                        new Class<?>[] {type},
                        (proxy, method, arguments) -> {
                            throw new AssertionError(method);
                        }));
    }

    /** The store, out of which nothing but single rows is read, and none under the shard's lock. */
    private MetadataStore readWithoutLock(MetadataStore opened) {
        return (MetadataStore)
                Proxy.newProxyInstance(
                        MetadataStore.class.getClassLoader(),
                        new Class<?>[] {MetadataStore.class},
                        (proxy, method, arguments) -> {
                            assertEquals("get", method.getName());
                            assertFalse(Thread.holdsLock(shard.lock));
                            return method.invoke(opened, arguments);
                        });
    }

    /** The journal, with reserves refused while the disk is full, and the lease that is set. */
    private Journal failing(Journal opened) {
        return (Journal)
                Proxy.newProxyInstance(
                        Journal.class.getClassLoader(),
                        new Class<?>[] {Journal.class},
                        (proxy, method, arguments) -> {
                            if (isDiskFull
                                    && method.getName().equals("append")
                                    && (arguments[0] == EntryType.OFFSET_RESERVE
                                            || arguments[0] == EntryType.LOG_END)) {
                                return Journal.OUT_OF_SPACE;
                            }
                            if (lease != null && method.getName().equals("lease")) {
                                return lease;
                            }
                            try {
                                return method.invoke(opened, arguments);
                            } catch (InvocationTargetException e) {
                                throw e.getCause();
                            }
                        });
    }

    @Test
    void whatIsAcceptedIsAcknowledgedAlthoughNoMoreOffsetsCanBeReserved() throws Exception {
        isDiskFull = true;
        ByteBuffer batch = batch();
        long end = 0;
        long appended = log.append(batch);
        while (appended >= 0 && end < 2 * PartitionLogBase.FIRST_RESERVE) {
            end = appended + RECORDS_PER_BATCH;
            appended = log.append(batch);
        }
        assertEquals(PartitionLog.OUT_OF_SPACE, appended);
        assertTrue(end <= PartitionLogBase.FIRST_RESERVE, "end=" + end);
        awaitHighWatermark(end);
        isDiskFull = false;
        assertEquals(end, log.append(batch));
        awaitHighWatermark(end + RECORDS_PER_BATCH);
    }

    @Test
    void aReserveThatCannotBeGivenBackIsReported() {
        log.append(batch());
        isDiskFull = true;
        assertFalse(log.releaseReserve());
        isDiskFull = false;
        assertTrue(log.releaseReserve());
    }

    @Test
    void aReadThatFailsGivesTheMappingBack() {
        AtomicInteger closedCount = new AtomicInteger();
        lease =
                new JournalLease() {
                    @Override
                    public ByteBuffer buffer() {
                        return ByteBuffer.allocate(0);
                    }

                    @Override
                    public void close() {
                        closedCount.incrementAndGet();
                    }
                };
        log.append(batch());
        assertThrows(IndexOutOfBoundsException.class, () -> log.read(0, 100));
        assertEquals(1, closedCount.get());
    }

    @Test
    void theProjectorDropsTheRowsOfAllThatIsDeleted() throws Exception {
        int count = 4 * IndexDrops.AT_ONCE_MAX;
        ByteBuffer batch = batch();
        for (int i = 0; i < count; i++) {
            while (log.append(batch) < 0) {
                Thread.onSpinWait();
            }
        }
        long end = log.logEndOffset();
        awaitHighWatermark(end);
        assertEquals(end, log.deleteRecords(end).get(20, TimeUnit.SECONDS));
        long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!projector.liveBytes(1).isEmpty()) {
            assertTrue(System.nanoTime() < deadlineNs, "live=" + projector.liveBytes(1));
            Thread.onSpinWait();
        }
    }

    @Test
    void aProducerIsReadWithoutTheShardsLockAndByItself() {
        ProducerState before = new ProducerState();
        before.onAppended(ofProducer(batch(), 9, 3), 0, 4000, 1);
        try (MetadataStore.Batch rows = store.newBatch()) {
            rows.put(Rows.producerKey(1, 0, 9), before.encode());
            store.write(rows);
        }
        assertEquals(4000, log.append(ofProducer(batch(), 9, 3)), "sent again");
        assertEquals(0, log.append(ofProducer(batch(), 9, 3 + RECORDS_PER_BATCH)));
        assertEquals(RECORDS_PER_BATCH, log.append(ofProducer(batch(), 8, 0)));
        assertEquals(
                PartitionLog.OUT_OF_ORDER_SEQUENCE,
                log.append(ofProducer(batch(), 8, 2 * RECORDS_PER_BATCH)));
    }

    /** Stamps a batch as an idempotent producer's. */
    private static ByteBuffer ofProducer(ByteBuffer batch, long producerId, int sequence) {
        batch.putLong(43, producerId).putShort(51, (short) 0).putInt(53, sequence);
        return batch.putInt(17, RecordBatch.computeCrc(batch, batch.position()));
    }

    @Test
    void whetherALogIsIdleIsAskedWithoutItsLockWhileItIsInUse() throws Exception {
        synchronized (shard.lock) {
            CompletableFuture<Boolean> closed =
                    CompletableFuture.supplyAsync(() -> log.closeIfIdle(1, Long.MAX_VALUE));
            assertFalse(closed.get(20, TimeUnit.SECONDS));
        }
        log.noteUse(0);
        assertTrue(log.closeIfIdle(1, Long.MAX_VALUE));
    }

    private void awaitHighWatermark(long offset) throws InterruptedException {
        CountDownLatch reached = new CountDownLatch(1);
        log.onHighWatermark(offset, reached::countDown);
        assertTrue(reached.await(20, TimeUnit.SECONDS), "highWatermark=" + log.highWatermark());
    }

    private static ByteBuffer batch() {
        ByteBuffer buffer =
                ByteBuffer.allocateDirect(RecordBatch.HEADER_LENGTH + 64 * RECORDS_PER_BATCH);
        RecordBatchWriter writer = new RecordBatchWriter().begin(buffer, 1);
        for (int i = 0; i < RECORDS_PER_BATCH; i++) {
            writer.append(1, null, ByteBuffer.allocate(1));
        }
        writer.end();
        return buffer.flip();
    }
}
