package io.headrace.rocks;

import io.headrace.engine.EngineException;
import org.rocksdb.RocksDBException;
import org.rocksdb.Status;

/** Turns RocksDB's exception into ours; its message names the file where one is at fault. */
final class RocksFailure {
    /** The store is a projection: what is lost of it can be made again. */
    private static final String REMEDY =
            "stop, move its folder away, and start: it is made again from checkpoints/ and"
                    + " journal/: action=";

    private RocksFailure() {}

    static EngineException of(String action, RocksDBException failure) {
        return new EngineException(
                (isDamage(failure)
                                ? "metadata store is damaged; " + REMEDY
                                : "metadata store failed: action=")
                        + action
                        + " cause="
                        + failure.getMessage(),
                failure);
    }

    static EngineException damaged(String action, String cause) {
        return new EngineException(
                "metadata store is damaged; " + REMEDY + action + " cause=" + cause);
    }

    /**
     * Whether the disk is full, for which RocksDB refuses all writes until there is space again.
     */
    static boolean isOutOfSpace(RocksDBException failure) {
        Status status = failure.getStatus();
        return status != null && status.getSubCode() == Status.SubCode.NoSpace;
    }

    private static boolean isDamage(RocksDBException failure) {
        Status status = failure.getStatus();
        return status != null && status.getCode() == Status.Code.Corruption;
    }
}
