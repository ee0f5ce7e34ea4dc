package io.headrace.engine.source;

import io.headrace.engine.spi.ObjectStore;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.LongAdder;

/** Reads from stores, and counts. Thread-safe. */
final class StoreReader {
    final LongAdder reads = new LongAdder();
    final LongAdder bytes = new LongAdder();

    /**
     * Reads a range; blocks.
     *
     * @throws IOException as {@link ObjectStore#read}
     */
    void read(ObjectStore store, StoredObject object, long offset, ByteBuffer into)
            throws IOException {
        int length = into.remaining();
        reads.increment();
        store.read(object, offset, into);
        bytes.add(length);
    }
}
