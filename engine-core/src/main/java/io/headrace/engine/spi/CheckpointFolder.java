package io.headrace.engine.spi;

import io.headrace.engine.EngineException;
import io.headrace.engine.Experimental;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/**
 * A folder of plain files with a file of checksums beside them, complete or not there at all: what
 * {@link MetadataStore#checkpoint} leaves behind. Knows nothing of what the files mean.
 *
 * <p>{@value #CHECKSUMS} is text: a version line, one line {@code CRC32C LENGTH NAME} per file in
 * order of name, and last the CRC32C of all lines before it. Journal cycles are deleted on the
 * strength of a checkpoint, so every step is forced before the next one, and nothing is trusted
 * that was not read back by its checksum.
 *
 * <p>Stateless; one thread per folder. Blocks for the disk.
 */
@Experimental
public final class CheckpointFolder {
    /** Name of the file of checksums. */
    public static final String CHECKSUMS = "CHECKSUMS";

    private static final String VERSION_LINE = "headrace-checkpoint 1";
    private static final int COPY_LENGTH = 1 << 20;

    private CheckpointFolder() {}

    /**
     * One file of a checkpoint.
     *
     * @param crc CRC32C of its bytes
     * @param length in bytes
     */
    private record Entry(int crc, long length) {
        String line(String name) {
            return HexFormat.of().toHexDigits(crc) + " " + length + " " + name;
        }
    }

    /** The folder to fill before {@link #seal}: beside the target, emptied of earlier attempts. */
    public static Path temporaryFor(Path target, Disk disk) {
        Path temporary = target.resolveSibling(target.getFileName() + ".tmp");
        guarded("clear", temporary, () -> deleteFolder(temporary, disk));
        return temporary;
    }

    /**
     * Copies a flat folder, so that the two share no bytes on disk: what damages or truncates one
     * of them leaves the other whole.
     */
    public static void copyFiles(Path from, Path to, Disk disk) {
        guarded("copy", to, () -> copyAll(from, to, disk));
    }

    /**
     * Adds the checksums to a filled folder, forces all of it, and gives it its final name.
     *
     * @throws EngineException if the target exists already, or the disk failed
     */
    public static void seal(Path temporary, Path target, Disk disk) {
        guarded("seal", target, () -> sealFiles(temporary, target, disk));
    }

    /**
     * Reads every byte and compares it with the checksums.
     *
     * @throws EngineException naming the first file that is absent, foreign, or not what was
     *     written
     */
    public static void verify(Path folder, Disk disk) {
        guarded("verify", folder, () -> verifyFiles(folder, disk));
    }

    /**
     * Copies a checkpoint's files to a folder that does not exist yet, verifying each byte as it is
     * copied. The folder appears with its name only when it is complete and forced.
     *
     * @throws EngineException if the checkpoint is not sound, the folder exists, or the disk failed
     */
    public static void restore(Path checkpoint, Path liveFolder, Disk disk) {
        guarded("restore", checkpoint, () -> restoreFiles(checkpoint, liveFolder, disk));
    }

    /** Deletes a checkpoint, or what an interrupted one left; does nothing if it is not there. */
    public static void delete(Path folder, Disk disk) {
        guarded("delete", folder, () -> deleteFolder(folder, disk));
    }

    private static void sealFiles(Path temporary, Path target, Disk disk) throws IOException {
        if (Files.exists(target)) {
            throw new FileAlreadyExistsException(target.toString());
        }
        StringBuilder lines = new StringBuilder(VERSION_LINE).append('\n');
        for (Path file : disk.list(temporary)) {
            lines.append(forcedEntry(file, disk).line(nameOf(file))).append('\n');
        }
        writeForced(temporary.resolve(CHECKSUMS), lines + sumOf(lines.toString()) + "\n", disk);
        disk.forceFolder(temporary);
        disk.move(temporary, target);
        disk.forceFolder(Disk.parent(target));
    }

    private static void copyAll(Path from, Path to, Disk disk) throws IOException {
        disk.createFolders(to);
        for (Path file : disk.list(from)) {
            copy(file, to.resolve(nameOf(file)), disk);
        }
    }

    private static void verifyFiles(Path folder, Disk disk) throws IOException {
        Map<String, Entry> expected = readChecksums(folder, disk);
        for (Path file : disk.list(folder)) {
            if (!nameOf(file).equals(CHECKSUMS)) {
                Entry entry = expected.remove(nameOf(file));
                check(entry != null, file, "not in " + CHECKSUMS);
                compare(file, Objects.requireNonNull(entry), read(file, ByteSink.NONE, disk));
            }
        }
        checkNoneAbsent(folder, expected);
    }

    private static void restoreFiles(Path checkpoint, Path liveFolder, Disk disk)
            throws IOException {
        if (Files.exists(liveFolder)) {
            throw new FileAlreadyExistsException(liveFolder.toString());
        }
        Path temporary = temporaryFor(liveFolder, disk);
        disk.createFolders(temporary);
        for (Map.Entry<String, Entry> each : readChecksums(checkpoint, disk).entrySet()) {
            copyChecked(checkpoint.resolve(each.getKey()), temporary, each.getValue(), disk);
        }
        disk.forceFolder(temporary);
        disk.move(temporary, liveFolder);
        disk.forceFolder(Disk.parent(liveFolder));
    }

    private static void copyChecked(Path file, Path toFolder, Entry expected, Disk disk)
            throws IOException {
        check(Files.exists(file), file, "absent");
        Entry found = copy(file, toFolder.resolve(nameOf(file)), disk);
        compare(file, expected, found);
    }

    private static Entry copy(Path file, Path to, Disk disk) throws IOException {
        try (FileChannel copy =
                disk.open(to, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            Entry entry = read(file, (bytes, offset) -> Disk.write(copy, bytes, offset), disk);
            copy.force(true);
            return entry;
        }
    }

    private static void compare(Path file, Entry expected, Entry found) {
        check(
                expected.equals(found),
                file,
                "expected=" + expected.line("") + "found=" + found.line(""));
    }

    private static void checkNoneAbsent(Path folder, Map<String, Entry> left) {
        for (String name : left.keySet()) {
            check(false, folder.resolve(name), "absent");
        }
    }

    private static Map<String, Entry> readChecksums(Path folder, Disk disk) throws IOException {
        Path file = folder.resolve(CHECKSUMS);
        byte[] content = disk.readIfExists(file);
        check(content != null, file, "absent");
        String text = new String(Objects.requireNonNull(content), StandardCharsets.UTF_8);
        int sumAt = text.lastIndexOf('\n', text.length() - 2) + 1;
        String lines = text.substring(0, sumAt);
        check(text.substring(sumAt).equals(sumOf(lines) + "\n"), file, "does not match itself");
        List<String> each = lines.lines().toList();
        String version = each.isEmpty() ? "" : each.get(0);
        check(version.equals(VERSION_LINE), file, "unknown version=" + version);
        Map<String, Entry> entries = new TreeMap<>();
        each.stream().skip(1).forEach(line -> parseInto(entries, line));
        return new HashMap<>(entries);
    }

    /** The line's own checksum held, so its form is as {@link Entry#line} wrote it. */
    private static void parseInto(Map<String, Entry> entries, String line) {
        String[] parts = line.split(" ", 3);
        entries.put(
                parts[2], new Entry(HexFormat.fromHexDigits(parts[0]), Long.parseLong(parts[1])));
    }

    private static String sumOf(String lines) {
        CRC32C crc = new CRC32C();
        crc.update(lines.getBytes(StandardCharsets.UTF_8));
        return HexFormat.of().toHexDigits((int) crc.getValue());
    }

    private static Entry forcedEntry(Path file, Disk disk) throws IOException {
        try (FileChannel channel = disk.open(file, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
        return read(file, ByteSink.NONE, disk);
    }

    private static Entry read(Path file, ByteSink sink, Disk disk) throws IOException {
        CRC32C crc = new CRC32C();
        long length = 0;
        try (FileChannel channel = disk.open(file, StandardOpenOption.READ)) {
            ByteBuffer buffer = ByteBuffer.allocate(copyLength(channel.size()));
            while (channel.read(buffer, length) >= 0) {
                buffer.flip();
                crc.update(buffer.duplicate());
                int count = buffer.remaining();
                sink.accept(buffer, length);
                length += count;
                buffer.clear();
            }
        }
        return new Entry((int) crc.getValue(), length);
    }

    /** One byte more than there is finds the end in the same read. */
    private static int copyLength(long fileLength) {
        return (int) Math.min(COPY_LENGTH, fileLength + 1);
    }

    private static void writeForced(Path file, String text, Disk disk) throws IOException {
        try (FileChannel channel =
                disk.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            Disk.write(channel, ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)), 0);
            channel.force(true);
        }
    }

    private static String nameOf(Path file) {
        return String.valueOf(file.getFileName());
    }

    /** Flat on purpose: a checkpoint has no folders in it, and what has is not ours to delete. */
    private static void deleteFolder(Path folder, Disk disk) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        for (Path file : disk.list(folder)) {
            disk.delete(file);
        }
        disk.delete(folder);
    }

    private static void check(boolean sound, Path file, String what) {
        if (!sound) {
            throw new EngineException("checkpoint is not sound: file=" + file + " " + what);
        }
    }

    private static void guarded(String step, Path folder, Step body) {
        try {
            body.run();
        } catch (IOException failure) {
            throw new EngineException(
                    "checkpoint failed: step=" + step + " folder=" + folder + " " + failure,
                    failure);
        }
    }

    @FunctionalInterface
    private interface Step {
        void run() throws IOException;
    }

    @FunctionalInterface
    private interface ByteSink {
        ByteSink NONE = (bytes, offset) -> {};

        void accept(ByteBuffer bytes, long offset) throws IOException;
    }
}
