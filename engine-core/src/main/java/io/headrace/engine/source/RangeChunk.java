package io.headrace.engine.source;

import io.headrace.engine.spi.MemoryStore.Slab;
import io.headrace.engine.spi.ObjectStore;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.io.IOException;
import java.nio.ByteBuffer;

/** A range of an object as it is stored. */
final class RangeChunk extends Chunk {
    private final StoreReader reader;
    private final ObjectStore store;
    private final StoredObject object;

    RangeChunk(
            StoreReader reader,
            ObjectStore store,
            StoredObject object,
            long position,
            int length,
            Slab slab) {
        super(position, slab, length);
        this.reader = reader;
        this.store = store;
        this.object = object;
    }

    @Override
    int fill(ByteBuffer into) throws IOException {
        int count = into.remaining();
        reader.read(store, object, position(), into);
        return count;
    }
}
