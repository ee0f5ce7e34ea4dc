package io.headrace.kafka;

import io.headrace.engine.OffsetOutOfRangeException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

/** A log of {@link HeapEngine}: batches in a list, and switches for each state it can be in. */
final class HeapLog implements PartitionLog {
    private final Topic topic;
    private final int partition;
    private final AtomicInteger openLeases;
    private final List<ByteBuffer> batches = new ArrayList<>();
    private final Map<Runnable, Long> waiters = new IdentityHashMap<>();
    private final List<Runnable> coldReads = new ArrayList<>();
    private long logStartOffset;
    private long logEndOffset;
    private long highWatermark;
    private boolean holdsHighWatermark;
    private boolean cold;
    private boolean closed;
    private long nextStatus;
    private int appendCount;
    private boolean stalled;
    private Error readFailure;
    private Error sliceFailure;
    private Error startFailure;
    private int readCount;

    HeapLog(Topic topic, int partition, HeapLog before, AtomicInteger openLeases) {
        this.topic = topic;
        this.partition = partition;
        this.openLeases = openLeases;
        if (before != null) {
            batches.addAll(before.batches);
            logEndOffset = before.logEndOffset;
            highWatermark = before.highWatermark;
        }
    }

    /** From now on appended records are not acknowledged, until {@link #releaseHighWatermark}. */
    synchronized void holdHighWatermark() {
        holdsHighWatermark = true;
    }

    void releaseHighWatermark() {
        List<Runnable> woken;
        synchronized (this) {
            holdsHighWatermark = false;
            highWatermark = logEndOffset;
            woken = takeWoken();
        }
        woken.forEach(Runnable::run);
    }

    /** From now on reads answer COLD, and cold reads wait for {@link #completeColdReads}. */
    synchronized void chill() {
        cold = true;
    }

    synchronized int coldReadCount() {
        return coldReads.size();
    }

    void completeColdReads() {
        List<Runnable> reads;
        synchronized (this) {
            reads = List.copyOf(coldReads);
            coldReads.clear();
        }
        reads.forEach(Runnable::run);
    }

    /** From now on reads give nothing, whatever the high watermark says. */
    synchronized void stall() {
        stalled = true;
    }

    /** From now on reads end with this. */
    synchronized void failReads(Error failure) {
        readFailure = failure;
    }

    /** From now on what was read cannot be looked at. */
    synchronized void failSlices(Error failure) {
        sliceFailure = failure;
    }

    /** From now on nobody learns where the log starts. */
    synchronized void failLogStart(Error failure) {
        startFailure = failure;
    }

    synchronized int readCount() {
        return readCount;
    }

    /** The next append answers this status, or the offset of a batch that it knows, instead. */
    synchronized void failNextAppend(long status) {
        nextStatus = status;
    }

    synchronized int waiterCount() {
        return waiters.size();
    }

    synchronized int appendCount() {
        return appendCount;
    }

    synchronized boolean isClosed() {
        return closed;
    }

    void close() {
        List<Runnable> woken;
        synchronized (this) {
            closed = true;
            woken = List.copyOf(waiters.keySet());
            waiters.clear();
        }
        woken.forEach(Runnable::run);
    }

    private List<Runnable> takeWoken() {
        List<Runnable> woken = new ArrayList<>();
        waiters.entrySet()
                .removeIf(
                        waiter -> {
                            boolean due = waiter.getValue() <= highWatermark;
                            if (due) {
                                woken.add(waiter.getKey());
                            }
                            return due;
                        });
        return woken;
    }

    @Override
    public Topic topic() {
        return topic;
    }

    @Override
    public int partition() {
        return partition;
    }

    @Override
    public synchronized long logStartOffset() {
        if (startFailure != null) {
            throw startFailure;
        }
        return logStartOffset;
    }

    @Override
    public synchronized long highWatermark() {
        return highWatermark;
    }

    @Override
    public synchronized long logEndOffset() {
        return logEndOffset;
    }

    @Override
    public long append(ByteBuffer batch, long appendTimeMs) {
        List<Runnable> woken;
        long baseOffset;
        synchronized (this) {
            appendCount++;
            if (closed) {
                return CLOSED;
            }
            if (nextStatus != 0) {
                long status = nextStatus;
                nextStatus = 0;
                return status;
            }
            if (!RecordBatch.isSound(batch)) {
                return CORRUPT_BATCH;
            }
            baseOffset = logEndOffset;
            ByteBuffer copy = ByteBuffer.allocateDirect(batch.remaining());
            copy.put(batch.duplicate()).flip();
            RecordBatch.baseOffset(copy, 0, baseOffset);
            RecordBatch.leaderEpoch(copy, 0, 5);
            if (topic.config().logAppendTime()) {
                RecordBatch.logAppendTime(copy, 0, appendTimeMs);
            }
            batches.add(copy);
            logEndOffset += RecordBatch.offsetCount(copy, 0);
            if (!holdsHighWatermark) {
                highWatermark = logEndOffset;
            }
            woken = takeWoken();
        }
        woken.forEach(Runnable::run);
        return baseOffset;
    }

    @Override
    public synchronized ReadResult read(long fromOffset, int lengthMax) {
        if (closed) {
            return Unavailable.CLOSED;
        }
        if (fromOffset < logStartOffset || fromOffset > logEndOffset) {
            return Unavailable.OFFSET_OUT_OF_RANGE;
        }
        readCount++;
        if (readFailure != null) {
            throw readFailure;
        }
        if (fromOffset >= highWatermark || stalled) {
            return Unavailable.CAUGHT_UP;
        }
        return cold ? Unavailable.COLD : lease(fromOffset, lengthMax);
    }

    private RecordsLease lease(long fromOffset, int lengthMax) {
        List<ByteBuffer> slices = new ArrayList<>();
        int length = 0;
        long nextOffset = fromOffset;
        for (ByteBuffer batch : batches) {
            long lastOffset = RecordBatch.lastOffset(batch, 0);
            if (lastOffset < fromOffset || lastOffset >= highWatermark) {
                continue;
            }
            if (length > 0 && length + batch.remaining() > lengthMax) {
                break;
            }
            slices.add(batch.duplicate());
            length += batch.remaining();
            nextOffset = lastOffset + 1;
        }
        openLeases.incrementAndGet();
        return new Lease(slices, length, nextOffset);
    }

    private final class Lease implements RecordsLease {
        private final List<ByteBuffer> slices;
        private final int length;
        private final long nextOffset;
        private boolean closed;

        Lease(List<ByteBuffer> slices, int length, long nextOffset) {
            this.slices = slices;
            this.length = length;
            this.nextOffset = nextOffset;
        }

        @Override
        public int sliceCount() {
            return slices.size();
        }

        @Override
        public ByteBuffer slice(int index) {
            if (sliceFailure != null) {
                throw sliceFailure;
            }
            if (closed) {
                throw new IllegalStateException("used after close");
            }
            return slices.get(index);
        }

        @Override
        public int length() {
            return length;
        }

        @Override
        public long nextOffset() {
            return nextOffset;
        }

        @Override
        public void close() {
            if (closed) {
                throw new IllegalStateException("closed twice");
            }
            closed = true;
            openLeases.decrementAndGet();
        }
    }

    @Override
    public synchronized void readCold(long fromOffset, int lengthMax, ReadCallback whenRead) {
        coldReads.add(
                () -> {
                    ReadResult result;
                    synchronized (this) {
                        result = lease(fromOffset, lengthMax);
                    }
                    whenRead.onRead(result);
                });
    }

    @Override
    public void onHighWatermark(long offset, Runnable wake) {
        synchronized (this) {
            if (highWatermark < offset && !closed) {
                waiters.put(wake, offset);
                return;
            }
        }
        wake.run();
    }

    @Override
    public synchronized void cancel(Runnable wake) {
        waiters.remove(wake);
    }

    @Override
    public synchronized CompletableFuture<TimestampedOffset> offsetForTimestamp(long timestampMs) {
        for (ByteBuffer batch : batches) {
            if (RecordBatch.maxTimestamp(batch, 0) >= timestampMs) {
                return CompletableFuture.completedFuture(
                        new TimestampedOffset(
                                RecordBatch.baseOffset(batch, 0),
                                RecordBatch.maxTimestamp(batch, 0),
                                5));
            }
        }
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public synchronized CompletableFuture<TimestampedOffset> maxTimestamp() {
        TimestampedOffset max = null;
        for (ByteBuffer batch : batches) {
            long timestamp = RecordBatch.maxTimestamp(batch, 0);
            if (max == null || timestamp > max.timestampMs()) {
                max = new TimestampedOffset(RecordBatch.lastOffset(batch, 0), timestamp, 5);
            }
        }
        return CompletableFuture.completedFuture(max);
    }

    @Override
    public synchronized EpochEnd endOffsetForEpoch(int leaderEpoch) {
        return leaderEpoch < 5 ? null : new EpochEnd(5, logEndOffset);
    }

    @Override
    public synchronized CompletableFuture<Long> deleteRecords(long beforeOffset) {
        long target = beforeOffset == -1 ? highWatermark : beforeOffset;
        if (target < 0 || target > highWatermark) {
            return CompletableFuture.failedFuture(
                    new OffsetOutOfRangeException(target, logStartOffset, highWatermark));
        }
        logStartOffset = Math.max(logStartOffset, target);
        return CompletableFuture.completedFuture(logStartOffset);
    }
}
