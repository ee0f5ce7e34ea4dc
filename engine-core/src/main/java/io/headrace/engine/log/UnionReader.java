package io.headrace.engine.log;

import io.headrace.engine.ReadResult;
import java.util.HashSet;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * Has the cold threads read what unions are to copy and is not in memory. A read is one stretch of
 * one partition, whose place is free for another's then.
 *
 * <p>Used by the thread that copies; what was read comes from others.
 */
final class UnionReader {
    private final Doorbell bell;
    private final int readsMax;
    private final Set<UnionPart> reading = new HashSet<>();

    /** As many as may be read at a time, at most. */
    private final Queue<Loaded> loaded = new ConcurrentLinkedQueue<>();

    private volatile boolean isClosed;

    /**
     * What was read of a partition.
     *
     * @param from the offset that was next when it was asked for
     */
    record Loaded(UnionPart part, long from, ReadResult result) {}

    /**
     * @param readsMax partitions that are read at a time, or are read and wait to be copied
     */
    UnionReader(Doorbell bell, int readsMax) {
        this.bell = bell;
        this.readsMax = readsMax;
    }

    /** A quarter is for what has newly risen. */
    boolean mayRead(boolean isRisen) {
        return reading.size() < (isRisen ? readsMax : readsMax - readsMax / 4);
    }

    boolean isReading(UnionPart part) {
        return reading.contains(part);
    }

    /** Whether nothing is being read, or was and is to be copied. */
    boolean isIdle() {
        return reading.isEmpty();
    }

    boolean isEmpty() {
        return loaded.isEmpty();
    }

    void read(UnionPart part, PartitionLogBase log, long from, int length) {
        reading.add(part);
        log.readCold(from, length, result -> onLoaded(new Loaded(part, from, result)));
    }

    /** On a thread of the engine's. */
    private void onLoaded(Loaded read) {
        loaded.add(read);
        if (isClosed) {
            closeLoaded();
        }
        bell.ring(1);
    }

    /** What was read next, which the caller closes; null if nothing is there yet. */
    @Nullable Loaded poll() {
        Loaded read = loaded.poll();
        if (read != null) {
            reading.remove(read.part);
        }
        return read;
    }

    /** Gives back what was read and not copied; also what is read later. */
    void close() {
        isClosed = true;
        closeLoaded();
    }

    private void closeLoaded() {
        for (Loaded read = loaded.poll(); read != null; read = loaded.poll()) {
            read.result.close();
        }
    }
}
