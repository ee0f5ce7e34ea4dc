package io.headrace.rocks;

import io.headrace.engine.spi.MetadataStore.Batch;
import java.nio.ByteBuffer;
import org.rocksdb.RocksDBException;
import org.rocksdb.WriteBatch;

/** A native write batch. Used by one thread; its creator closes it. */
final class RocksBatch implements Batch {
    private final WriteBatch changes = new WriteBatch();
    private boolean closed;

    WriteBatch changes() {
        if (closed) {
            throw new IllegalStateException("batch is closed");
        }
        return changes;
    }

    @Override
    public void put(ByteBuffer key, ByteBuffer value) {
        if (key.isDirect() && value.isDirect()) {
            putDirect(key, value);
        } else {
            put(bytesOf(key), bytesOf(value));
        }
    }

    private void putDirect(ByteBuffer key, ByteBuffer value) {
        int keyPosition = key.position();
        int valuePosition = value.position();
        try {
            changes().put(key, value);
        } catch (RocksDBException failure) {
            throw RocksFailure.of("add to batch", failure);
        } finally {
            key.position(keyPosition);
            value.position(valuePosition);
        }
    }

    @Override
    public void put(byte[] key, byte[] value) {
        try {
            changes().put(key, value);
        } catch (RocksDBException failure) {
            throw RocksFailure.of("add to batch", failure);
        }
    }

    @Override
    public void delete(byte[] key) {
        try {
            changes().delete(key);
        } catch (RocksDBException failure) {
            throw RocksFailure.of("add to batch", failure);
        }
    }

    @Override
    public void deleteRange(byte[] fromKey, byte[] toKey) {
        try {
            changes().deleteRange(fromKey, toKey);
        } catch (RocksDBException failure) {
            throw RocksFailure.of("add to batch", failure);
        }
    }

    @Override
    public int count() {
        return changes().count();
    }

    @Override
    public void clear() {
        changes().clear();
    }

    @Override
    public void close() {
        closed = true;
        changes.close();
    }

    private static byte[] bytesOf(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(buffer.position(), bytes);
        return bytes;
    }
}
