package io.headrace.server.simulation;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.PartitionLog.EpochEnd;
import io.headrace.engine.PartitionLog.TimestampedOffset;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What has to come about once nothing is in the way any more: no fault, no lack of space, no crash,
 * and time for everybody. Of one engine.
 */
final class QuietEnd {
    /** Looks at what has to come about, before it counts as never. */
    private static final int LOOKS_MAX = 400;

    private static final int STEPS_BETWEEN_LOOKS = 16;

    private static final int LOOKS_BETWEEN_PAUSES = 40;

    /**
     * Longer than anything in the engine waits before it tries again; what was appended while the
     * clock was ahead is old so much later only.
     */
    private static final long PAUSE_NS = 60_000_000_000L;

    /** Look-ups by timestamp for each partition. */
    private static final int LOOKUPS = 3;

    /** Of both journals: those in use, and as many of metadata as are worth no checkpoint. */
    private static final int CYCLES_LEFT = 8;

    /** Three half-dead cycles, and the current one. */
    private static final int BYTES_LEFT = 4 * Simulation.CYCLE_BYTES;

    /** Those of a few checkpoints. */
    private static final int CHECKPOINT_FILES_LEFT = 16;

    private static final int READ_LENGTH = 1 << 14;

    private final SimulatedMachine machine;
    private final Random random;
    private final Runnable step;
    private final Awaiting awaiting;

    /** Waits for an answer of the engine's. */
    interface Awaiting {
        <T extends @Nullable Object> T await(CompletableFuture<T> future);
    }

    /** A batch as a reader finds it; the offset is the first that can be read. */
    private record Batch(
            long offset, long lastOffset, long maxTimestampMs, int leaderEpoch, int length) {}

    /**
     * @param step lets somebody in the engine take a turn
     */
    QuietEnd(SimulatedMachine machine, Random random, Runnable step, Awaiting awaiting) {
        this.machine = machine;
        this.random = random;
        this.step = step;
        this.awaiting = awaiting;
    }

    /** Has the engine take turns until something is so. */
    void await(BooleanSupplier isSo, Supplier<String> what) {
        for (int looks = 0; !isSo.getAsBoolean(); looks++) {
            if (looks == LOOKS_MAX) {
                throw new SimulationFailure("never: " + what.get());
            }
            if (looks % LOOKS_BETWEEN_PAUSES == LOOKS_BETWEEN_PAUSES - 1) {
                machine.pass(PAUSE_NS + machine.aheadNs());
            }
            for (int i = 0; i < STEPS_BETWEEN_LOOKS; i++) {
                step.run();
            }
        }
    }

    /**
     * The high watermark gets to the end of the log.
     *
     * @param log asked for anew each time: those that nobody uses are let go
     */
    void awaitEnd(Supplier<PartitionLog> log) {
        await(
                () -> log.get().highWatermark() == log.get().recordsEndOffset(),
                () ->
                        "high watermark at the end: topic="
                                + log.get().topic().name()
                                + " highWatermark="
                                + log.get().highWatermark()
                                + " recordsEndOffset="
                                + log.get().recordsEndOffset());
    }

    /**
     * What look-ups find is what a reader of everything would.
     *
     * @param asked the log, as in {@link #awaitEnd}
     */
    void checkLookups(Supplier<PartitionLog> asked) {
        List<Batch> batches = readAll(asked);
        PartitionLog log = asked.get();
        long start = log.logStartOffset();
        if (!batches.isEmpty() && batches.get(0).offset >= start) {
            checkLookups(log, start, batches);
        }
    }

    /** How many bytes there are to read. */
    long readableBytes(Supplier<PartitionLog> log) {
        return readAll(log).stream().mapToLong(Batch::length).sum();
    }

    private List<Batch> readAll(Supplier<PartitionLog> log) {
        List<Batch> batches = new ArrayList<>();
        await(
                () -> isReadToEnd(log.get(), batches),
                () -> "everything can be read: topic=" + log.get().topic().name());
        return batches;
    }

    private void checkLookups(PartitionLog log, long start, List<Batch> batches) {
        for (int i = 0; i < LOOKUPS; i++) {
            Batch any = batches.get(random.nextInt(batches.size()));
            long timestampMs = any.maxTimestampMs - 1 + random.nextInt(3);
            checkLookup(log, start, timestampMs, firstReaching(batches, timestampMs));
        }
        Batch highest = null;
        for (Batch batch : batches) {
            highest =
                    highest == null || batch.maxTimestampMs > highest.maxTimestampMs
                            ? batch
                            : highest;
        }
        check(log, start, "the highest timestamp", highest, awaiting.await(log.maxTimestamp()));
        checkEpochs(log, start, batches);
    }

    private static @Nullable Batch firstReaching(List<Batch> batches, long timestampMs) {
        return batches.stream()
                .filter(batch -> batch.maxTimestampMs >= timestampMs)
                .findFirst()
                .orElse(null);
    }

    private void checkLookup(
            PartitionLog log, long start, long timestampMs, @Nullable Batch expected) {
        TimestampedOffset found = awaiting.await(log.offsetForTimestamp(timestampMs));
        check(log, start, "timestamp " + timestampMs, expected, found);
    }

    /** Retention may have moved the start meanwhile: then nothing can be said. */
    private static void check(
            PartitionLog log,
            long start,
            String what,
            @Nullable Batch batch,
            @Nullable TimestampedOffset found) {
        TimestampedOffset expected =
                batch == null
                        ? null
                        : new TimestampedOffset(
                                batch.offset, batch.maxTimestampMs, batch.leaderEpoch);
        if (log.logStartOffset() == start && !Objects.equals(expected, found)) {
            throw new SimulationFailure(
                    "wrong look-up of "
                            + what
                            + ": topic="
                            + log.topic().name()
                            + " found="
                            + found
                            + " expected="
                            + expected);
        }
    }

    /** An epoch ends behind its last record, and not behind the first of the next one. */
    private static void checkEpochs(PartitionLog log, long start, List<Batch> batches) {
        TreeMap<Integer, Batch> last = new TreeMap<>();
        TreeMap<Integer, Batch> first = new TreeMap<>();
        for (Batch batch : batches) {
            last.put(batch.leaderEpoch, batch);
            first.putIfAbsent(batch.leaderEpoch, batch);
        }
        for (Map.Entry<Integer, Batch> each : last.entrySet()) {
            Map.Entry<Integer, Batch> next = first.higherEntry(each.getKey());
            long endMax = next == null ? log.logEndOffset() : next.getValue().offset;
            EpochEnd end = log.endOffsetForEpoch(each.getKey());
            boolean isRight =
                    end != null
                            && end.leaderEpoch() == each.getKey()
                            && end.endOffset() > each.getValue().lastOffset
                            && end.endOffset() <= endMax;
            if (!isRight && log.logStartOffset() == start) {
                throw new SimulationFailure(
                        "wrong end of an epoch: topic="
                                + log.topic().name()
                                + " found="
                                + end
                                + " lastBatch="
                                + each.getValue()
                                + " endMax="
                                + endMax);
            }
        }
    }

    private boolean isReadToEnd(PartitionLog log, List<Batch> batches) {
        batches.clear();
        long start = log.logStartOffset();
        long offset = start;
        while (offset < log.highWatermark()) {
            try (ReadResult found = read(log, offset)) {
                if (!(found instanceof RecordsLease lease)) {
                    return false;
                }
                add(lease, start, batches);
                offset = lease.nextOffset();
            }
        }
        return true;
    }

    private ReadResult read(PartitionLog log, long offset) {
        ReadResult found = log.read(offset, READ_LENGTH);
        if (found != Unavailable.COLD) {
            return found;
        }
        CompletableFuture<ReadResult> loaded = new CompletableFuture<>();
        log.readCold(offset, READ_LENGTH, loaded::complete);
        return awaiting.await(loaded);
    }

    private static void add(RecordsLease lease, long start, List<Batch> batches) {
        for (int i = 0; i < lease.sliceCount(); i++) {
            ByteBuffer slice = lease.slice(i);
            for (int at = slice.position();
                    at < slice.limit();
                    at += RecordBatch.length(slice, at)) {
                batches.add(
                        new Batch(
                                Math.max(RecordBatch.baseOffset(slice, at), start),
                                RecordBatch.lastOffset(slice, at),
                                RecordBatch.maxTimestamp(slice, at),
                                RecordBatch.leaderEpoch(slice, at),
                                RecordBatch.length(slice, at)));
            }
        }
    }

    /** What does not live takes no more of the disk than what does, and what is left to itself. */
    void awaitDisk(Path folder, long liveBytes) {
        await(
                () -> usedBytes(folder) <= 2 * liveBytes + BYTES_LEFT,
                () -> "dead bytes go: used=" + usedBytes(folder) + " live=" + liveBytes);
    }

    private long usedBytes(Path folder) {
        return machine.usedBytes(folder.resolve("journal/data-1"))
                + machine.usedBytes(folder.resolve("segments"));
    }

    /** Everything was deleted: the disk comes down to what is left to itself. */
    void awaitEmptyDisk(Path folder) {
        await(
                () -> cycles(folder).size() <= CYCLES_LEFT,
                () -> "journal files go: " + cycles(folder));
        await(
                () -> machine.files(folder.resolve("segments")).isEmpty(),
                () -> "segments go: " + machine.files(folder.resolve("segments")));
        await(
                () -> machine.files(folder.resolve("checkpoints")).size() <= CHECKPOINT_FILES_LEFT,
                () -> "checkpoints go: " + machine.files(folder.resolve("checkpoints")));
    }

    private List<String> cycles(Path folder) {
        return machine.files(folder.resolve("journal")).stream()
                .filter(name -> name.endsWith(".cq4"))
                .toList();
    }
}
