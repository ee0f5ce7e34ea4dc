package io.headrace.engine.source;

import io.headrace.engine.source.cache.HeapSlab;
import io.headrace.engine.spi.MemoryStore;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ObjLongConsumer;

/** Slabs on the heap, which begin with rubbish as reused ones do; counts those in use. */
final class HeapMemory implements MemoryStore {
    static final byte RUBBISH = 'x';

    private final AtomicLong inUse = new AtomicLong();

    @Override
    public Slab allocate(int length, String tag) {
        HeapSlab slab = new HeapSlab(length, inUse);
        Arrays.fill(slab.buffer().array(), RUBBISH);
        return slab;
    }

    /** Bytes of slabs that somebody has references to. */
    long inUse() {
        return inUse.get();
    }

    @Override
    public MemoryLog openLog(long startOffset, long budgetBytes) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long budgetBytes() {
        return Long.MAX_VALUE;
    }

    @Override
    public void forEachTag(ObjLongConsumer<String> consumer) {
        consumer.accept("slabs", inUse());
    }

    @Override
    public void close() {}
}
