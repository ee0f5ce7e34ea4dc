package io.headrace.engine;

import io.headrace.engine.log.StorageEngine;
import org.jspecify.annotations.Nullable;

/**
 * A running storage engine: a catalog of topics and the logs of their partitions.
 *
 * <p>Thread-safe. The caller who opened it owns it and closes it; closing drains what was appended,
 * syncs the journals, and ends the engine's threads. Leases that are still open stay readable until
 * they are closed.
 */
@Stable
public interface Engine extends AutoCloseable {

    /**
     * Opens the data folder, recovers what is in it, and returns when everything can be served.
     *
     * @throws InvalidConfigException naming the first bad value
     * @throws EngineException if the folder is in use, damaged, or a JVM flag is missing; names it
     */
    static Engine launch(EngineContext context) {
        return StorageEngine.launch(context);
    }

    /** The topics. */
    TopicCatalog catalog();

    /**
     * The log of one partition, activated on first use (one or a few reads of the metadata store,
     * about 10 µs).
     *
     * <p>The returned object may be kept: when it has been deactivated meanwhile, {@link
     * PartitionLog#append} answers {@link PartitionLog#CLOSED} and reads answer {@link
     * Unavailable#CLOSED}, and the caller asks here again.
     *
     * @return null if the topic was deleted or has no such partition
     */
    @Nullable PartitionLog partitionLog(Topic topic, int partition);

    /** Source topics as tools see them. Experimental. */
    Sources sources();

    /** Topics over other topics. Experimental. */
    default Views views() {
        throw new UnsupportedOperationException("this engine has no views");
    }

    /** Backups of this engine while it runs. Experimental. */
    default Backups backups() {
        throw new UnsupportedOperationException("this engine has no backups");
    }

    /** The term in which this engine leads its partitions; rises with every start. */
    int leaderEpoch();

    /** Counters and gauges, cheap to read at any time. */
    EngineMetrics metrics();

    /** As {@link #close(Deadline)}, with ten seconds. */
    @Override
    void close();

    /**
     * Ends the engine. What was appended is synced and the clean stop noted first, for which it
     * waits as long as the disk takes; then it waits for readers and housekeeping, until the
     * deadline at most.
     */
    default void close(Deadline deadline) {
        close();
    }
}
