package io.headrace.engine.testing;

import io.headrace.engine.spi.Disk;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The real file system below one folder, on which each call can be made to fail, and which knows
 * what a power cut would leave of it.
 *
 * <p>What a force does is noted, not done: tests cut the power of this disk, not of the machine.
 *
 * <p>Calls are counted from 1. Short reads and writes, which every caller has to expect, and pauses
 * are dealt out by a seed all the time. A force that failed has lost what it was asked for, as on
 * Linux: the file reads as if nothing had happened, and another force writes only what was written
 * since. One with nothing written since counts as a {@linkplain #retriedForces breach}.
 *
 * <p>Thread-safe.
 */
public final class FaultyDisk implements Disk {
    /** What an injected failure says. */
    public static final String FAILURE = "injected failure";

    private static final long HOLD_SECONDS_MAX = 60;
    private static final long PAUSE_NS_MAX = 2_000_000;
    private static final int PAUSED_ONE_IN = 20;

    /** What happens at the chosen call. */
    public enum Fault {
        /** It fails, and the disk goes on. */
        FAIL,
        /** It fails, and so does every later one. */
        DIE,
        /** If it is a write, a part of it is done; then as {@link #DIE}. */
        TEAR
    }

    private final Path root;
    private final PowerlessTree tree;
    private final Random random;

    private int calls;
    private int faultyCall = Integer.MAX_VALUE;
    private Fault fault = Fault.FAIL;
    private String faultyCallName = "";
    private boolean dead;
    private int retriedForces;
    private int forces;
    private @Nullable CountDownLatch heldForces;

    private boolean isPausing;
    private boolean allocationFails;
    private long usableBytes = Long.MAX_VALUE;
    private long capacityBytes = Long.MAX_VALUE;

    /**
     * @param root of the folders that a power cut concerns
     */
    public FaultyDisk(Path root, long seed) {
        this.root = root;
        tree = new PowerlessTree(root);
        random = coin(seed);
    }

    /** Of which the first tosses differ for seeds that are neighbours, as Random's hardly do. */
    private static Random coin(long seed) {
        return new Random(new SplittableRandom(seed).nextLong());
    }

    /** Lets the call of that number, counted from now on, have a fault. */
    public synchronized FaultyDisk at(int call, Fault kind) {
        calls = 0;
        faultyCall = call;
        fault = kind;
        return this;
    }

    /** Some calls take a while. */
    public synchronized FaultyDisk pausing() {
        isPausing = true;
        return this;
    }

    /** From now on nothing works any more, as for a process that is gone. */
    public synchronized void die() {
        dead = true;
    }

    /** From now on everything works, for a process that comes after. */
    public synchronized void revive() {
        dead = false;
        faultyCall = Integer.MAX_VALUE;
    }

    /** Whether nothing works any more. */
    public synchronized boolean isDead() {
        return dead;
    }

    /** Lets allocations fail, as on a full disk. */
    public synchronized void allocationFails(boolean fails) {
        allocationFails = fails;
    }

    /** What is said to be free, at most. */
    public synchronized void usableBytes(long bytes) {
        usableBytes = bytes;
    }

    /** From now on, no more is said to be free than so many bytes less the root's files. */
    public synchronized void capacityBytes(long bytes) {
        capacityBytes = bytes;
    }

    /** Forces of files wait until {@link #releaseForces}. */
    public synchronized void holdForces() {
        heldForces = new CountDownLatch(1);
    }

    /** Lets the held forces go on. */
    public synchronized void releaseForces() {
        if (heldForces != null) {
            heldForces.countDown();
            heldForces = null;
        }
    }

    /** Calls so far. */
    public synchronized int calls() {
        return calls;
    }

    /** Forces of files so far. */
    public synchronized int forces() {
        return forces;
    }

    /** Forces that merely repeated one that had failed. */
    public synchronized int retriedForces() {
        return retriedForces;
    }

    /** The call that had the fault; empty if it was not reached. */
    public synchronized String faultyCallName() {
        return faultyCallName;
    }

    /** All that is there now, whoever has written it, outlives a power cut. */
    public void forceAll() throws IOException {
        List<Path> all;
        try (Stream<Path> paths = Files.walk(root)) {
            all = paths.toList();
        }
        for (Path each : all) {
            if (Files.isDirectory(each)) {
                tree.namesForced(each);
            } else {
                tree.seen(each);
                tree.forced(each);
            }
        }
    }

    /** Whether the call that was to have the fault was reached. */
    public boolean isReached() {
        return !faultyCallName().isEmpty();
    }

    /**
     * Writes to another folder what the disk would hold if the power had been cut now: what was
     * forced, and of the rest what a coin leaves, by the sector and, of names, up to one of the
     * changes.
     */
    public void afterPowerCut(Path into, Random coin) throws IOException {
        tree.write(into, coin(coin.nextLong()));
    }

    /** Counts a call, and fails if it is its turn. */
    private void enter(String name) throws IOException {
        if (isFaulty(name)) {
            throw new IOException(FAILURE + ": " + name);
        }
    }

    private boolean isFaulty(String name) throws IOException {
        long pauseNs = 0;
        synchronized (this) {
            if (dead) {
                throw new IOException(FAILURE + " before: " + name);
            }
            if (++calls == faultyCall) {
                faultyCallName = name;
                dead = fault != Fault.FAIL;
                return true;
            }
            if (isPausing && random.nextInt(PAUSED_ONE_IN) == 0) {
                pauseNs = (long) (random.nextDouble() * PAUSE_NS_MAX);
            }
        }
        if (pauseNs > 0) {
            LockSupport.parkNanos(pauseNs);
        }
        return false;
    }

    /** How many of so many bytes a read or write does. */
    synchronized int part(int length) {
        return length < 2 || random.nextInt(4) != 0 ? length : 1 + random.nextInt(length - 1);
    }

    private static String name(String call, Path path) {
        return call + " " + path.getFileName();
    }

    @Override
    public FileChannel open(Path file, OpenOption... options) throws IOException {
        enter(name("open", file));
        FileChannel channel = SYSTEM.open(file, options);
        tree.seen(file);
        return new FaultyChannel(this, file, channel);
    }

    void onRead(Path file) throws IOException {
        enter(name("read", file));
    }

    /** Whether the write is torn; a plain failure throws. */
    boolean isTorn(Path file) throws IOException {
        if (!isFaulty(name("write", file))) {
            return false;
        }
        if (fault == Fault.TEAR) {
            return true;
        }
        throw new IOException(FAILURE + ": " + name("write", file));
    }

    void truncate(Path file, FileChannel channel, long length) throws IOException {
        enter(name("truncate", file));
        channel.truncate(length);
    }

    void onWritten(Path file, long offset, long length) throws IOException {
        tree.written(file, offset, length);
    }

    void force(Path file) throws IOException {
        awaitRelease();
        countForce();
        if (isFaulty(name("force", file))) {
            tree.forceFailed(file);
            throw new IOException(FAILURE + ": " + name("force", file));
        }
        if (!tree.forced(file)) {
            countRetriedForce();
        }
    }

    private synchronized void countForce() {
        forces++;
    }

    private synchronized void countRetriedForce() {
        retriedForces++;
    }

    private void awaitRelease() throws IOException {
        CountDownLatch held;
        synchronized (this) {
            held = heldForces;
        }
        try {
            if (held != null && !held.await(HOLD_SECONDS_MAX, TimeUnit.SECONDS)) {
                throw new IOException("held for too long");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
    }

    @Override
    public void allocate(Path file, long length) throws IOException {
        enter(name("allocate", file));
        if (allocationFails) {
            throw new IOException(FAILURE);
        }
        SYSTEM.allocate(file, length);
    }

    @Override
    public List<Path> list(Path folder) throws IOException {
        enter(name("list", folder));
        return SYSTEM.list(folder);
    }

    @Override
    public void createFolder(Path folder) throws IOException {
        enter(name("create", folder));
        SYSTEM.createFolder(folder);
        tree.seen(folder);
    }

    @Override
    public void move(Path from, Path to) throws IOException {
        enter(name("move", from));
        tree.move(from, to, () -> SYSTEM.move(from, to));
    }

    @Override
    public void delete(Path path) throws IOException {
        enter(name("delete", path));
        tree.delete(path, () -> SYSTEM.delete(path));
    }

    @Override
    public void forceFolder(Path folder) throws IOException {
        enter(name("force folder", folder));
        tree.namesForced(folder);
    }

    @Override
    public long usableBytes(Path folder) throws IOException {
        enter(name("look for space in", folder));
        long usable = Math.min(usableBytes, SYSTEM.usableBytes(folder));
        return capacityBytes == Long.MAX_VALUE
                ? usable
                : Math.max(0, Math.min(usable, capacityBytes - usedBytes(root.toFile())));
    }

    /** Files go while they are looked at: then they are of no length. */
    private static long usedBytes(File file) {
        File[] children = file.listFiles();
        return children == null
                ? file.length()
                : Arrays.stream(children).mapToLong(FaultyDisk::usedBytes).sum();
    }

    /** Writes bytes somewhere, for a test that damages a file. */
    public static void overwrite(Path file, long offset, byte... bytes) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            Disk.write(channel, ByteBuffer.wrap(bytes), offset);
        }
    }

    /** Turns one bit of a file. */
    public static void flip(Path file, long bit) throws IOException {
        try (FileChannel channel =
                FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer one = ByteBuffer.allocate(1);
            Disk.read(channel, one, bit / Byte.SIZE);
            one.put(0, (byte) (one.get(0) ^ 1 << bit % Byte.SIZE)).rewind();
            Disk.write(channel, one, bit / Byte.SIZE);
        }
    }

    /** Copies a folder with all that is in it. */
    public static void copy(Path from, Path to) throws IOException {
        try (var paths = Files.walk(from)) {
            for (Path path : paths.sorted().toList()) {
                Files.copy(path, to.resolve(from.relativize(path).toString()));
            }
        }
    }
}
