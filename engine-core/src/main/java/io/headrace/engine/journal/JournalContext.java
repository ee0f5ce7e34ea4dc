package io.headrace.engine.journal;

import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.spi.Disk;
import java.nio.file.Path;
import java.util.Objects;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What a journal is opened with. Set, then {@link #conclude}d once by {@link
 * ChronicleJournal#open}, and not changed afterwards.
 */
public final class JournalContext {
    private static final long MIB = 1 << 20;

    private @Nullable Path folder;
    private long cycleBytes = 128 * MIB;
    private LongSupplier diskReserveBytes = () -> 256 * MIB;
    private int recentWindowCycles = 4;
    private long scanFromPosition;
    private Disk disk = Disk.SYSTEM;
    private LongSupplier clockMs = System::currentTimeMillis;
    private CycleDocuments.Factory documents = CycleDocuments.CHRONICLE;

    /**
     * Where the journal lives; created if it is not there. One process uses it at a time.
     *
     * @return this
     */
    public JournalContext folder(Path path) {
        this.folder = path;
        return this;
    }

    /** Where the journal lives. */
    public Path folder() {
        return Objects.requireNonNull(folder, "folder");
    }

    /**
     * Bytes of one cycle file before the next is begun; 1 MiB to 1 GiB, a multiple of 4096. A
     * payload may be as long as a quarter of it.
     *
     * @return this
     */
    public JournalContext cycleBytes(long bytes) {
        this.cycleBytes = bytes;
        return this;
    }

    /** Bytes of one cycle file. */
    public long cycleBytes() {
        return cycleBytes;
    }

    /**
     * Free bytes of the disk that are left when a new cycle has been allocated for record batches;
     * below it these are refused.
     *
     * @return this
     */
    public JournalContext diskReserveBytes(long bytes) {
        return diskReserveBytes(() -> bytes);
    }

    /**
     * As {@link #diskReserveBytes(long)}, for what changes.
     *
     * @param bytes asked by the appending thread, when it needs another cycle
     * @return this
     */
    public JournalContext diskReserveBytes(LongSupplier bytes) {
        this.diskReserveBytes = bytes;
        return this;
    }

    /** Free bytes of the disk that record batches leave now. */
    public long diskReserveBytes() {
        return diskReserveBytes.getAsLong();
    }

    /**
     * How many of the latest cycles can be leased, the one being appended to included; 1 to 1024.
     *
     * @return this
     */
    public JournalContext recentWindowCycles(int count) {
        this.recentWindowCycles = count;
        return this;
    }

    /** How many of the latest cycles can be leased. */
    public int recentWindowCycles() {
        return recentWindowCycles;
    }

    /**
     * Everything below is known to be good and synced, so that a recovery need not read it, or has
     * been deleted: the projection's applied position. Everything from here on has to be there. 0
     * for all.
     *
     * @return this
     */
    public JournalContext scanFromPosition(long position) {
        this.scanFromPosition = position;
        return this;
    }

    /** Everything below is known to be good and synced. */
    public long scanFromPosition() {
        return scanFromPosition;
    }

    /**
     * The calls to the disk.
     *
     * @return this
     */
    public JournalContext disk(Disk calls) {
        this.disk = calls;
        return this;
    }

    /** The calls to the disk. */
    public Disk disk() {
        return disk;
    }

    /**
     * The time that is noted with each batch, in milliseconds since 1970.
     *
     * @return this
     */
    public JournalContext clockMs(LongSupplier clock) {
        this.clockMs = clock;
        return this;
    }

    /** The time that is noted with each batch. */
    public LongSupplier clockMs() {
        return clockMs;
    }

    /**
     * Who lays out the documents in the cycle files; Chronicle Queue by default, another in
     * simulations.
     *
     * @return this
     */
    public JournalContext documents(CycleDocuments.Factory factory) {
        this.documents = factory;
        return this;
    }

    /** Who lays out the documents in the cycle files. */
    public CycleDocuments.Factory documents() {
        return documents;
    }

    /**
     * Checks every value.
     *
     * @return this
     * @throws InvalidConfigException naming the first bad one
     */
    public JournalContext conclude() {
        folder();
        check("cycleBytes", cycleBytes, MIB, 1024 * MIB);
        if (cycleBytes % 4096 != 0) {
            throw new InvalidConfigException(
                    "cycleBytes", Long.toString(cycleBytes), "a multiple of 4096");
        }
        check("diskReserveBytes", diskReserveBytes(), 0, Long.MAX_VALUE / 2);
        check("recentWindowCycles", recentWindowCycles, 1, 1024);
        check("scanFromPosition", scanFromPosition, 0, Long.MAX_VALUE);
        return this;
    }

    private static void check(String key, long value, long min, long max) {
        if (value < min || value > max) {
            throw new InvalidConfigException(key, Long.toString(value), min + " to " + max);
        }
    }
}
