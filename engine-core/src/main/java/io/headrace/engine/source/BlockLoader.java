package io.headrace.engine.source;

import io.headrace.engine.EngineException;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.spi.MemoryStore.Slab;
import io.headrace.engine.spi.ObjectStore;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.IntSupplier;

/**
 * Reads objects and frames them as record batches. Calls block for the store; they run on cold
 * threads. Thread-safe.
 *
 * <p>Whole objects are read straight into their places between the records' frames; lines are read
 * into a slab of their own and copied, as their number is not known before.
 */
final class BlockLoader {
    private final SourceIndex index;
    private final SlabSource slabs;
    private final Executor cold;
    private final IntSupplier leaderEpoch;
    final LongAdder storeReads = new LongAdder();
    final LongAdder storeBytes = new LongAdder();

    BlockLoader(SourceIndex index, SlabSource slabs, Executor cold, IntSupplier leaderEpoch) {
        this.index = index;
        this.slabs = slabs;
        this.cold = cold;
        this.leaderEpoch = leaderEpoch;
    }

    /**
     * Loads a block.
     *
     * @param partitionCount of the topic: the step from one ordinal of a partition to its next
     * @return with one reference, the caller's
     * @throws ObjectStore.ObjectChangedException if an object is not what was indexed
     * @throws IOException if the store or the memory does not answer now
     */
    LoadedBlock load(SourceSpec spec, SourceBlock block, int partitionCount) throws IOException {
        return spec.format() == SourceFormat.FILES
                ? loadFiles(spec, block, partitionCount)
                : loadLines(spec, block);
    }

    private LoadedBlock loadFiles(SourceSpec spec, SourceBlock block, int partitionCount)
            throws IOException {
        FileBatches batches = new FileBatches(objects(block, partitionCount));
        Slab slab = slabs.allocate(batches.framedLength());
        boolean isDone = false;
        try {
            ByteBuffer bytes = slab.buffer().duplicate();
            batches.frame(bytes);
            ParallelReads.run(
                    cold, batches.count(), i -> read(spec, batches.object(i), 0, batches.value(i)));
            batches.end(block.firstOffset(), leaderEpoch.getAsInt());
            isDone = true;
            return new LoadedBlock(block, slab, batches.framedLength());
        } finally {
            if (!isDone) {
                slab.release();
            }
        }
    }

    private List<StoredObject> objects(SourceBlock block, int partitionCount) {
        List<StoredObject> objects = new ArrayList<>(block.recordCount());
        for (int i = 0; i < block.recordCount(); i++) {
            objects.add(object(block.topicId(), block.ordinal() + (long) i * partitionCount));
        }
        return objects;
    }

    private StoredObject object(long topicId, long ordinal) {
        StoredObject object = index.object(topicId, ordinal);
        if (object == null) {
            throw new EngineException(
                    "source index has no such object: topicId=" + topicId + " ordinal=" + ordinal);
        }
        return object;
    }

    private LoadedBlock loadLines(SourceSpec spec, SourceBlock block) throws IOException {
        StoredObject object = object(block.topicId(), block.ordinal());
        int length = Math.toIntExact(block.toByte() - block.fromByte());
        Slab raw = slabs.allocate(length);
        try {
            ByteBuffer text = raw.buffer().duplicate().position(0).limit(length);
            read(spec, object, block.fromByte(), text.duplicate());
            LineFramer framer = new LineFramer(text, block.recordLengthMax()).count();
            if (framer.recordCount() != block.recordCount()) {
                throw new EngineException(
                        "source index does not fit its object: key="
                                + object.key()
                                + " version="
                                + object.version()
                                + " fromByte="
                                + block.fromByte()
                                + " expected="
                                + block.recordCount()
                                + " found="
                                + framer.recordCount());
            }
            return frame(block, framer, object);
        } finally {
            raw.release();
        }
    }

    /** Frames lines that were counted already. */
    LoadedBlock frame(SourceBlock block, LineFramer framer, StoredObject object)
            throws IOException {
        Slab slab = slabs.allocate(framer.framedLength());
        boolean isDone = false;
        try {
            framer.write(
                    slab.buffer().duplicate().position(0),
                    block.firstOffset(),
                    leaderEpoch.getAsInt(),
                    object.modifiedMs());
            isDone = true;
            return new LoadedBlock(block, slab, framer.framedLength());
        } finally {
            if (!isDone) {
                slab.release();
            }
        }
    }

    /** Reads from a store, counted. */
    void read(SourceSpec spec, StoredObject object, long offset, ByteBuffer into)
            throws IOException {
        int length = into.remaining();
        storeReads.increment();
        spec.store().read(object, offset, into);
        storeBytes.add(length);
    }

    /** Whole objects as records: frames first, values read into their places, checksums last. */
    private static final class FileBatches {
        private final List<StoredObject> objects;
        private final List<ByteBuffer> keys = new ArrayList<>();
        private final List<ByteBuffer> headers = new ArrayList<>();
        private final List<ByteBuffer> values = new ArrayList<>();
        private final List<RecordBatchWriter> writers = new ArrayList<>();
        private final List<ByteBuffer> buffers = new ArrayList<>();
        private final List<Integer> starts = new ArrayList<>();
        private final int framedLength;

        FileBatches(List<StoredObject> objects) {
            this.objects = objects;
            for (StoredObject object : objects) {
                keys.add(ByteBuffer.wrap(SourceEntries.bytes(object.key())));
                headers.add(LineageHeaders.of(object));
            }
            framedLength = measure();
        }

        private int measure() {
            long length = 0;
            int batchLength = 0;
            int batchRecords = 0;
            long baseTimestampMs = 0;
            for (int i = 0; i < objects.size(); i++) {
                StoredObject object = objects.get(i);
                if (batchLength == 0) {
                    batchLength = RecordBatch.HEADER_LENGTH;
                    length += RecordBatch.HEADER_LENGTH;
                    batchRecords = 0;
                    baseTimestampMs = object.modifiedMs();
                }
                int record =
                        RecordBatchWriter.recordLength(
                                object.modifiedMs() - baseTimestampMs,
                                batchRecords++,
                                keys.get(i).remaining(),
                                (int) object.length(),
                                headers.get(i).remaining(),
                                LineageHeaders.COUNT);
                batchLength += record;
                length += record;
                if (batchLength >= LineFramer.BATCH_LENGTH_TARGET) {
                    batchLength = 0;
                }
            }
            return Math.toIntExact(length);
        }

        int framedLength() {
            return framedLength;
        }

        int count() {
            return objects.size();
        }

        StoredObject object(int i) {
            return objects.get(i);
        }

        ByteBuffer value(int i) {
            return values.get(i);
        }

        void frame(ByteBuffer bytes) {
            int position = 0;
            for (int i = 0; i < objects.size(); i++) {
                StoredObject object = objects.get(i);
                if (writers.isEmpty()
                        || writers.get(writers.size() - 1).length()
                                >= LineFramer.BATCH_LENGTH_TARGET) {
                    position = writers.isEmpty() ? 0 : buffers.get(buffers.size() - 1).position();
                    begin(bytes.duplicate().position(position), object.modifiedMs());
                }
                int valueAt =
                        writers.get(writers.size() - 1)
                                .appendAround(
                                        object.modifiedMs(),
                                        keys.get(i),
                                        (int) object.length(),
                                        headers.get(i),
                                        LineageHeaders.COUNT);
                values.add(bytes.slice(valueAt, (int) object.length()));
            }
        }

        private void begin(ByteBuffer at, long timestampMs) {
            starts.add(at.position());
            buffers.add(at);
            writers.add(new RecordBatchWriter().begin(at, timestampMs));
        }

        void end(long firstOffset, int leaderEpoch) {
            long offset = firstOffset;
            for (int i = 0; i < writers.size(); i++) {
                writers.get(i).end();
                RecordBatch.baseOffset(buffers.get(i), starts.get(i), offset);
                RecordBatch.leaderEpoch(buffers.get(i), starts.get(i), leaderEpoch);
                offset += writers.get(i).count();
            }
        }
    }
}
