package io.headrace.engine.spi;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A metadata store on the heap, so that tests of the engine need no native library. A flush writes
 * all of it to one file; a store that is dropped without {@link #close} is a crash, and reopening
 * its folder finds what was flushed last.
 */
public final class HeapMetadataStore implements MetadataStore {
    private static final String FILE = "entries";

    private final Path folder;
    private final Disk disk;
    private NavigableMap<byte[], byte[]> entries;

    /** A cursor reads {@link #entries}: the next write copies them first. */
    private boolean shared;

    private boolean closed;

    private HeapMetadataStore(Path folder, NavigableMap<byte[], byte[]> entries, Disk disk) {
        this.folder = folder;
        this.disk = disk;
        this.entries = entries;
    }

    /** Opens the store in a folder, which is created if it is not there. */
    public static HeapMetadataStore open(Path folder) {
        return open(folder, Disk.SYSTEM);
    }

    /** As {@link #open(Path)}, by the calls of a disk. */
    public static HeapMetadataStore open(Path folder, Disk disk) {
        try {
            disk.createFolders(folder);
            return new HeapMetadataStore(folder, read(folder.resolve(FILE), disk), disk);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    @Override
    public synchronized byte @Nullable [] get(byte[] key) {
        checkOpen();
        byte[] value = entries.get(key);
        return value == null ? null : value.clone();
    }

    @Override
    public Batch newBatch() {
        return new HeapBatch();
    }

    @Override
    public synchronized void write(Batch batch) {
        checkOpen();
        if (shared) {
            entries = new TreeMap<>(entries);
            shared = false;
        }
        ((HeapBatch) batch).changes.forEach(change -> change.accept(entries));
    }

    @Override
    public synchronized Cursor cursor() {
        checkOpen();
        shared = true;
        return new HeapCursor(entries);
    }

    @Override
    public synchronized Cursor cursor(byte[] prefix) {
        checkOpen();
        shared = true;
        NavigableMap<byte[], byte[]> from = entries.tailMap(prefix, true);
        byte[] end = successor(prefix);
        return new HeapCursor(end == null ? from : from.headMap(end, false));
    }

    /** The first key after all that begin with the prefix, or null if there is none. */
    private static byte @Nullable [] successor(byte[] prefix) {
        for (int length = prefix.length; length > 0; length--) {
            if (prefix[length - 1] != (byte) 0xFF) {
                byte[] end = Arrays.copyOf(prefix, length);
                end[length - 1]++;
                return end;
            }
        }
        return null;
    }

    @Override
    public synchronized void flush() {
        checkOpen();
        save(folder);
    }

    @Override
    public synchronized void checkpoint(Path target) {
        checkOpen();
        Path temporary = CheckpointFolder.temporaryFor(target, disk);
        try {
            disk.createFolders(temporary);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
        save(temporary);
        CheckpointFolder.seal(temporary, target, disk);
    }

    @Override
    public synchronized long memoryBytes() {
        return entries.entrySet().stream()
                .mapToLong(each -> each.getKey().length + each.getValue().length)
                .sum();
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            save(folder);
            closed = true;
        }
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("metadata store is closed");
        }
    }

    private void save(Path into) {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(content)) {
            out.writeInt(entries.size());
            for (Map.Entry<byte[], byte[]> each : entries.entrySet()) {
                writeBytes(out, each.getKey());
                writeBytes(out, each.getValue());
            }
            disk.replace(into.resolve(FILE), content.toByteArray());
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private static NavigableMap<byte[], byte[]> read(Path file, Disk disk) throws IOException {
        NavigableMap<byte[], byte[]> entries = new TreeMap<>(Arrays::compareUnsigned);
        byte[] content = disk.readIfExists(file);
        if (content == null) {
            return entries;
        }
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(content))) {
            for (int left = in.readInt(); left > 0; left--) {
                byte[] key = in.readNBytes(in.readInt());
                entries.put(key, in.readNBytes(in.readInt()));
            }
        }
        return entries;
    }

    private static void writeBytes(DataOutputStream out, byte[] bytes) throws IOException {
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    private static final class HeapBatch implements Batch {
        private final List<Consumer<NavigableMap<byte[], byte[]>>> changes = new ArrayList<>();

        @Override
        public void put(ByteBuffer key, ByteBuffer value) {
            byte[] keyBytes = new byte[key.remaining()];
            byte[] valueBytes = new byte[value.remaining()];
            key.get(key.position(), keyBytes);
            value.get(value.position(), valueBytes);
            changes.add(map -> map.put(keyBytes, valueBytes));
        }

        @Override
        public void put(byte[] key, byte[] value) {
            put(ByteBuffer.wrap(key), ByteBuffer.wrap(value));
        }

        @Override
        public void delete(byte[] key) {
            byte[] copy = key.clone();
            changes.add(map -> map.remove(copy));
        }

        @Override
        public void deleteRange(byte[] fromKey, byte[] toKey) {
            byte[] from = fromKey.clone();
            byte[] to = toKey.clone();
            changes.add(map -> map.subMap(from, to).clear());
        }

        @Override
        public int count() {
            return changes.size();
        }

        @Override
        public void clear() {
            changes.clear();
        }

        @Override
        public void close() {
            changes.clear();
        }
    }

    private static final class HeapCursor implements Cursor {
        private final NavigableMap<byte[], byte[]> entries;
        private Map.@Nullable Entry<byte[], byte[]> here;

        private HeapCursor(NavigableMap<byte[], byte[]> entries) {
            this.entries = entries;
        }

        @Override
        public boolean seek(byte[] key) {
            return moveTo(entries.ceilingEntry(key));
        }

        @Override
        public boolean seekForPrevious(byte[] key) {
            return moveTo(entries.floorEntry(key));
        }

        @Override
        public boolean next() {
            return moveTo(entries.higherEntry(here().getKey()));
        }

        @Override
        public boolean previous() {
            return moveTo(entries.lowerEntry(here().getKey()));
        }

        @Override
        public byte[] key() {
            return here().getKey().clone();
        }

        @Override
        public byte[] value() {
            return here().getValue().clone();
        }

        @Override
        public void close() {
            here = null;
        }

        private boolean moveTo(Map.@Nullable Entry<byte[], byte[]> entry) {
            here = entry;
            return entry != null;
        }

        private Map.Entry<byte[], byte[]> here() {
            if (here == null) {
                throw new IllegalStateException("cursor is at no key: seek first");
            }
            return here;
        }
    }
}
