package io.headrace.engine.source.cache;

import io.headrace.engine.Deadline;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.spi.MemoryStore.Slab;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Blocks in files on an SSD, within a budget that holds at every time: a block counts from before
 * it is written until after it is deleted. Which ones, is told in {@link Cursors}. Nothing is
 * synced and nothing has to be: a file that is not what it should be is deleted when it is read,
 * and the block comes from the store; as it does when the read fails, which says nothing of the
 * file.
 *
 * <p>Reads run on the thread that asks. All else is done by one thread, which is there while there
 * is something to do; what waits for it is bounded, and a block that finds no room there is not
 * written. Owned by {@link BlockTiers}.
 */
final class DiskTier {
    /** Bytes of blocks that wait to be written, at most; less where there is little memory. */
    private static final long QUEUE_BYTES_MAX = 32 << 20;

    /** As a share of what blocks in memory may take; but so much may wait in any case. */
    private static final int QUEUE_SHARE = 2;

    private static final long QUEUE_BYTES_MIN = 8 << 20;

    /** A block has to be needed so much sooner to take another one's place: writing wears. */
    private static final double GAIN = 0.9;

    /** What a file takes is counted in whole pages. */
    private static final int PAGE_BYTES = 4096;

    /** Share of what the disk has for it that the cache takes at most. */
    private static final int FREE_SHARE = 2;

    private static final long IDLE_SECONDS = 10;
    private static final String UNFINISHED = "unfinished";

    private final CacheContext context;
    private final Path folder;
    private final CacheFiles files;
    private final CacheCounters counters;
    private final DiskTrouble trouble;
    private final Occupants occupants = new Occupants();
    private final Victim victim = new Victim();
    private final Cursors.Farthest scratch = new Cursors.Farthest();
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicLong queuedBytes = new AtomicLong();
    private final long queueBytesMax;
    private final AtomicBoolean isTrimDue = new AtomicBoolean();
    private final ThreadPoolExecutor writer =
            new ThreadPoolExecutor(
                    1,
                    1,
                    IDLE_SECONDS,
                    TimeUnit.SECONDS,
                    new LinkedBlockingQueue<>(),
                    DiskTier::thread);

    private volatile boolean isListed;
    private volatile boolean isClosed;

    /** Used by the writer alone. */
    private @Nullable CacheFolder open;

    DiskTier(CacheContext context, CacheCounters counters) {
        this.context = context;
        this.queueBytesMax =
                Math.max(
                        QUEUE_BYTES_MIN,
                        Math.min(QUEUE_BYTES_MAX, context.memoryBudgetBytes() / QUEUE_SHARE));
        this.folder = context.diskFolder();
        this.files = context.files();
        this.counters = counters;
        this.trouble = new DiskTrouble(counters.diskFailures, context.nanoClock());
        writer.allowCoreThreadTimeOut(true);
    }

    private static Thread thread(Runnable task) {
        Thread thread = new Thread(task, "headrace-cache");
        thread.setDaemon(true);
        return thread;
    }

    /**
     * Begins to find what an earlier process left. Until that is done, blocks are found by name.
     */
    void start(BlockTiers tiers) {
        writer.execute(() -> openFolder(tiers));
    }

    private void openFolder(BlockTiers tiers) {
        try {
            if (open != null && !Files.isDirectory(folder)) {
                closeFolder();
            }
            if (open == null && !isClosed && !trouble.isPaused()) {
                open = CacheFolder.open(folder);
                list(tiers, open);
            }
        } catch (IOException | RuntimeException failed) {
            trouble.pause("folder=" + folder, failed);
        }
    }

    /** What was found in part is forgotten, and found again by whoever opens the folder next. */
    private void list(BlockTiers tiers, CacheFolder opened) throws IOException {
        try {
            opened.list(
                    context.isTopicKnown(),
                    (topicId, partition, firstOffset, found) ->
                            register(tiers.partition(topicId, partition), firstOffset, found, 0));
            trim();
            isListed = true;
        } finally {
            if (!isListed) {
                closeFolder();
            }
        }
    }

    private void closeFolder() {
        if (open != null) {
            open.close();
            open = null;
        }
        isListed = false;
        forgetAll();
    }

    /**
     * Whether all that was there has been found and is within the budget, and no block waits to be
     * written.
     */
    boolean isIdle() {
        return isListed && queuedBytes.get() == 0;
    }

    /** Bytes on disk, or about to be. */
    long bytes() {
        return bytes.get();
    }

    /**
     * A block is on disk.
     *
     * @param countedBytes bytes that were counted for it already
     */
    private synchronized void register(
            PartitionBlocks partition, long firstOffset, DiskBlock block, long countedBytes) {
        DiskBlock before = partition.putOnDisk(firstOffset, block);
        long beforeBytes = before == null ? 0 : lengthOf(before);
        bytes.addAndGet(lengthOf(block) - beforeBytes - countedBytes);
        occupants.add(partition);
    }

    private static long lengthOf(DiskBlock block) {
        return pages(block.fileLength());
    }

    private static long pages(long length) {
        return (length + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    }

    private Path fileOf(PartitionBlocks partition, long firstOffset, int recordCount) {
        return folderOf(partition).resolve(BlockFile.name(firstOffset, recordCount));
    }

    private Path folderOf(PartitionBlocks partition) {
        return folderOf(partition.topicId()).resolve(Integer.toString(partition.partition()));
    }

    private Path folderOf(long topicId) {
        return folder.resolve(Long.toString(topicId));
    }

    // Reading

    /**
     * Reads a block, if it is here and sound; null otherwise.
     *
     * @return with one reference, the caller's
     * @throws IOException if there is no memory for it, or the thread is to end
     */
    @Nullable CachedBlock read(PartitionBlocks partition, StoredBlock stored) throws IOException {
        DiskBlock known = partition.diskBlock(stored.firstOffset());
        if (isClosed || known == null && isListed) {
            return null;
        }
        Path file = fileOf(partition, stored.firstOffset(), stored.recordCount());
        try (FileChannel channel = files.open(file)) {
            return read(partition, stored, known, channel);
        } catch (NoSuchFileException absent) {
            if (known != null && forget(partition, stored.firstOffset())) {
                trouble.note("file is gone: file=" + file, absent);
            }
        } catch (ClosedByInterruptException ending) {
            throw ending;
        } catch (NoMemoryException noMemory) {
            throw noMemory.cause;
        } catch (UnsoundException | EOFException damaged) {
            forget(partition, stored.firstOffset());
            deleteQuietly(file);
            trouble.note("file=" + file, damaged);
        } catch (IOException failed) {
            trouble.pause("file=" + file, failed); // the file may be sound: too many are open
        }
        return null;
    }

    /** The file is not what it should be. */
    private static final class UnsoundException extends IOException {
        private static final long serialVersionUID = 1L;

        UnsoundException(String message) {
            super(message);
        }
    }

    /** No slab: not the disk's fault. */
    private static final class NoMemoryException extends IOException {
        private static final long serialVersionUID = 1L;
        private final IOException cause;

        NoMemoryException(IOException cause) {
            this.cause = cause;
        }
    }

    private CachedBlock read(
            PartitionBlocks partition,
            StoredBlock stored,
            @Nullable DiskBlock known,
            FileChannel channel)
            throws IOException {
        BlockFile header = readHeader(channel);
        long identity = known != null && known.isKnown() ? known.identity() : stored.identity();
        if (!header.isOf(partition, stored) || header.identity() != identity) {
            throw new UnsoundException("file is of another block: " + header);
        }
        Slab slab = allocate(header.length());
        boolean isDone = false;
        try {
            ByteBuffer body = slab.buffer().duplicate().position(0).limit(header.length());
            files.read(channel, body, BlockFile.HEADER_LENGTH);
            if (!header.isSound(slab.buffer())) {
                throw new UnsoundException("checksum is wrong");
            }
            setLeaderEpoch(slab.buffer(), header.length());
            isDone = true;
        } finally {
            if (!isDone) {
                slab.release();
            }
        }
        if (known == null || !known.isKnown()) {
            verified(partition, header, known != null);
        }
        counters.diskReadBytes.add(header.length());
        return CachedBlock.fromDisk(
                header.firstOffset(),
                header.recordCount(),
                slab,
                header.length(),
                header.identity());
    }

    private BlockFile readHeader(FileChannel channel) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(BlockFile.HEADER_LENGTH);
        files.read(channel, bytes, 0);
        BlockFile header = BlockFile.decode(bytes);
        if (header == null
                || header.length() <= 0
                || header.length() + (long) BlockFile.HEADER_LENGTH != channel.size()) {
            throw new UnsoundException("header is wrong: fileLength=" + channel.size());
        }
        return header;
    }

    private Slab allocate(int length) throws NoMemoryException {
        try {
            return context.slabs().allocate(length);
        } catch (IOException noMemory) {
            throw new NoMemoryException(noMemory);
        }
    }

    /** The batches were framed under the epoch of then. */
    private void setLeaderEpoch(ByteBuffer batches, int length) {
        int epoch = context.leaderEpoch().getAsInt();
        for (int at = 0; at < length; at += RecordBatch.length(batches, at)) {
            RecordBatch.leaderEpoch(batches, at, epoch);
        }
    }

    /** From now on, the index need not be asked what the file should hold. */
    private synchronized void verified(
            PartitionBlocks partition, BlockFile header, boolean isRegistered) {
        if (isRegistered && partition.diskBlock(header.firstOffset()) != null) {
            register(partition, header.firstOffset(), diskBlock(header), 0);
        }
    }

    private static DiskBlock diskBlock(BlockFile header) {
        return new DiskBlock(
                header.identity(),
                header.recordCount(),
                BlockFile.HEADER_LENGTH + header.length(),
                true);
    }

    /**
     * A block's file is not to be read any more, and is deleted; false if that was known. What
     * cannot be deleted goes on counting until the next start.
     */
    private synchronized boolean forget(PartitionBlocks partition, long firstOffset) {
        DiskBlock block = partition.removeFromDisk(firstOffset);
        if (block == null) {
            return false;
        }
        if (deleteQuietly(fileOf(partition, firstOffset, block.recordCount()))) {
            bytes.addAndGet(-lengthOf(block));
        }
        if (partition.isDiskEmpty()) {
            occupants.remove(partition);
        }
        return true;
    }

    private boolean deleteQuietly(Path file) {
        try {
            files.delete(file);
            return true;
        } catch (IOException failed) {
            trouble.note("file cannot be deleted: file=" + file, failed);
            return false;
        }
    }

    /** Forgets which blocks are there, and leaves their files alone. */
    private synchronized void forgetAll() {
        for (PartitionBlocks partition : occupants.all()) {
            partition.diskOffsets().forEach(partition::removeFromDisk);
            occupants.remove(partition);
        }
        bytes.set(0);
    }

    // Writing

    /**
     * Writes a block later, if it is worth a place then and the writer is not behind.
     *
     * @param sinceDrops as in {@link PartitionBlocks#beginWrite}
     */
    void offer(PartitionBlocks partition, CachedBlock block, int sinceDrops) {
        if (isClosed || trouble.isPaused() || !partition.beginWrite(block, sinceDrops)) {
            return;
        }
        long queued = queuedBytes.addAndGet(block.length());
        boolean isTooMuch = queued > queueBytesMax && queued > block.length();
        if (isTooMuch || !block.retain()) {
            queuedBytes.addAndGet(-block.length());
            partition.endWrite(block);
            counters.diskWritesSkipped.increment();
            return;
        }
        Write write = new Write(partition, block);
        try {
            writer.execute(write);
        } catch (RejectedExecutionException closing) {
            write.abandon();
        }
    }

    /** A block that waits to be written; holds a reference to it. */
    private final class Write implements Runnable {
        private final PartitionBlocks partition;
        private final CachedBlock block;

        Write(PartitionBlocks partition, CachedBlock block) {
            this.partition = partition;
            this.block = block;
        }

        @Override
        public void run() {
            try {
                if (!isClosed && !partition.isDropped()) {
                    writeIfWorthIt(partition, block);
                }
            } catch (IOException | RuntimeException failed) {
                trouble.pause("block is not written: " + partition, failed);
            } finally {
                abandon();
            }
        }

        void abandon() {
            partition.endWrite(block);
            queuedBytes.addAndGet(-block.length());
            block.release();
        }
    }

    private void writeIfWorthIt(PartitionBlocks partition, CachedBlock block) throws IOException {
        openFolder(partition.tiers());
        boolean isThere = partition.diskBlock(block.firstOffset()) != null;
        if (!isListed || isThere || !partition.isLeaving(block) || trouble.isPaused()) {
            return;
        }
        long length = pages(BlockFile.HEADER_LENGTH + (long) block.length());
        if (!makeRoom(partition, block, length)) {
            counters.diskBypasses.increment();
            return;
        }
        bytes.addAndGet(length);
        try {
            DiskBlock written = write(partition, block);
            register(partition, block.firstOffset(), written, length);
            if (!partition.isLeaving(block)) {
                forget(partition, block.firstOffset()); // it was dropped meanwhile
            }
        } catch (IOException | RuntimeException failed) {
            deleteQuietly(folder.resolve(UNFINISHED));
            bytes.addAndGet(-length);
            throw failed;
        }
        counters.diskWrittenBytes.add(block.length());
        trouble.over();
    }

    private DiskBlock write(PartitionBlocks partition, CachedBlock block) throws IOException {
        BlockFile header = BlockFile.of(partition, block);
        Path unfinished = folder.resolve(UNFINISHED);
        ByteBuffer body = block.bytes().duplicate().position(0).limit(block.length());
        files.write(unfinished, header.encode(), body);
        Path file = fileOf(partition, block.firstOffset(), block.recordCount());
        try {
            files.rename(unfinished, file);
        } catch (NoSuchFileException noFolder) {
            Files.createDirectories(folderOf(partition));
            files.rename(unfinished, file);
        }
        return diskBlock(header);
    }

    private boolean makeRoom(PartitionBlocks partition, CachedBlock block, long length) {
        trim();
        long now = context.nanoClock().getAsLong();
        long limit = limitBytes();
        double useNanos = partition.diskUseNanos(block.firstOffset(), block.recordCount(), now);
        while (bytes.get() + length > limit) {
            if (length > limit || !findVictim(now) || useNanos >= GAIN * victim.score()) {
                return false;
            }
            evictVictim();
        }
        return true;
    }

    private boolean findVictim(long nowNanos) {
        victim.reset();
        occupants.sample(candidate -> candidate.offerFarthestOnDisk(nowNanos, scratch, victim));
        return victim.partition() != null;
    }

    private void evictVictim() {
        PartitionBlocks partition = victim.partition();
        if (partition != null && forget(partition, victim.key())) {
            counters.diskEvictions.increment();
        }
    }

    /**
     * What the cache may hold now: its budget; no more than half of what the disk has for it; and
     * never what the journals need.
     */
    private long limitBytes() {
        long held = bytes.get();
        try {
            long available = held + files.usableBytes(folder);
            long limit = Math.min(available / FREE_SHARE, available - context.diskReserveBytes());
            return Math.max(0, Math.min(context.diskBudgetBytes(), limit));
        } catch (IOException failed) {
            trouble.note("folder=" + folder, failed);
            return Math.min(context.diskBudgetBytes(), held);
        }
    }

    /** Gives way to whoever else fills the disk. Runs on the writer. */
    private void trim() {
        long now = context.nanoClock().getAsLong();
        while (bytes.get() > limitBytes() && findVictim(now)) {
            evictVictim();
        }
    }

    /** Gives way to whoever else fills the disk, soon and if need be. */
    void trimLater() {
        if (isListed && bytes.get() > limitBytes() && isTrimDue.compareAndSet(false, true)) {
            executeUnlessClosed(
                    () -> {
                        isTrimDue.set(false);
                        trim();
                    });
        }
    }

    /** Deletes the block that holds an offset, if it is there. */
    void drop(PartitionBlocks partition, long offset) {
        long first = partition.diskOffsetHolding(offset);
        if (first != OffsetMap.NONE) {
            forget(partition, first);
        }
    }

    /** Deletes what is there of a topic, whose partitions take no more. */
    void dropTopic(long topicId, List<PartitionBlocks> partitions) {
        executeUnlessClosed(
                () -> {
                    for (PartitionBlocks partition : partitions) {
                        partition.diskOffsets().forEach(first -> forget(partition, first));
                    }
                    CacheFolder.deleteTopic(folderOf(topicId));
                });
    }

    private void executeUnlessClosed(Runnable task) {
        try {
            writer.execute(task);
        } catch (RejectedExecutionException closing) {
            // the next start finds it
        }
    }

    /** Ends; what waits to be written is not. */
    void stop() {
        isClosed = true;
        writer.shutdown();
        for (Runnable waiting : List.copyOf(writer.getQueue())) {
            if (waiting instanceof Write write && writer.getQueue().remove(write)) {
                write.abandon();
            }
        }
    }

    /** After {@link #stop}: waits for what is being written. */
    void awaitEnd(Deadline deadline) {
        try {
            if (!writer.awaitTermination(deadline.remainingNs(), TimeUnit.NANOSECONDS)) {
                writer.shutdownNow();
            }
        } catch (InterruptedException interrupted) {
            writer.shutdownNow();
            Thread.currentThread().interrupt();
        }
        if (open != null) {
            open.close();
        }
    }
}
