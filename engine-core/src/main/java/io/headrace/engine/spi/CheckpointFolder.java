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
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
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
    public static Path temporaryFor(Path target) {
        Path temporary = target.resolveSibling(target.getFileName() + ".tmp");
        guarded("clear", temporary, () -> deleteFolder(temporary));
        return temporary;
    }

    /**
     * Copies a flat folder, so that the two share no bytes on disk: what damages or truncates one
     * of them leaves the other whole.
     */
    public static void copyFiles(Path from, Path to) {
        guarded("copy", to, () -> copyAll(from, to));
    }

    /**
     * Adds the checksums to a filled folder, forces all of it, and gives it its final name.
     *
     * @throws EngineException if the target exists already, or the disk failed
     */
    public static void seal(Path temporary, Path target) {
        guarded("seal", target, () -> sealFiles(temporary, target));
    }

    /**
     * Reads every byte and compares it with the checksums.
     *
     * @throws EngineException naming the first file that is absent, foreign, or not what was
     *     written
     */
    public static void verify(Path folder) {
        guarded("verify", folder, () -> verifyFiles(folder));
    }

    /**
     * Copies a checkpoint's files to a folder that does not exist yet, verifying each byte as it is
     * copied. The folder appears with its name only when it is complete and forced.
     *
     * @throws EngineException if the checkpoint is not sound, the folder exists, or the disk failed
     */
    public static void restore(Path checkpoint, Path liveFolder) {
        guarded("restore", checkpoint, () -> restoreFiles(checkpoint, liveFolder));
    }

    /** Deletes a checkpoint, or what an interrupted one left; does nothing if it is not there. */
    public static void delete(Path folder) {
        guarded("delete", folder, () -> deleteFolder(folder));
    }

    private static void sealFiles(Path temporary, Path target) throws IOException {
        if (Files.exists(target)) {
            throw new FileAlreadyExistsException(target.toString());
        }
        StringBuilder lines = new StringBuilder(VERSION_LINE).append('\n');
        for (Path file : filesOf(temporary)) {
            lines.append(forcedEntry(file).line(nameOf(file))).append('\n');
        }
        writeForced(temporary.resolve(CHECKSUMS), lines + sumOf(lines.toString()) + "\n");
        forceFolder(temporary);
        Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
        forceFolder(parentOf(target));
    }

    private static void copyAll(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        for (Path file : filesOf(from)) {
            copy(file, to.resolve(nameOf(file)));
        }
    }

    private static void verifyFiles(Path folder) throws IOException {
        Map<String, Entry> expected = readChecksums(folder);
        for (Path file : filesOf(folder)) {
            if (!nameOf(file).equals(CHECKSUMS)) {
                Entry entry = expected.remove(nameOf(file));
                check(entry != null, file, "not in " + CHECKSUMS);
                compare(file, Objects.requireNonNull(entry), read(file, ByteSink.NONE));
            }
        }
        checkNoneAbsent(folder, expected);
    }

    private static void restoreFiles(Path checkpoint, Path liveFolder) throws IOException {
        if (Files.exists(liveFolder)) {
            throw new FileAlreadyExistsException(liveFolder.toString());
        }
        Path temporary = temporaryFor(liveFolder);
        Files.createDirectories(temporary);
        for (Map.Entry<String, Entry> each : readChecksums(checkpoint).entrySet()) {
            copyChecked(checkpoint.resolve(each.getKey()), temporary, each.getValue());
        }
        forceFolder(temporary);
        Files.move(temporary, liveFolder, StandardCopyOption.ATOMIC_MOVE);
        forceFolder(parentOf(liveFolder));
    }

    private static void copyChecked(Path file, Path toFolder, Entry expected) throws IOException {
        check(Files.exists(file), file, "absent");
        Entry found = copy(file, toFolder.resolve(nameOf(file)));
        compare(file, expected, found);
    }

    private static Entry copy(Path file, Path to) throws IOException {
        try (FileChannel copy =
                FileChannel.open(to, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            Entry entry = read(file, bytes -> writeFully(copy, bytes));
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

    private static Map<String, Entry> readChecksums(Path folder) throws IOException {
        Path file = folder.resolve(CHECKSUMS);
        check(Files.exists(file), file, "absent");
        String text = Files.readString(file, StandardCharsets.UTF_8);
        int sumAt = text.lastIndexOf('\n', text.length() - 2) + 1;
        String lines = text.substring(0, sumAt);
        check(text.substring(sumAt).equals(sumOf(lines) + "\n"), file, "does not match itself");
        List<String> each = lines.lines().toList();
        check(!each.isEmpty() && each.get(0).equals(VERSION_LINE), file, "unknown version");
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

    private static Entry forcedEntry(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
        return read(file, ByteSink.NONE);
    }

    private static Entry read(Path file, ByteSink sink) throws IOException {
        CRC32C crc = new CRC32C();
        ByteBuffer buffer = ByteBuffer.allocate(COPY_LENGTH);
        long length = 0;
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            while (channel.read(buffer) >= 0) {
                buffer.flip();
                length += buffer.remaining();
                crc.update(buffer.duplicate());
                sink.accept(buffer);
                buffer.clear();
            }
        }
        return new Entry((int) crc.getValue(), length);
    }

    private static void writeForced(Path file, String text) throws IOException {
        try (FileChannel channel =
                FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            writeFully(channel, ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
            channel.force(true);
        }
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    private static void forceFolder(Path folder) throws IOException {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    private static Path parentOf(Path path) {
        Path parent = path.toAbsolutePath().getParent();
        return parent == null ? path : parent;
    }

    private static String nameOf(Path file) {
        return String.valueOf(file.getFileName());
    }

    private static List<Path> filesOf(Path folder) throws IOException {
        List<Path> files = new ArrayList<>();
        try (var entries = Files.newDirectoryStream(folder)) {
            entries.forEach(files::add);
        }
        files.sort(null);
        return files;
    }

    /** Flat on purpose: a checkpoint has no folders in it, and what has is not ours to delete. */
    private static void deleteFolder(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        for (Path file : filesOf(folder)) {
            Files.delete(file);
        }
        Files.delete(folder);
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
        ByteSink NONE = bytes -> {};

        void accept(ByteBuffer bytes) throws IOException;
    }
}
