package io.headrace.engine.journal;

import io.headrace.engine.EngineException;
import io.headrace.engine.spi.ColdFile;
import io.headrace.engine.spi.CorruptJournalException;
import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.JournalFailedException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A journal in Chronicle Queue cycle files: Chronicle lays out and appends, all promises are our
 * own (docs/design/formats.md says what is on disk and how it is recovered).
 *
 * <p>Threads: as {@link Journal} says. The appending thread hands what it wrote to the syncer by
 * releasing {@link #appendedPosition}; the syncer hands what is stable to readers by releasing
 * {@link #syncedPosition}.
 */
public final class ChronicleJournal implements Journal {
    private static final Logger LOG = LoggerFactory.getLogger(ChronicleJournal.class);

    private final JournalContext context;
    private final Disk disk;
    private final Path startPath;
    private final int startNumber;
    private final FileChannel lockChannel;
    private final CycleWriter writer;

    /** All cycles, of earlier starts too. */
    private final ConcurrentSkipListMap<Integer, CycleFile> cycles = new ConcurrentSkipListMap<>();

    /**
     * Cycles of this start that are not yet finished: the current one, and what is to be synced.
     */
    private final ConcurrentSkipListMap<Integer, ActiveCycle> unfinished =
            new ConcurrentSkipListMap<>();

    /** Cycles that can be leased, at the slot of their number modulo its length, a power of two. */
    private final AtomicReferenceArray<@Nullable ActiveCycle> recent;

    private final AtomicLong appendedPosition = new AtomicLong();
    private final AtomicLong syncedPosition = new AtomicLong();
    private final Object syncLock = new Object();
    private volatile @Nullable JournalFailedException failure;
    private volatile boolean closed;

    /** Of the appending thread. */
    private boolean refusalReported;

    /** Of the appending thread: the current cycle was begun below the disk's reserve. */
    private boolean usingReserve;

    /**
     * Opens the journal: recovers the folders of earlier starts, and begins a fresh one.
     *
     * @param context concluded here
     * @throws CorruptJournalException if bytes that had been synced are damaged; nothing is changed
     * @throws IOException if the folder cannot be used
     */
    public static ChronicleJournal open(JournalContext context) throws IOException {
        context.conclude();
        FileChannel lock = lock(createFolder(context));
        try {
            return new ChronicleJournal(context, lock);
        } catch (IOException | RuntimeException | Error e) {
            lock.close();
            throw e;
        }
    }

    /** Its name is forced also if it is there: who made it may have been killed before that. */
    private static Path createFolder(JournalContext context) throws IOException {
        Path folder = context.folder();
        context.disk().createFolders(folder);
        context.disk().forceFolder(Disk.parent(folder));
        return folder;
    }

    /** Keeps every other process out until the channel is closed. */
    static FileChannel lock(Path folder) throws IOException {
        FileChannel channel =
                FileChannel.open(
                        folder.resolve("LOCK"),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE);
        FileLock lock = null;
        try {
            lock = channel.tryLock();
        } catch (OverlappingFileLockException e) {
            // In use by this very process: the same answer.
        }
        if (lock == null) {
            channel.close();
            throw new EngineException("journal is in use by a process: folder=" + folder);
        }
        return channel;
    }

    private ChronicleJournal(JournalContext context, FileChannel lockChannel) throws IOException {
        this.context = context;
        this.disk = context.disk();
        this.lockChannel = lockChannel;
        this.recent =
                new AtomicReferenceArray<>(Integer.highestOneBit(context.recentWindowCycles()) * 2);
        List<StartFolder> earlier = StartFolder.list(context.folder(), disk);
        for (int i = 0; i < earlier.size(); i++) {
            recover(earlier.get(i), i == earlier.size() - 1);
        }
        refuseIfShort(earlier);
        earlier.forEach(this::refuseIfMissingBefore);
        this.startNumber = earlier.isEmpty() ? 1 : earlier.get(earlier.size() - 1).number() + 1;
        int firstCycle = firstCycle(earlier);
        this.startPath = createStartFolder(firstCycle);
        deleteEmptyFolders(earlier);
        appendedPosition.set(Journal.position(firstCycle, 0));
        this.writer =
                new CycleWriter(
                        startPath, firstCycle, context.cycleBytes(), disk, context.documents());
        beginFirstCycle();
    }

    private void recover(StartFolder folder, boolean latest) throws IOException {
        Recovery recovery = new Recovery(folder, latest, context.scanFromPosition(), disk);
        for (CycleFile file : recovery.cycles()) {
            cycles.put(file.cycle(), file);
        }
    }

    /** What the projection has applied must be there, or have been deleted on purpose. */
    private void refuseIfShort(List<StartFolder> earlier) {
        long from = context.scanFromPosition();
        CycleFile file = cycles.get(Journal.cycle(from));
        boolean tooShort = file != null && file.endOffset() < Journal.fileOffset(from);
        boolean unknown =
                file == null
                        && Journal.fileOffset(from) > 0
                        && Journal.cycle(from) >= firstCycle(earlier);
        if (tooShort || unknown) {
            throw new CorruptJournalException(
                    "journal ends before what had been synced: file="
                            + (file == null ? context.folder() : file.path())
                            + " position="
                            + from);
        }
    }

    /**
     * The folder of a start may be gone, if nothing was in it or nothing of it is needed any more.
     */
    private void refuseIfMissingBefore(StartFolder folder) {
        FolderRecord start = folder.start();
        int before = start == null ? 0 : start.cycleBefore();
        boolean isNeeded = before >= Journal.cycle(context.scanFromPosition());
        if (before > 0 && isNeeded && !cycles.containsKey(before)) {
            throw new CorruptJournalException(
                    "journal file is missing: file="
                            + CycleNumbering.fileName(before)
                            + " inFolderBefore="
                            + folder.path()
                            + " position="
                            + Journal.position(before, 0));
        }
    }

    private static int firstCycle(List<StartFolder> earlier) {
        int highest = CycleNumbering.FIRST_CYCLE - 1;
        for (StartFolder folder : earlier) {
            highest = Math.max(highest, folder.highestCycle());
        }
        return highest + 1;
    }

    private Path createStartFolder(int firstCycle) throws IOException {
        Path path = StartFolder.path(context.folder(), startNumber);
        disk.createFolder(path);
        int cycleBefore = cycles.isEmpty() ? 0 : cycles.lastKey();
        long firstPosition = Journal.position(firstCycle, 0);
        new FolderRecord(firstPosition, context.cycleBytes(), startNumber, cycleBefore)
                .write(path, FolderRecord.START, disk);
        disk.forceFolder(context.folder());
        return path;
    }

    /** After START of the new folder is stable: it keeps the cycle numbers growing. */
    private static void deleteEmptyFolders(List<StartFolder> earlier) throws IOException {
        for (StartFolder folder : earlier) {
            if (folder.cyclePaths().isEmpty()) {
                folder.delete();
            }
        }
    }

    /** So that the first append is as fast as any; without space, appends will be refused. */
    private void beginFirstCycle() throws IOException {
        try {
            roll(false);
            // What is called synced must be: the projection will hold us to it after a power cut.
            sync();
        } catch (IOException | RuntimeException | Error e) {
            writer.close();
            abandonAll(e);
            throw e;
        }
    }

    private void abandonAll(Throwable failed) {
        for (ActiveCycle active : unfinished.values()) {
            try {
                active.abandon();
            } catch (IOException e) {
                failed.addSuppressed(e);
            }
        }
        retireAll();
    }

    /** Bytes of the disk that one cycle's file takes. */
    public static long allocatedBytes(long cycleBytes) {
        return CycleWriter.allocatedBytes(cycleBytes);
    }

    /** Bytes at the end of a cycle that record batches leave to other entries. */
    public static long keptBytes(long cycleBytes) {
        return CycleWriter.keptBytes(cycleBytes);
    }

    @Override
    public long append(
            EntryType type,
            long topicId,
            int partition,
            long baseOffset,
            int leaderEpoch,
            ByteBuffer payload) {
        checkUsable();
        checkLength(type, payload.remaining());
        try {
            if (!hasRoom(type, Envelope.entryLength(payload.remaining()))) {
                return OUT_OF_SPACE;
            }
            return write(type, topicId, partition, baseOffset, leaderEpoch, payload);
        } catch (IOException | RuntimeException | Error e) {
            throw fail("journal append failed", e);
        }
    }

    /**
     * Records stop at the reserve. Everything else may use it up: with what the reserve is kept
     * for, deleting records and topics, space comes back.
     */
    private boolean hasRoom(EntryType type, int entryLength) throws IOException {
        boolean mayUseReserve = type != EntryType.BATCH;
        if (!mayUseReserve && usingReserve) {
            usingReserve = isSpaceShort(context.diskReserveBytes());
        }
        if (usingReserve && !mayUseReserve) {
            return false;
        }
        return writer.fits(type, entryLength) || roll(mayUseReserve);
    }

    private boolean isSpaceShort(long bytesNeeded) throws IOException {
        return disk.usableBytes(startPath) < bytesNeeded;
    }

    private long write(
            EntryType type,
            long topicId,
            int partition,
            long baseOffset,
            int leaderEpoch,
            ByteBuffer payload)
            throws IOException {
        long synced = syncedPosition.getAcquire();
        long offset =
                writer.append(
                        type,
                        topicId,
                        partition,
                        baseOffset,
                        leaderEpoch,
                        payload,
                        synced,
                        type == EntryType.BATCH ? context.clockMs().getAsLong() : 0);
        int cycle = Journal.cycle(appendedPosition.getPlain());
        publish(cycle, writer.endOffset());
        return Journal.position(cycle, offset);
    }

    /** Release: the entry's bytes are in the file before the syncer sees the position. */
    private void publish(int cycle, long endOffset) {
        appendedPosition.setRelease(Journal.position(cycle, endOffset));
    }

    private void checkLength(EntryType type, int payloadLength) {
        if (payloadLength > context.cycleBytes() / 4) {
            throw new IllegalArgumentException(
                    "payload is longer than a quarter of a cycle: length="
                            + payloadLength
                            + " cycleBytes="
                            + context.cycleBytes());
        }
        if (type == EntryType.BATCH && payloadLength < BatchHeader.LENGTH) {
            throw new IllegalArgumentException("not a record batch: length=" + payloadLength);
        }
    }

    /** Begins the next cycle; false if the disk's reserve forbids it. */
    private boolean roll(boolean mayUseReserve) throws IOException {
        long needed = CycleWriter.allocatedBytes(context.cycleBytes());
        boolean reserveNeeded = isSpaceShort(needed + context.diskReserveBytes());
        if (reserveNeeded && !(mayUseReserve && !isSpaceShort(needed))) {
            return false;
        }
        usingReserve = reserveNeeded;
        endCurrent();
        ActiveCycle begun;
        try {
            begun = writer.roll();
        } catch (IOException e) {
            // Nothing is written: as if the reserve had been reached, but it should be known why.
            reportRefusal(e);
            return false;
        }
        cycles.put(begun.cycle(), begun.file());
        unfinished.put(begun.cycle(), begun);
        makeLeasable(begun);
        refusalReported = false;
        publish(begun.cycle(), writer.endOffset());
        return true;
    }

    /** Once until a cycle can be begun again: every refused append would say the same. */
    private void reportRefusal(IOException e) {
        if (!refusalReported) {
            refusalReported = true;
            LOG.warn(
                    "cannot allocate a journal cycle: folder={} cause={}", startPath, e.toString());
        }
    }

    private void endCurrent() {
        ActiveCycle ended = writer.current();
        if (ended != null) {
            ended.file().endOffset(writer.endOffset());
        }
    }

    private void makeLeasable(ActiveCycle begun) {
        int mask = recent.length() - 1;
        int leaving = begun.cycle() - context.recentWindowCycles();
        ActiveCycle old = recent.get(leaving & mask);
        if (old != null && old.cycle() == leaving) {
            recent.set(leaving & mask, null);
            old.retire();
        }
        recent.set(begun.cycle() & mask, begun);
    }

    @Override
    public long appendedPosition() {
        return appendedPosition.getAcquire();
    }

    /** Acquire: whoever sees the position may act on the bytes below being stable. */
    @Override
    public long syncedPosition() {
        return syncedPosition.getAcquire();
    }

    @Override
    public long sync() {
        synchronized (syncLock) {
            checkUsable();
            long target = appendedPosition.getAcquire();
            if (target != syncedPosition.getPlain()) {
                try {
                    forceTo(Journal.cycle(target));
                } catch (IOException | RuntimeException | Error e) {
                    throw fail("journal force failed", e);
                }
                syncedPosition.setRelease(target);
            }
            return target;
        }
    }

    /** In order of cycles: nothing of a cycle counts as stable before all of the one before. */
    private void forceTo(int cycle) throws IOException {
        for (ActiveCycle active : unfinished.headMap(cycle, true).values()) {
            active.force();
            if (active.cycle() < cycle) {
                // With the end-of-cycle header, which Chronicle wrote before it began the next.
                active.finish(active.file().endOffset() + Integer.BYTES);
                unfinished.remove(active.cycle());
            }
        }
    }

    @Override
    public @Nullable JournalLease lease(long position) {
        int cycle = Journal.cycle(position);
        ActiveCycle active = recent.get(cycle & (recent.length() - 1));
        return active != null && active.cycle() == cycle ? active.lease() : null;
    }

    @Override
    public ColdFile openCold(int cycle) throws IOException {
        return new ColdCycle(existing(cycle).path(), disk);
    }

    @Override
    public long[] cutOuts(int cycle) throws IOException {
        try (CycleReader reader = new CycleReader(existing(cycle).path(), cycle, disk)) {
            return reader.cutOuts();
        }
    }

    private CycleFile existing(int cycle) throws IOException {
        CycleFile file = cycles.get(cycle);
        if (file == null) {
            throw new IOException(
                    "journal file is missing: " + describe(Journal.position(cycle, 0)));
        }
        return file;
    }

    @Override
    public String describe(long position) {
        CycleFile file = cycles.get(Journal.cycle(position));
        Path path =
                file == null
                        ? context.folder().resolve(CycleNumbering.fileName(Journal.cycle(position)))
                        : file.path();
        return "file=" + path + " offset=" + Journal.fileOffset(position);
    }

    @Override
    public void replay(long fromPosition, long toPosition, EntryHandler handler)
            throws IOException {
        long end = Math.min(toPosition, appendedPosition());
        int firstCycle = Journal.cycle(fromPosition);
        for (CycleFile file : cycles.tailMap(firstCycle, true).values()) {
            if (Journal.position(file.cycle(), 0) >= end) {
                return;
            }
            long from = file.cycle() == firstCycle ? Journal.fileOffset(fromPosition) : 0;
            replayCycle(file, from, end, handler);
        }
    }

    private void replayCycle(CycleFile file, long from, long end, EntryHandler handler)
            throws IOException {
        int cycle = file.cycle();
        long limit = cycle == Journal.cycle(end) ? Journal.fileOffset(end) : file.endOffset();
        if (from >= limit) {
            return;
        }
        try (JournalLease mapping = lease(Journal.position(cycle, 0))) {
            if (mapping != null) {
                new MappedEntries(file.path(), cycle, mapping.buffer())
                        .replay(from, limit, handler);
                return;
            }
        }
        try (CycleReader reader = new CycleReader(file.path(), cycle, disk)) {
            reader.seek(from);
            while (reader.offset() < limit) {
                if (reader.next() != CycleReader.Found.ENTRY) {
                    requireEnd(reader, limit);
                    return;
                }
                if (reader.entryOffset() >= from && reader.entryOffset() < limit) {
                    handOver(reader, cycle, handler);
                }
            }
        }
    }

    /** Chronicle's own documents may stand between the last entry and the end. */
    private static void requireEnd(CycleReader reader, long limit) {
        if (reader.offset() < limit) {
            String reason = reader.reason().isEmpty() ? "entries are missing" : reader.reason();
            throw reader.corrupt("journal is damaged: reason=" + reason.replace(' ', '_'));
        }
    }

    private static void handOver(CycleReader reader, int cycle, EntryHandler handler) {
        Envelope envelope = reader.envelope();
        handler.onEntry(
                Journal.position(cycle, reader.entryOffset()),
                EntryType.of(envelope.type()),
                envelope.topicId(),
                envelope.partition(),
                envelope.baseOffset(),
                envelope.leaderEpoch(),
                envelope.appendTimeMs(),
                reader.payload());
    }

    @Override
    public long firstPosition() {
        return cycles.isEmpty() ? appendedPosition() : Journal.position(cycles.firstKey(), 0);
    }

    @Override
    public List<JournalFile> files(long toPosition) throws IOException {
        return CutFiles.of(context.folder(), toPosition, disk);
    }

    @Override
    public List<Cycle> cycles() {
        long end = appendedPosition();
        List<Cycle> list = new ArrayList<>();
        for (CycleFile file : cycles.values()) {
            boolean current = file.cycle() == Journal.cycle(end);
            list.add(new Cycle(file.cycle(), current ? Journal.fileOffset(end) : file.endOffset()));
        }
        return list;
    }

    /**
     * {@inheritDoc}
     *
     * @throws IllegalArgumentException if it is being appended to, or not yet synced
     */
    @Override
    public void deleteCycle(int cycle) throws IOException {
        CycleFile file;
        synchronized (syncLock) {
            if (unfinished.containsKey(cycle)) {
                throw new IllegalArgumentException("cycle is in use: cycle=" + cycle);
            }
            file = cycles.get(cycle);
        }
        if (file != null) { // without the lock: to free a file takes long, and forces wait for it
            retire(cycle);
            delete(file.path());
            cycles.remove(cycle); // not before: a file that could not be deleted stays known
        }
    }

    private void delete(Path file) throws IOException {
        try {
            disk.delete(file);
        } catch (NoSuchFileException e) {
            LOG.debug("was deleted before: file={}", file);
        }
    }

    private void retire(int cycle) {
        int slot = cycle & (recent.length() - 1);
        ActiveCycle active = recent.get(slot);
        if (active != null && active.cycle() == cycle && recent.compareAndSet(slot, active, null)) {
            active.retire();
        }
    }

    @Override
    public long lengthOnDisk() {
        long sum = 0;
        for (CycleFile file : cycles.values()) {
            sum += file.lengthOnDisk();
        }
        return sum;
    }

    private void checkUsable() {
        JournalFailedException earlier = failure;
        if (earlier != null) {
            throw new JournalFailedException("journal has failed before", earlier);
        }
        if (closed) {
            throw new IllegalStateException("journal is closed: folder=" + context.folder());
        }
    }

    private JournalFailedException fail(String what, Throwable cause) {
        JournalFailedException failed =
                new JournalFailedException(what + ": folder=" + startPath, cause);
        failure = failed;
        return failed;
    }

    @Override
    public void close() {
        synchronized (syncLock) {
            if (closed) {
                return;
            }
            try {
                if (failure == null) {
                    sync();
                }
            } finally {
                closed = true;
                release();
            }
        }
    }

    /** Whatever fails, everything else is let go: the next start must find the folder free. */
    private void release() {
        try {
            try {
                writer.close();
                closeFiles();
                recordEnd();
            } finally {
                retireAll();
                lockChannel.close();
            }
        } catch (IOException e) {
            throw fail("journal could not be closed", e);
        }
    }

    private void recordEnd() throws IOException {
        if (failure == null) {
            new FolderRecord(appendedPosition.get(), FolderRecord.CLEAN, startNumber, 0)
                    .write(startPath, FolderRecord.END, disk);
        }
    }

    private void closeFiles() {
        for (ActiveCycle active : unfinished.values()) {
            try {
                closeFile(active);
            } catch (IOException e) {
                fail("journal file could not be closed", e);
            }
        }
    }

    private void closeFile(ActiveCycle active) throws IOException {
        if (failure == null) {
            active.finish(Journal.fileOffset(appendedPosition.get()));
        } else {
            active.abandon();
        }
    }

    private void retireAll() {
        for (int i = 0; i < recent.length(); i++) {
            ActiveCycle active = recent.getAndSet(i, null);
            if (active != null) {
                active.retire();
            }
        }
    }
}
