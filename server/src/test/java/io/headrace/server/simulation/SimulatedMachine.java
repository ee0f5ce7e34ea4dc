package io.headrace.server.simulation;

import io.headrace.engine.spi.Disk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A machine with a clock and a disk, of which everything is known: what was written, what was
 * forced, and so what a crash would leave. Each call that changes the disk can be made the last one
 * of a process, or to fail.
 *
 * <p>A killed process leaves all that it wrote. A power cut leaves of each file what was forced,
 * with a coin tossed for each sector that was written since, and of the names what was forced, with
 * some of the changes since, in order.
 *
 * <p>Used by one thread.
 */
final class SimulatedMachine implements Disk {
    static final String FAILURE = "injected failure";

    private static final String STORE = "store";
    private static final int SECTOR = 512;
    private static final byte[] NOTHING = {};

    private final SimulatedFileSystem fileSystem = new SimulatedFileSystem(this);
    private final Node root = new Node(true);
    private final Trace trace;
    private final Random random;
    private final MappedArena arena;

    /** Changes of names that were not forced, oldest first. */
    private final List<Change> changes = new ArrayList<>();

    private long uptimeNs = 1;
    private long skewMs;
    private int boot = 1;

    /** The process that runs; files that an earlier one had open are of no use any more. */
    private int process;

    private boolean isDead;
    private int calls;
    private int lastCall = Integer.MAX_VALUE;
    private int faultyCall = Integer.MAX_VALUE;

    /** The calls of this process that failed. */
    private final List<Fault> faults = new ArrayList<>();

    private int faultCount;
    private long usableBytes = Long.MAX_VALUE;

    /** A call that failed. */
    record Fault(String what, String on) {
        /** What makes no file durable, and no store's own file, is tried again instead. */
        private static final Set<String> TRIED_AGAIN =
                Set.of("allocate", "create mapped", "create", "delete");

        boolean isOfDatabase() {
            return on.contains("/journal/") || on.contains("/rocksdb");
        }

        boolean isFatal() {
            return on.contains("/rocksdb")
                    || on.contains("/journal/") && !TRIED_AGAIN.contains(what);
        }
    }

    /** A file or folder, whatever its name is. */
    static final class Node {
        private final boolean isFolder;
        private final Map<String, Node> names = new TreeMap<>();
        private final Map<String, Node> forcedNames = new TreeMap<>();
        private ByteBuffer bytes = ByteBuffer.wrap(NOTHING);
        private int length;
        private byte[] forced = NOTHING;
        private boolean isMapped;

        Node(boolean isFolder) {
            this.isFolder = isFolder;
        }

        boolean isFolder() {
            return isFolder;
        }

        long length() {
            return length;
        }

        private void ensureCapacity(int capacity) {
            if (capacity > bytes.capacity()) {
                if (isMapped) {
                    throw new IllegalStateException("a mapped file does not grow");
                }
                byte[] longer = new byte[Math.max(capacity, 2 * bytes.capacity())];
                bytes.get(0, longer, 0, length);
                bytes = ByteBuffer.wrap(longer);
            }
        }

        long usedBytes() {
            if (isFolder) {
                return names.values().stream().mapToLong(Node::usedBytes).sum();
            }
            int used = length;
            while (used > 0 && bytes.get(used - 1) == 0) {
                used--;
            }
            return used;
        }

        private byte[] content() {
            byte[] content = new byte[length];
            bytes.get(0, content);
            return content;
        }

        private void content(byte[] content) {
            length = 0;
            ensureCapacity(content.length);
            bytes.put(0, content);
            for (int at = content.length; at < bytes.capacity(); at++) {
                bytes.put(at, (byte) 0);
            }
            length = content.length;
        }

        private void truncate(int to) {
            for (int at = to; at < length; at++) {
                bytes.put(at, (byte) 0);
            }
            length = Math.min(length, to);
        }
    }

    /**
     * A name that was given, or taken if there is no node.
     *
     * @param takenFrom the name that the node had before
     */
    private record Change(
            Node folder, String name, @Nullable Node given, @Nullable String takenFrom) {
        void apply() {
            if (takenFrom != null) {
                folder.forcedNames.remove(takenFrom);
            }
            if (given == null) {
                folder.forcedNames.remove(name);
            } else {
                folder.forcedNames.put(name, given);
            }
        }
    }

    SimulatedMachine(Trace trace, Random random, MappedArena arena) {
        this.trace = trace;
        this.random = random;
        this.arena = arena;
        createRoot();
    }

    /** There when the machine was set up. */
    private void createRoot() {
        Node home = new Node(true);
        root.names.put("data", home);
        root.forcedNames.put("data", home);
    }

    Path path(String text) {
        return fileSystem.getPath(text);
    }

    // The clock.

    long nanoTime() {
        return uptimeNs;
    }

    long uptimeMs() {
        return TimeUnit.NANOSECONDS.toMillis(uptimeNs);
    }

    long clockMs() {
        return 1_800_000_000_000L + uptimeMs() + skewMs;
    }

    void pass(long ns) {
        uptimeNs += ns;
    }

    void setClockForward(long ms) {
        skewMs += ms;
    }

    /** How far the clock was set ahead. */
    long aheadNs() {
        return TimeUnit.MILLISECONDS.toNanos(skewMs);
    }

    String bootId() {
        return "boot-" + boot;
    }

    // The process.

    /** A process begins. */
    void begin() {
        process++;
        isDead = false;
        calls = 0;
        lastCall = Integer.MAX_VALUE;
        faultyCall = Integer.MAX_VALUE;
        faults.clear();
        usableBytes = Long.MAX_VALUE;
    }

    /** Lets the process be killed at the call of that number, from its begin on. */
    void dieAt(int call) {
        lastCall = call;
    }

    /** Lets so many calls fail from that number on. */
    void failAt(int call, int count) {
        faultyCall = call;
        faultCount = count;
    }

    boolean isFaultHit() {
        return !faults.isEmpty();
    }

    List<Fault> faults() {
        return faults;
    }

    /** Whether a call failed after which the process may end. */
    boolean isFaultFatal() {
        return faults.stream().anyMatch(Fault::isFatal);
    }

    /** Whether a call failed without which a stop may be none that is clean. */
    boolean isFaultSpoilingStop() {
        return faults.stream().anyMatch(Fault::isOfDatabase);
    }

    void die() {
        isDead = true;
    }

    boolean isDead() {
        return isDead;
    }

    int calls() {
        return calls;
    }

    void usableBytes(long bytes) {
        usableBytes = bytes;
    }

    long usableBytes() {
        return usableBytes;
    }

    /** A folder of files is gone, names and all. */
    void lose(Path folder) {
        Node parent = find((SimulatedPath) Disk.parent(folder));
        if (parent != null) {
            String name = name((SimulatedPath) folder);
            parent.names.remove(name);
            parent.forcedNames.remove(name);
            changes.removeIf(change -> change.folder == parent && change.name.equals(name));
        }
    }

    /** The files in a folder and those in it, by their whole names. */
    List<String> files(Path folder) {
        List<String> found = new ArrayList<>();
        Node node = find((SimulatedPath) folder);
        if (node != null) {
            node.names.forEach(
                    (name, child) -> {
                        if (child.isFolder) {
                            found.addAll(files(folder.resolve(name)));
                        } else {
                            found.add(folder.resolve(name).toString());
                        }
                    });
        }
        return found;
    }

    /** Bytes of the files in a folder and those in it, without the zeros at their ends. */
    long usedBytes(Path folder) {
        Node node = find((SimulatedPath) folder);
        return node == null ? 0 : node.usedBytes();
    }

    /** What is in a file; null if it is not there. */
    byte @Nullable [] content(Path file) {
        Node node = find((SimulatedPath) file);
        return node == null ? null : node.content();
    }

    /** Puts something else into a file that is there, durably; false if it is not. */
    boolean replaceContent(Path file, byte[] content) {
        Node node = find((SimulatedPath) file);
        if (node != null) {
            node.content(content);
            node.forced = content;
        }
        return node != null;
    }

    int boot() {
        return boot;
    }

    /** The power goes, and comes back: only what had been forced is sure to be there. */
    void cutPower() {
        isDead = true;
        boot++;
        int kept = changes.isEmpty() ? 0 : random.nextInt(changes.size() + 1);
        changes.subList(0, kept).forEach(Change::apply);
        changes.clear();
        restart(root);
    }

    private void restart(Node node) {
        if (node.isFolder) {
            node.names.clear();
            node.names.putAll(node.forcedNames);
            node.names.values().forEach(this::restart);
        } else {
            node.forced = surviving(node);
            node.content(node.forced);
        }
    }

    private byte[] surviving(Node node) {
        byte[] now = node.content();
        byte[] forced = node.forced;
        if (Arrays.equals(now, forced)) {
            return forced;
        }
        byte[] found = Arrays.copyOf(forced, random.nextBoolean() ? now.length : forced.length);
        for (int at = 0; at < Math.min(found.length, now.length); at += SECTOR) {
            int end = Math.min(at + SECTOR, Math.min(found.length, now.length));
            boolean same =
                    at < forced.length
                            && Arrays.equals(
                                    now, at, end, forced, at, Math.min(end, forced.length));
            if (!same && random.nextBoolean()) {
                System.arraycopy(now, at, found, at, end - at);
            }
        }
        return found;
    }

    /** Counts a call that changes the disk; it may be the process's last, or fail. */
    private void enter(int caller, String what, Object on) throws IOException {
        if (isDead || caller != process) {
            throw new SimulatedCrash("after the end");
        }
        trace.note(what, on);
        if (++calls == lastCall) {
            isDead = true;
            trace.note("dies at", what);
            throw new SimulatedCrash(what + " " + on);
        }
        boolean isFaulty = calls >= faultyCall && calls < faultyCall + faultCount;
        if (isFaulty && !what.equals(STORE)) { // a store does not fail
            faults.add(new Fault(what, on.toString()));
            trace.note("fails at", what);
            throw new IOException(FAILURE + ": " + what + " " + on);
        }
    }

    private void enter(String what, Object on) throws IOException {
        enter(process, what, on);
    }

    // Names.

    @Nullable Node find(SimulatedPath path) {
        Node node = root;
        for (String name : path.names()) {
            node = node.names.get(name);
            if (node == null) {
                return null;
            }
        }
        return node;
    }

    private Node require(SimulatedPath path) throws NoSuchFileException {
        Node node = find(path);
        if (node == null) {
            throw new NoSuchFileException(path.toString());
        }
        return node;
    }

    private Node parent(SimulatedPath path) throws NoSuchFileException {
        return require((SimulatedPath) Disk.parent(path));
    }

    private static String name(SimulatedPath path) {
        return path.names().get(path.names().size() - 1);
    }

    private Node add(SimulatedPath path, boolean isFolder) throws IOException {
        Node folder = parent(path);
        Node node = new Node(isFolder);
        folder.names.put(name(path), node);
        changes.add(new Change(folder, name(path), node, null));
        return node;
    }

    FileChannel open(SimulatedPath path, Set<? extends OpenOption> options) throws IOException {
        Node node = find(path);
        boolean isCreating =
                options.contains(StandardOpenOption.CREATE)
                        || options.contains(StandardOpenOption.CREATE_NEW);
        if (node == null && !isCreating) {
            throw new NoSuchFileException(path.toString());
        }
        if (node != null && options.contains(StandardOpenOption.CREATE_NEW)) {
            throw new FileAlreadyExistsException(path.toString());
        }
        if (node == null) {
            enter("create", path);
            node = add(path, false);
        } else if (options.contains(StandardOpenOption.TRUNCATE_EXISTING)) {
            enter("empty", path);
            node.truncate(0);
        }
        return new SimulatedChannel(this, node, path, process);
    }

    @Override
    public FileChannel open(Path file, OpenOption... options) throws IOException {
        return open((SimulatedPath) file, Set.of(options));
    }

    /** Bytes of a cycle file. */
    int cycleFileBytes() {
        return arena.pieceBytes();
    }

    /** Creates a cycle file as Chronicle does: of a fixed length, and mapped. */
    long createMapped(SimulatedPath path, int length) throws IOException {
        enter("create mapped", path);
        Node node = add(path, false);
        node.bytes = arena.take();
        node.isMapped = true;
        node.length = length;
        return MappedArena.address(node.bytes);
    }

    /** A point between two stores through a mapping, at which the process may die. */
    void store(SimulatedPath path, long offset) {
        try {
            enter(STORE, path);
        } catch (IOException e) {
            throw new IllegalStateException("offset=" + offset, e);
        }
    }

    @Override
    public void allocate(Path file, long length) throws IOException {
        enter("allocate", file);
    }

    List<Path> list(SimulatedPath folder) throws IOException {
        List<Path> children = new ArrayList<>();
        for (String name : require(folder).names.keySet()) {
            children.add(folder.resolve(name));
        }
        return children;
    }

    @Override
    public List<Path> list(Path folder) throws IOException {
        return list((SimulatedPath) folder);
    }

    void createFolder(SimulatedPath folder) throws IOException {
        if (find(folder) != null) {
            throw new FileAlreadyExistsException(folder.toString());
        }
        parent(folder);
        enter("create folder", folder);
        add(folder, true);
    }

    @Override
    public void createFolder(Path folder) throws IOException {
        createFolder((SimulatedPath) folder);
    }

    void move(SimulatedPath from, SimulatedPath to) throws IOException {
        Node node = require(from);
        Node folder = parent(to);
        if (folder != parent(from)) {
            throw new IOException("not simulated: from one folder to another");
        }
        enter("move", to);
        folder.names.remove(name(from));
        folder.names.put(name(to), node);
        changes.add(new Change(folder, name(to), node, name(from)));
    }

    @Override
    public void move(Path from, Path to) throws IOException {
        move((SimulatedPath) from, (SimulatedPath) to);
    }

    void delete(SimulatedPath path) throws IOException {
        Node node = require(path);
        if (!node.names.isEmpty()) {
            throw new DirectoryNotEmptyException(path.toString());
        }
        enter("delete", path);
        Node folder = parent(path);
        folder.names.remove(name(path));
        changes.add(new Change(folder, name(path), null, null));
    }

    @Override
    public void delete(Path path) throws IOException {
        delete((SimulatedPath) path);
    }

    @Override
    public void forceFolder(Path folder) throws IOException {
        forceFolder(require((SimulatedPath) folder), folder, process);
    }

    private void forceFolder(Node node, Path folder, int caller) throws IOException {
        enter(caller, "force folder", folder);
        changes.removeIf(
                change -> {
                    boolean isHere = change.folder == node;
                    if (isHere) {
                        change.apply();
                    }
                    return isHere;
                });
    }

    @Override
    public long usableBytes(Path folder) {
        return usableBytes;
    }

    // Files, through their channels.

    int read(Node node, ByteBuffer into, long offset) {
        if (offset >= node.length) {
            return into.hasRemaining() ? -1 : 0;
        }
        int count = (int) Math.min(part(into.remaining()), node.length - offset);
        into.put(into.position(), node.bytes, (int) offset, count);
        into.position(into.position() + count);
        return count;
    }

    int write(Node node, SimulatedPath path, int caller, ByteBuffer from, long offset)
            throws IOException {
        int count = part(from.remaining());
        try {
            enter(caller, "write", path);
        } catch (SimulatedCrash | IOException e) {
            if (caller == process && random.nextBoolean()) {
                put(node, from, offset, count / 2);
            }
            throw e;
        }
        put(node, from, offset, count);
        from.position(from.position() + count);
        return count;
    }

    private static void put(Node node, ByteBuffer from, long offset, int count) {
        int end = (int) offset + count;
        node.ensureCapacity(end);
        node.bytes.put((int) offset, from, from.position(), count);
        node.length = Math.max(node.length, end);
    }

    /** How many of so many bytes a read or write does: seldom not all. */
    private int part(int length) {
        return length < 2 || random.nextInt(32) != 0 ? length : 1 + random.nextInt(length - 1);
    }

    void truncate(Node node, SimulatedPath path, int caller, long length) throws IOException {
        enter(caller, "truncate", path);
        node.truncate((int) Math.min(length, node.length));
    }

    void force(Node node, SimulatedPath path, int caller) throws IOException {
        if (node.isFolder) {
            forceFolder(node, path, caller);
            return;
        }
        enter(caller, "force", path);
        node.forced = node.content();
    }

    java.nio.MappedByteBuffer map(Node node, long length) throws IOException {
        return arena.map(node.bytes, (int) length);
    }
}
