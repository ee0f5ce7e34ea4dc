package io.headrace.engine.source;

import io.headrace.engine.spi.ObjectCodec;
import io.headrace.engine.spi.ObjectStore;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Scans of compressed objects that stay where they stopped. Decoding knows no short cuts: a block
 * in the middle of an object is decoded from the beginning on, unless a scan stands at or before
 * it. So whoever reads on, block by block, finds the scan that gave the block before; and whoever
 * begins in the middle leaves to the cache the blocks that were passed on the way.
 *
 * <p>At most {@link #COUNT_MAX} are kept, those that were used last. Thread-safe; a scan is used by
 * one thread at a time, which it blocks for the store.
 */
final class OpenScans implements AutoCloseable {
    /** Scans kept open; each holds some megabytes. */
    private static final int COUNT_MAX = 16;

    /** Bytes that a scan reads ahead at most. */
    static final int DEPTH_MAX = 8 << 20;

    private final SourceIndex index;
    private final SlabSource slabs;
    private final BlockCache cache;
    private final Function<ObjectStore, StoreThreads> threads;
    private final Readers readers;
    private final StoreReader reader;
    private final AheadBudget budget;
    private final IntSupplier leaderEpoch;

    /** The one that was used last is the last. */
    private final Deque<OpenScan> open = new ArrayDeque<>();

    private boolean isClosed;

    OpenScans(
            SourceIndex index,
            SlabSource slabs,
            BlockCache cache,
            Function<ObjectStore, StoreThreads> threads,
            Readers readers,
            StoreReader reader,
            AheadBudget budget,
            IntSupplier leaderEpoch) {
        this.index = index;
        this.slabs = slabs;
        this.cache = cache;
        this.threads = threads;
        this.readers = readers;
        this.reader = reader;
        this.budget = budget;
        this.leaderEpoch = leaderEpoch;
    }

    /** A scan of one object, and all it is made of. */
    private static final class OpenScan implements AutoCloseable {
        final SourceSpec spec;
        final SourceBlock at;
        final ReadAhead raw;
        final DecodedStream decoded;
        final BlockFramer framer;
        final ObjectScan scan;

        /** Offset behind the last block that it gave; −1 at the object's beginning. */
        long nextOffset = -1;

        OpenScan(
                SourceSpec spec,
                SourceBlock at,
                ReadAhead raw,
                DecodedStream decoded,
                BlockFramer framer,
                ObjectScan scan) {
            this.spec = spec;
            this.at = at;
            this.raw = raw;
            this.decoded = decoded;
            this.framer = framer;
            this.scan = scan;
        }

        boolean isOf(SourceSpec ofSpec, SourceBlock block) {
            return spec == ofSpec
                    && at.topicId() == block.topicId()
                    && at.ordinal() == block.ordinal();
        }

        @Override
        public void close() {
            scan.close();
            framer.close();
            decoded.close();
            raw.close();
        }
    }

    /** Loads a block of a compressed object. */
    LoadedBlock load(SourceSpec spec, SourceBlock block, StoredObject object, ObjectFacts facts)
            throws IOException {
        OpenScan scan = take(spec, block);
        if (scan == null) {
            scan = begin(spec, block, object, facts);
        }
        boolean isDone = false;
        try {
            for (SourceBlock passed : before(block, scan.nextOffset)) {
                cache.add(BlockLoader.frame(passed, scan.scan, scan.framer));
                scan.nextOffset = passed.endOffset();
            }
            LoadedBlock loaded = BlockLoader.frame(block, scan.scan, scan.framer);
            scan.nextOffset = block.endOffset();
            isDone = true;
            return loaded;
        } finally {
            if (isDone) {
                giveBack(scan);
            } else {
                scan.close();
            }
        }
    }

    private synchronized @Nullable OpenScan take(SourceSpec spec, SourceBlock block) {
        OpenScan best = null;
        for (OpenScan scan : open) {
            if (scan.isOf(spec, block)
                    && scan.nextOffset <= block.firstOffset()
                    && (best == null || scan.nextOffset > best.nextOffset)) {
                best = scan;
            }
        }
        if (best != null) {
            open.remove(best);
        }
        return best;
    }

    private OpenScan begin(
            SourceSpec spec, SourceBlock block, StoredObject object, ObjectFacts facts) {
        Executor helpers = threads.apply(spec.store()).helpers();
        ReadAhead raw =
                new ReadAhead(
                        spec, ordinal -> object, 0, DEPTH_MAX, reader, slabs, budget, helpers);
        ObjectCodec codec = Objects.requireNonNull(readers.codec(facts), "codec");
        Decoder decoder = new Decoder(codec, raw.begin(block.ordinal(), object, 0));
        DecodedStream decoded = new DecodedStream(decoder, slabs, helpers, 0);
        BlockFramer framer =
                new BlockFramer(spec, block.partition(), slabs, leaderEpoch.getAsInt());
        framer.object(object);
        ObjectScan scan =
                new ObjectScan(
                        readers.scanner(spec, object, facts, 0),
                        0,
                        new ScanWindow(decoded, 0),
                        framer,
                        spec,
                        block.recordLengthMax());
        return new OpenScan(spec, block, raw, decoded, framer, scan);
    }

    /** The blocks of the same object before one, from an offset on, in order. */
    private List<SourceBlock> before(SourceBlock block, long fromOffset) {
        Deque<SourceBlock> blocks = new ArrayDeque<>();
        SourceBlock first = block;
        while (first.firstOffset() > Math.max(0, fromOffset)) {
            SourceBlock earlier =
                    index.blockBefore(block.topicId(), block.partition(), first.firstOffset() - 1);
            if (earlier == null || earlier.ordinal() != block.ordinal()) {
                break;
            }
            blocks.addFirst(earlier);
            first = earlier;
        }
        return new ArrayList<>(blocks);
    }

    private void giveBack(OpenScan scan) {
        OpenScan oldest = null;
        synchronized (this) {
            if (isClosed) {
                oldest = scan;
            } else {
                open.addLast(scan);
                oldest = open.size() > COUNT_MAX ? open.removeFirst() : null;
            }
        }
        if (oldest != null) {
            oldest.close();
        }
    }

    /** Ends the scans of a topic. */
    void closeTopic(long topicId) {
        List<OpenScan> ended = new ArrayList<>();
        synchronized (this) {
            for (Iterator<OpenScan> all = open.iterator(); all.hasNext(); ) {
                OpenScan scan = all.next();
                if (scan.at.topicId() == topicId) {
                    all.remove();
                    ended.add(scan);
                }
            }
        }
        ended.forEach(OpenScan::close);
    }

    @Override
    public void close() {
        List<OpenScan> ended;
        synchronized (this) {
            isClosed = true;
            ended = new ArrayList<>(open);
            open.clear();
        }
        ended.forEach(OpenScan::close);
    }
}
