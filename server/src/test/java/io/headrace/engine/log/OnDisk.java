package io.headrace.engine.log;

import io.headrace.engine.PartitionLog;
import java.util.concurrent.TimeUnit;

/** Waits for the disk where a hybrid log does not. */
public final class OnDisk {
    private OnDisk() {}

    /** Returns when the records that the log has now are on disk. */
    public static void await(PartitionLog log) {
        try {
            ((PartitionLogBase) log).whenSpilled().get(20, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new AssertionError("not on disk", e);
        }
    }
}
