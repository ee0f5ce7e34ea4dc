package io.headrace.rocks;

import io.headrace.engine.spi.MetadataStore.Cursor;
import java.util.concurrent.locks.Lock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;

/**
 * A native iterator, which holds the state at its creation. Used by one thread; its creator closes
 * it, or else the store does.
 *
 * <p>Native code does not survive a call on a freed or unpositioned iterator, so every call checks
 * both under the store's gate.
 */
final class RocksCursor implements Cursor {
    private final RocksIterator iterator;
    private final @Nullable KeyBounds bounds;
    private final Lock gate;
    private final Consumer<RocksCursor> whenClosed;
    private boolean positioned;
    private boolean closed;

    RocksCursor(
            RocksIterator iterator,
            @Nullable KeyBounds bounds,
            Lock gate,
            Consumer<RocksCursor> whenClosed) {
        this.iterator = iterator;
        this.bounds = bounds;
        this.gate = gate;
        this.whenClosed = whenClosed;
    }

    @Override
    public boolean seek(byte[] key) {
        enter();
        try {
            iterator.seek(key);
            return settle();
        } finally {
            gate.unlock();
        }
    }

    @Override
    public boolean seekForPrevious(byte[] key) {
        enter();
        try {
            iterator.seekForPrev(key);
            return settle();
        } finally {
            gate.unlock();
        }
    }

    @Override
    public boolean next() {
        enterPositioned();
        try {
            iterator.next();
            return settle();
        } finally {
            gate.unlock();
        }
    }

    @Override
    public boolean previous() {
        enterPositioned();
        try {
            iterator.prev();
            return settle();
        } finally {
            gate.unlock();
        }
    }

    @Override
    public byte[] key() {
        enterPositioned();
        try {
            return iterator.key();
        } finally {
            gate.unlock();
        }
    }

    @Override
    public byte[] value() {
        enterPositioned();
        try {
            return iterator.value();
        } finally {
            gate.unlock();
        }
    }

    @Override
    public void close() {
        gate.lock();
        try {
            free();
        } finally {
            gate.unlock();
        }
        whenClosed.accept(this);
    }

    /** Frees the iterator; the caller holds the gate. */
    void free() {
        if (!closed) {
            closed = true;
            iterator.close();
            if (bounds != null) {
                bounds.close();
            }
        }
    }

    private boolean settle() {
        positioned = iterator.isValid();
        if (!positioned) {
            checkStatus();
        }
        return positioned;
    }

    /** An iterator stops at the end and at a bad block alike; only the status tells them apart. */
    private void checkStatus() {
        try {
            iterator.status();
        } catch (RocksDBException failure) {
            throw RocksFailure.of("move cursor", failure);
        }
    }

    private void enterPositioned() {
        enter();
        if (!positioned) {
            gate.unlock();
            throw new IllegalStateException("cursor is at no key: seek first");
        }
    }

    private void enter() {
        gate.lock();
        if (closed) {
            gate.unlock();
            throw new IllegalStateException("cursor is closed");
        }
    }
}
