package io.headrace.engine.source;

import io.headrace.engine.spi.MemoryStore;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.ObjLongConsumer;

/** Slabs on the heap, which begin with rubbish as reused ones do; counts those in use. */
final class HeapMemory implements MemoryStore {
    static final byte RUBBISH = 'x';

    private final AtomicInteger inUse = new AtomicInteger();

    private final class HeapSlab implements Slab {
        private final ByteBuffer bytes;
        private final AtomicInteger references = new AtomicInteger(1);

        HeapSlab(int length) {
            bytes = ByteBuffer.allocate(length);
            Arrays.fill(bytes.array(), RUBBISH);
            inUse.incrementAndGet();
        }

        @Override
        public ByteBuffer buffer() {
            if (references.get() <= 0) {
                throw new IllegalStateException("slab is free");
            }
            return bytes;
        }

        @Override
        public boolean retain() {
            return references.getAndUpdate(count -> count > 0 ? count + 1 : count) > 0;
        }

        @Override
        public void release() {
            int left = references.decrementAndGet();
            if (left < 0) {
                throw new IllegalStateException("released more often than retained");
            }
            if (left == 0) {
                inUse.decrementAndGet();
            }
        }
    }

    @Override
    public Slab allocate(int length, String tag) {
        return new HeapSlab(length);
    }

    /** Slabs that somebody has references to. */
    int inUse() {
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
