package io.headrace.rocks;

import io.headrace.engine.EngineException;
import org.rocksdb.RocksDBException;

/** Turns RocksDB's exception into ours; its message names the file where one is at fault. */
final class RocksFailure {
    private RocksFailure() {}

    static EngineException of(String action, RocksDBException failure) {
        return new EngineException(
                "metadata store failed: action=" + action + " cause=" + failure.getMessage(),
                failure);
    }
}
