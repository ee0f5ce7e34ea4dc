package io.headrace.engine.log;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The logs with something appended since the last sync began; each once. Filled under the shard's
 * lock, then handed to the syncer.
 */
final class DirtyLogs {
    private @Nullable PartitionLogBase[] logs = new PartitionLogBase[64];
    private int count;

    /** Adds the log; false if it is here already. The caller holds the shard's lock. */
    boolean add(PartitionLogBase log) {
        if (log.dirty) {
            return false;
        }
        log.dirty = true;
        if (count == logs.length) {
            logs = Arrays.copyOf(logs, count * 2);
        }
        logs[count++] = log;
        return true;
    }

    /** Called under the shard's lock, before the force. */
    void beforeSync() {
        for (int i = 0; i < count; i++) {
            log(i).beforeSync();
        }
    }

    /** Tells the logs that what they had is durable, and empties the list. */
    void afterSync() {
        for (int i = 0; i < count; i++) {
            log(i).afterSync();
        }
        Arrays.fill(logs, 0, count, null);
        count = 0;
    }

    private PartitionLogBase log(int index) {
        PartitionLogBase log = logs[index];
        if (log == null) {
            throw new AssertionError("no log: index=" + index + " count=" + count);
        }
        return log;
    }
}
