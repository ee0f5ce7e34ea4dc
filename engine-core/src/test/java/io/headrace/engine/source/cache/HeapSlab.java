package io.headrace.engine.source.cache;

import io.headrace.engine.spi.MemoryStore.Slab;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** A slab on the heap that counts its references, and its bytes among those in use. */
public final class HeapSlab implements Slab {
    private final ByteBuffer bytes;
    private final AtomicInteger references = new AtomicInteger(1);
    private final AtomicLong inUse;

    /**
     * @param inUse bytes of all slabs that somebody has references to
     */
    public HeapSlab(int length, AtomicLong inUse) {
        this.bytes = ByteBuffer.allocate(length);
        this.inUse = inUse;
        inUse.addAndGet(length);
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
            inUse.addAndGet(-bytes.capacity());
        }
    }
}
