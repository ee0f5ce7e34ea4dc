package io.headrace.engine.log;

import io.headrace.engine.batch.UnreadableBatchException;
import io.headrace.engine.log.PartitionCompaction.Outcome;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One pass of compaction over some partitions of a shard, one after the other, until it has read
 * enough.
 *
 * <p>Used by the sealer's thread, once.
 */
final class CompactionPass {
    private static final Logger LOGGER = LoggerFactory.getLogger(CompactionPass.class);

    private final CompactionReader reader;
    private final CompactionWriter writer;
    private final SealPace pace;
    private final CompactionCounters counters;
    private final long nowMs;
    private final List<Outcome> outcomes = new ArrayList<>();

    /**
     * @param nowMs by which tombstones go
     */
    CompactionPass(
            CompactionReader reader,
            CompactionWriter writer,
            SealPace pace,
            CompactionCounters counters,
            long nowMs) {
        this.reader = reader;
        this.writer = writer;
        this.pace = pace;
        this.counters = counters;
        this.nowMs = nowMs;
    }

    /**
     * What has become of each; true of those that are done or unfinished only if {@link #run} has
     * returned.
     */
    List<Outcome> outcomes() {
        return outcomes;
    }

    void run(List<PartitionCompaction> partitions) throws IOException {
        for (PartitionCompaction partition : partitions) {
            outcomes.add(
                    reader.isSpent() || writer.isFull() ? Outcome.UNREACHED : advance(partition));
        }
        writer.flush();
    }

    private Outcome advance(PartitionCompaction partition) throws IOException {
        try {
            return partition.advance(reader, writer, pace, counters, nowMs);
        } catch (UnreadableBatchException e) {
            counters.onDamaged();
            LOGGER.error(
                    "partition is not compacted until the next start, something in it cannot be"
                            + " read: topic={} partition={}",
                    partition.topic().name(),
                    partition.partition().partition(),
                    e);
            return Outcome.DAMAGED;
        } catch (CompactionReader.ReadFailedException e) {
            counters.onFailed();
            LOGGER.warn(
                    "partition is compacted later, the disk does not give it now: topic={}"
                            + " partition={}",
                    partition.topic().name(),
                    partition.partition().partition(),
                    e);
            return Outcome.UNREAD;
        }
    }
}
