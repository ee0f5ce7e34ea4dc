package io.headrace.engine.source;

import io.headrace.engine.EngineException;
import io.headrace.engine.source.ObjectScan.Step;
import io.headrace.engine.spi.MemoryStore.Slab;
import io.headrace.engine.spi.ObjectStore;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import io.headrace.engine.spi.SampleScanner;
import io.headrace.engine.spi.SampleScanner.MalformedObjectException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.IntSupplier;

/**
 * Reads blocks that are indexed and not in memory, and frames them as record batches. Calls block
 * for the store; they run on threads of that store's. Thread-safe.
 */
final class BlockLoader {
    /** Read along with a range: a scanner may look at the next sample's header to see an end. */
    private static final int LENGTH_BEHIND = 2 << 10;

    private final SourceIndex index;
    private final SlabSource slabs;
    private final Function<ObjectStore, StoreThreads> threads;
    private final Readers readers;
    private final StoreReader reader;
    private final OpenScans openScans;
    private final IntSupplier leaderEpoch;

    BlockLoader(
            SourceIndex index,
            SlabSource slabs,
            Function<ObjectStore, StoreThreads> threads,
            Readers readers,
            StoreReader reader,
            OpenScans openScans,
            IntSupplier leaderEpoch) {
        this.index = index;
        this.slabs = slabs;
        this.threads = threads;
        this.readers = readers;
        this.reader = reader;
        this.openScans = openScans;
        this.leaderEpoch = leaderEpoch;
    }

    /**
     * Loads a block.
     *
     * @param partitionCount of the topic: the step from one ordinal of a partition to its next
     * @return with one reference, the caller's
     * @throws ObjectStore.ObjectChangedException if an object is not what was indexed
     * @throws EngineException if the block is not what was indexed
     * @throws IOException if the store or the memory does not answer now
     */
    LoadedBlock load(SourceSpec spec, SourceBlock block, int partitionCount) throws IOException {
        try {
            return switch (block.kind()) {
                case OBJECTS, PIECES, JOINED -> loadPlaced(spec, block, partitionCount);
                case SAMPLES -> loadSamples(spec, block);
            };
        } catch (MalformedObjectException malformed) {
            throw misfit(block, String.valueOf(malformed.getMessage()));
        }
    }

    private LoadedBlock loadPlaced(SourceSpec spec, SourceBlock block, int partitionCount)
            throws IOException {
        PlacedRecords records = placed(spec, block, partitionCount);
        Slab slab = slabs.allocate(records.lengthMax());
        boolean isDone = false;
        try {
            ByteBuffer bytes = slab.buffer().duplicate().position(0);
            int length = records.frame(bytes, leaderEpoch.getAsInt());
            List<PlacedRecords.Read> reads = records.reads();
            ParallelReads.run(helpers(spec), reads.size(), i -> read(spec, reads.get(i)));
            BatchSequence.seal(bytes, length);
            isDone = true;
            return new LoadedBlock(block, spec, slab, length);
        } finally {
            if (!isDone) {
                slab.release();
            }
        }
    }

    private Executor helpers(SourceSpec spec) {
        return threads.apply(spec.store()).helpers();
    }

    private void read(SourceSpec spec, PlacedRecords.Read read) throws IOException {
        reader.read(spec.store(), read.object(), read.from(), read.into());
    }

    private PlacedRecords placed(SourceSpec spec, SourceBlock block, int partitionCount) {
        PlacedRecords records =
                new PlacedRecords(block.firstOffset(), spec.skipped().of(block.partition()));
        if (block.kind() == SourceBlock.Kind.PIECES) {
            StoredObject object = listed(block, block.ordinal()).object();
            for (int i = 0; i < block.recordCount(); i++) {
                long from = block.fromByte() + (long) i * block.recordLengthMax();
                long to = Math.min(block.toByte(), from + block.recordLengthMax());
                records.addPiece(object, from, to);
            }
            return records;
        }
        for (int i = 0; i < block.recordCount(); i++) {
            ListedObject listed = listed(block, block.ordinal() + (long) i * partitionCount);
            if (listed.members().isEmpty()) {
                records.add(listed.object());
            } else {
                records.addJoined(spec.stem(listed.object().key()), listed);
            }
        }
        return records;
    }

    private ListedObject listed(SourceBlock block, long ordinal) {
        ListedObject listed = index.listed(block.topicId(), ordinal);
        if (listed == null) {
            throw new EngineException(
                    "source index has no such object: topicId="
                            + block.topicId()
                            + " ordinal="
                            + ordinal);
        }
        return listed;
    }

    private LoadedBlock loadSamples(SourceSpec spec, SourceBlock block) throws IOException {
        StoredObject object = listed(block, block.ordinal()).object();
        ObjectFacts facts = facts(spec, block, object);
        if (facts.isCompressed()) {
            return openScans.load(spec, block, object, facts);
        }
        long readTo = Math.min(object.length(), block.toByte() + LENGTH_BEHIND);
        try (RangeList ranges =
                        RangeList.begin(
                                reader,
                                spec.store(),
                                object,
                                block.fromByte(),
                                readTo,
                                block.holes(),
                                slabs,
                                helpers(spec));
                BlockFramer framer =
                        new BlockFramer(spec, block.partition(), slabs, leaderEpoch.getAsInt());
                ObjectScan scan =
                        new ObjectScan(
                                scanner(spec, object, facts, block.fromByte()),
                                block.fromByte(),
                                new ScanWindow(ranges, block.fromByte()),
                                framer,
                                spec,
                                block.recordLengthMax())) {
            framer.object(object);
            return frame(block, scan, framer);
        }
    }

    private SampleScanner scanner(
            SourceSpec spec, StoredObject object, ObjectFacts facts, long position) {
        return readers.scanner(spec, object, facts, position);
    }

    private ObjectFacts facts(SourceSpec spec, SourceBlock block, StoredObject object) {
        ObjectFacts kept = index.facts(block.topicId(), block.ordinal());
        ObjectFacts facts = kept == null ? readers.facts(spec, object) : kept;
        if (facts == null) {
            throw misfit(block, "nothing is known of its object");
        }
        return facts;
    }

    /** Has a scan go on until a block is full; it stands at the block's beginning. */
    static LoadedBlock frame(SourceBlock block, ObjectScan scan, BlockFramer framer)
            throws IOException {
        framer.begin(block.firstOffset(), block.framedLength());
        int added = 0;
        while (added < block.recordCount()) {
            Step step = scan.step();
            if (step == Step.AWAITS) {
                scan.awaited().await();
            } else if (step == Step.ADDED) {
                added++;
            } else if (step != Step.LEFT_OUT) {
                throw misfit(block, "samples found: " + added);
            }
        }
        if (scan.position() > block.toByte()) {
            throw misfit(block, "samples end at " + scan.position());
        }
        return framer.take(block);
    }

    private static EngineException misfit(SourceBlock block, String why) {
        return new EngineException(
                "source index does not fit its object: topicId="
                        + block.topicId()
                        + " partition="
                        + block.partition()
                        + " ordinal="
                        + block.ordinal()
                        + " firstOffset="
                        + block.firstOffset()
                        + " expected="
                        + block.recordCount()
                        + " in "
                        + block.fromByte()
                        + "-"
                        + block.toByte()
                        + " cause="
                        + why);
    }
}
