package io.headrace.engine.log;

import io.headrace.engine.EngineException;
import io.headrace.engine.OutOfSpaceException;
import io.headrace.engine.Topic;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.segment.CorruptSegmentException;
import io.headrace.engine.segment.SegmentWriter;
import io.headrace.engine.spi.ColdFile;
import io.headrace.engine.spi.CorruptJournalException;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.MetadataStore;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.IntSupplier;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One pass of sealing: reads files of a shard, writes what lives of them into segments, and tells
 * the journal. docs/design/sealing.md says why it may end at any point.
 *
 * <p>Used by the sealer's thread, once; closed by it.
 */
final class SealPass implements AutoCloseable {
    private static final Logger LOGGER = LoggerFactory.getLogger(SealPass.class);

    /** Most batches of a pass: some 30 MB of heap. What is beyond waits for the next one. */
    static final int BATCHES_MAX = 1 << 18;

    private final Shard shard;
    private final Context context;
    private final SealBuffer blockBuffer;
    private final SealBuffer batchBuffer;
    private final List<LiveBatch> live = new ArrayList<>();
    private final Map<Integer, ColdFile> open = new HashMap<>();
    private final Set<Integer> damaged = new HashSet<>();
    private final SealedEntry entry = new SealedEntry();
    private long lastPosition = -1;
    private int walkedCount;
    private boolean leftSome;
    private boolean complete;

    /**
     * What a pass needs of the engine.
     *
     * @param batchesMax after so many that live, no other file is looked into
     * @param topics null for one that is gone
     * @param nextSegment a number that was never used before
     */
    record Context(
            int batchesMax,
            MetadataStore store,
            LongFunction<@Nullable Topic> topics,
            IntSupplier leaderEpoch,
            IntSupplier nextSegment,
            SealPace pace,
            SealCounters counters,
            BooleanSupplier stopped) {}

    SealPass(Shard shard, Context context, SealBuffer blockBuffer, SealBuffer batchBuffer) {
        this.shard = shard;
        this.context = context;
        this.blockBuffer = blockBuffer;
        this.batchBuffer = batchBuffer;
    }

    /** Files in which something is damaged, so that they cannot be sealed. */
    Set<Integer> damaged() {
        return damaged;
    }

    /** How many of its files were looked into: those that come first. */
    int walkedCount() {
        return walkedCount;
    }

    /** Whether whatever lives in its files, as far as it is sound, has been moved. */
    boolean isComplete() {
        return complete;
    }

    /** Position of the last entry that this pass appended; −1 if there is none. */
    long lastPosition() {
        return lastPosition;
    }

    /**
     * Seals the files.
     *
     * @throws CancellationException if the engine is being closed
     */
    void run(List<SealInput> inputs) throws IOException {
        while (walkedCount < inputs.size() && !isFull()) {
            collect(inputs.get(walkedCount++));
        }
        leftSome |= walkedCount < inputs.size();
        try {
            int plannedCount = 0;
            for (SegmentPlan.Planned planned : SegmentPlan.of(live, context.topics)) {
                for (SegmentPlan.Run run : planned.runs()) {
                    plannedCount += run.entries().size();
                }
                write(planned);
            }
            // Those of a topic that was deleted just now have no place in the plan.
            leftSome |= plannedCount < live.size();
            complete = !leftSome;
        } finally {
            shard.requestSync();
        }
    }

    private boolean isFull() {
        return live.size() >= context.batchesMax;
    }

    private void collect(SealInput input) {
        try {
            input.forEachBatch(shard, batchBuffer, this::consider);
        } catch (NoSuchFileException e) {
            LOGGER.debug("died before it was sealed: {}", SealInput.place(shard, input.file()));
        } catch (CorruptJournalException | CorruptSegmentException | EOFException e) {
            onDamaged(input.file(), SealInput.place(shard, input.file()), e);
        } catch (IOException e) {
            onUnreadable(input.file(), e);
        }
    }

    private void consider(PartitionKey partition, long position, ByteBuffer batch) {
        checkRunning();
        context.counters.onRead(batch.remaining());
        context.pace.pay(batch.remaining());
        if (isFull()) { // the rest of this file, which cannot be passed over
            leftSome = true;
            return;
        }
        long lastOffset = RecordBatch.lastOffset(batch, batch.position());
        byte[] key = Rows.indexKey(partition.topicId(), partition.partition(), lastOffset);
        byte[] row = context.store.get(key);
        IndexEntry found = row == null ? null : IndexEntry.decode(key, row);
        if (found == null || found.position() != position) {
            return;
        }
        if (context.topics.apply(partition.topicId()) != null) {
            live.add(new LiveBatch(partition, found));
        } else {
            leftSome = true;
        }
    }

    private void checkRunning() {
        if (context.stopped.getAsBoolean()) {
            throw new CancellationException("the engine is being closed");
        }
    }

    private void write(SegmentPlan.Planned planned) throws IOException {
        List<LiveBatch> placed = new ArrayList<>();
        int segment = context.nextSegment.getAsInt();
        ByteBuffer block = blockBuffer.apply(SegmentWriter.BLOCK_LENGTH_MAX);
        try (SegmentWriter writer = shard.segments().begin(segment, planned.group(), block)) {
            for (SegmentPlan.Run run : planned.runs()) {
                for (IndexEntry batch : run.entries()) {
                    copy(run, batch, writer, placed);
                }
            }
            if (placed.isEmpty()) {
                return;
            }
            long copied = placed.stream().mapToLong(each -> each.entry().length()).sum();
            context.counters.onWritten(writer.finish(this::bufferToVerify) - copied);
        }
        switchIndex(segment, placed);
    }

    /** For the reading back, which takes as long as the segment is. */
    private ByteBuffer bufferToVerify(int length) {
        checkRunning();
        context.pace.pay(length);
        return batchBuffer.apply(length);
    }

    private void copy(
            SegmentPlan.Run run, IndexEntry batch, SegmentWriter writer, List<LiveBatch> placed)
            throws IOException {
        checkRunning();
        ColdFile file = fileUnlessGone(batch.file());
        if (file == null) {
            return;
        }
        ByteBuffer bytes = batchBuffer.apply(batch.length());
        if (!read(file, batch, bytes)) {
            return;
        }
        context.pace.pay(2L * batch.length());
        long topicId = run.topic().id();
        long offset =
                writer.append(topicId, run.topic().name(), run.partition(), bytes, batch.datedMs());
        context.counters.onWritten(batch.length());
        PartitionKey partition = new PartitionKey(topicId, run.partition());
        placed.add(new LiveBatch(partition, batch.at(offset)));
    }

    /** Whether the batch was read, and is what the index says. */
    private boolean read(ColdFile file, IndexEntry batch, ByteBuffer into) {
        try {
            file.read(batch.fileOffset(), into);
        } catch (EOFException e) {
            onDamaged(batch.file(), shard.place(batch.position()), e);
            return false;
        } catch (IOException e) {
            onUnreadable(batch.file(), e);
            return false;
        }
        if (!batch.isOf(into.flip())) {
            onDamaged(batch.file(), shard.place(batch.position()), null);
            return false;
        }
        return true;
    }

    /** Null if it cannot be opened, or all that lived there is deleted and the file with it. */
    private @Nullable ColdFile fileUnlessGone(int file) {
        ColdFile found = open.get(file);
        if (found == null) {
            try {
                found = new SealInput(file, 0, 0).open(shard);
                open.put(file, found);
            } catch (NoSuchFileException e) {
                LOGGER.debug("died before it was sealed: {}", SealInput.place(shard, file));
            } catch (IOException e) {
                onUnreadable(file, e);
            }
        }
        return found;
    }

    /** Nothing says that its bytes are not good: a later pass tries again. */
    private void onUnreadable(int file, IOException cause) {
        leftSome = true;
        LOGGER.warn("left as it is for now: {}", SealInput.place(shard, file), cause);
    }

    /** It stays as it is, whatever lives in it: nobody is told that damaged bytes are good. */
    private void onDamaged(int file, String place, @Nullable Exception cause) {
        if (damaged.add(file)) {
            context.counters.onDamaged();
            LOGGER.error("damaged file is not sealed, and stays: {}", place, cause);
        }
    }

    /**
     * @param placed with the offset in the segment's file in place of a position
     */
    private void switchIndex(int segment, List<LiveBatch> placed) {
        entry.begin(segment);
        for (LiveBatch each : placed) {
            if (!add(each)) {
                append();
                entry.begin(segment);
                add(each);
            }
        }
        append();
    }

    private boolean add(LiveBatch placed) {
        return entry.add(
                placed.partition().topicId(),
                placed.partition().partition(),
                placed.entry().lastOffset(),
                placed.entry().position(),
                placed.entry().length());
    }

    private void append() {
        ByteBuffer payload = entry.payload();
        context.counters.onSwitched(Shard.entryLength(payload));
        synchronized (shard.lock) {
            long position =
                    shard.appendEntry(
                            EntryType.SEALED, 0, 0, 0, context.leaderEpoch.getAsInt(), payload);
            if (position < 0) {
                throw new OutOfSpaceException("sealing");
            }
            lastPosition = position;
        }
    }

    @Override
    public void close() {
        for (ColdFile file : open.values()) {
            try {
                file.close();
            } catch (IOException e) {
                throw new EngineException("file cannot be closed", e);
            }
        }
    }
}
