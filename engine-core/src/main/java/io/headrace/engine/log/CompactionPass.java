package io.headrace.engine.log;

import io.headrace.engine.EngineException;
import io.headrace.engine.batch.UnreadableBatchException;
import io.headrace.engine.log.PartitionCompaction.Outcome;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
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
        for (int i = 0; i < partitions.size(); i++) {
            PartitionCompaction partition = partitions.get(i);
            if (writer.isDropped(partition.partition())) {
                outcomes.set(i, Outcome.FRUITLESS); // what it has noted goes beyond what was said
            } else {
                partition.countRemoved(counters);
            }
        }
    }

    private Outcome advance(PartitionCompaction partition) throws IOException {
        try {
            return partition.advance(reader, writer, pace, nowMs);
        } catch (UnreadableBatchException e) {
            LOGGER.error(
                    "partition is not compacted until the next start, something in it cannot be"
                            + " read: {}",
                    name(partition),
                    e);
            return setAside();
        } catch (CompactionReader.ReadFailedException e) {
            LOGGER.warn(
                    "partition is compacted later, the disk does not give it now: {}",
                    name(partition),
                    e);
            return putOff();
        } catch (EngineException e) {
            if (partition.isWriting()) {
                throw e; // the end of the pass: what was said is not known
            }
            LOGGER.warn("partition is compacted later, it fails now: {}", name(partition), e);
            return putOff();
        } catch (RuntimeException | LinkageError e) {
            // Whatever it is, and be it a codec that is not there: the others go on.
            if (partition.isWriting() || e instanceof CancellationException) {
                throw e;
            }
            LOGGER.error(
                    "partition is not compacted until the next start, its compaction fails: {}",
                    name(partition),
                    e);
            return setAside();
        }
    }

    private static String name(PartitionCompaction partition) {
        return "topic="
                + partition.topic().name()
                + " partition="
                + partition.partition().partition();
    }

    private Outcome setAside() {
        counters.onDamaged();
        return Outcome.DAMAGED;
    }

    private Outcome putOff() {
        counters.onFailed();
        return Outcome.UNREAD;
    }
}
