package io.headrace.engine.source;

import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.source.cache.CachedBlock;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Whole batches of consecutive blocks: one slice per block, one reference to each block's slab. */
final class BlockLease extends SlicedRecords {
    private final List<CachedBlock> blocks = new ArrayList<>(2);

    /** Finds the block in memory that holds an offset, with a reference. */
    @FunctionalInterface
    interface Residents {
        @Nullable CachedBlock at(long offset);
    }

    /**
     * A lease that begins with the batch that holds an offset.
     *
     * @param first the block that holds it; its reference is taken over
     * @param lengthMax stop before this many bytes, but take at least one batch
     * @param residents more blocks, as far as they follow without a gap
     */
    static BlockLease of(CachedBlock first, long offset, int lengthMax, Residents residents) {
        BlockLease lease = new BlockLease();
        CachedBlock block = first;
        long from = offset;
        while (block != null) {
            boolean isWhole = lease.add(block, from, lengthMax);
            from = lease.nextOffset();
            block =
                    isWhole && lease.length() < lengthMax && lease.sliceCount() < SLICE_COUNT_MAX
                            ? residents.at(from)
                            : null;
        }
        return lease;
    }

    /**
     * Adds what fits of a block, and gives the reference back if nothing does; true if it ended
     * with the block.
     */
    private boolean add(CachedBlock block, long fromOffset, int lengthMax) {
        ByteBuffer bytes = block.bytes().duplicate();
        int begin = batchAt(bytes, fromOffset);
        int end = begin;
        long next = fromOffset;
        while (end < block.length()) {
            int batchLength = RecordBatch.length(bytes, end);
            boolean isFirst = length() == 0 && end == begin;
            if (!isFirst && length() + (end - begin) + batchLength > lengthMax) {
                break;
            }
            next = RecordBatch.lastOffset(bytes, end) + 1;
            end += batchLength;
        }
        if (end == begin) {
            block.release();
            return false;
        }
        blocks.add(block);
        add(bytes.limit(end).position(begin), next);
        return end == block.length();
    }

    private static int batchAt(ByteBuffer bytes, long offset) {
        int at = 0;
        while (RecordBatch.lastOffset(bytes, at) < offset) {
            at += RecordBatch.length(bytes, at);
        }
        return at;
    }

    /** Calls the consumer with each block that the lease holds to its end. */
    void forEachEnded(Consumer<CachedBlock> consumer) {
        for (int i = 0; i < blocks.size(); i++) {
            if (blocks.get(i).endOffset() <= nextOffset()) {
                consumer.accept(blocks.get(i));
            }
        }
    }

    /** The block where the lease ends. */
    CachedBlock lastBlock() {
        return blocks.get(blocks.size() - 1);
    }

    @Override
    protected void release() {
        blocks.forEach(CachedBlock::release);
        blocks.clear();
    }
}
