package io.headrace.engine.backup;

import io.headrace.engine.EngineException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a backup consists of, as docs/design/formats.md specifies it. Immutable.
 *
 * @param id of the cut
 * @param clusterId of the server
 * @param madeAtS when the cut was made, in seconds since 1970
 * @param leaderEpoch of the server at the cut
 * @param files by their path within the data folder, parts separated by {@code /}
 */
public record BackupManifest(
        String id,
        String clusterId,
        long madeAtS,
        int leaderEpoch,
        SortedMap<String, ManifestFile> files) {
    /** Name of the file. */
    public static final String FILE = "MANIFEST";

    private static final String VERSION_LINE = "headrace-backup 1";

    private static final Pattern HEAD =
            Pattern.compile(
                    "id=([0-9a-f-]{1,64})\ncluster=([^\\p{Cntrl}]{1,255})\nmade=(\\d{1,18})\n"
                            + "epoch=(\\d{1,10})");

    private static final int HEAD_LINES = 5;

    private static final Pattern LINE =
            Pattern.compile(
                    "([0-9a-f]{8}) (\\d{1,18}) "
                            + "([A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*)");

    /**
     * One file.
     *
     * @param crc CRC32C of its bytes
     * @param length in bytes
     */
    public record ManifestFile(int crc, long length) {
        @Override
        public String toString() {
            return "crc32c:" + Checksum.hex(crc) + ",bytes:" + length;
        }
    }

    /** Copies the map. */
    public BackupManifest {
        files = Collections.unmodifiableSortedMap(new TreeMap<>(files));
    }

    /** Bytes of all files. */
    public long totalBytes() {
        return files.values().stream().mapToLong(ManifestFile::length).sum();
    }

    String text() {
        StringBuilder text = new StringBuilder(VERSION_LINE).append('\n');
        text.append("id=").append(id).append('\n');
        text.append("cluster=").append(clusterId).append('\n');
        text.append("made=").append(madeAtS).append('\n');
        text.append("epoch=").append(leaderEpoch).append('\n');
        for (Map.Entry<String, ManifestFile> file : files.entrySet()) {
            text.append(Checksum.hex(file.getValue().crc)).append(' ');
            text.append(file.getValue().length).append(' ').append(file.getKey()).append('\n');
        }
        return text + Checksum.hex(Checksum.of(text.toString())) + "\n";
    }

    /**
     * Reads it.
     *
     * @throws EngineException if the folder is no complete backup, or the file is damaged
     */
    public static BackupManifest read(Path backup) throws IOException {
        Path file = backup.resolve(FILE);
        if (!Files.isRegularFile(file)) {
            throw new EngineException(
                    "not a complete backup, it has no MANIFEST: folder=" + backup);
        }
        String text = Files.readString(file, StandardCharsets.UTF_8);
        int sumAt = text.lastIndexOf('\n', text.length() - 2) + 1;
        String lines = text.substring(0, sumAt);
        if (!text.substring(sumAt).equals(Checksum.hex(Checksum.of(lines)) + "\n")) {
            throw damaged(file, "it does not match itself");
        }
        return parse(file, lines.lines().toList());
    }

    private static BackupManifest parse(Path file, List<String> lines) {
        if (!lines.get(0).equals(VERSION_LINE)) {
            throw new EngineException(
                    "backup is of an unknown version: file=" + file + " version=" + lines.get(0));
        }
        int headEnd = Math.min(HEAD_LINES, lines.size());
        Matcher head = HEAD.matcher(String.join("\n", lines.subList(1, headEnd)));
        if (!head.matches()) {
            throw damaged(file, "it does not begin as it should");
        }
        SortedMap<String, ManifestFile> files = new TreeMap<>();
        for (String line : lines.subList(headEnd, lines.size())) {
            Matcher each = LINE.matcher(line);
            if (!each.matches()) { // also what would lead out of the folder
                throw damaged(file, "line=" + line);
            }
            files.put(
                    each.group(3),
                    new ManifestFile(
                            Integer.parseUnsignedInt(each.group(1), 16),
                            Long.parseLong(each.group(2))));
        }
        return new BackupManifest(
                head.group(1),
                head.group(2),
                Long.parseLong(head.group(3)),
                Integer.parseInt(head.group(4)),
                files);
    }

    private static EngineException damaged(Path file, String how) {
        return new DamagedBackupException("file=" + file + " reason=" + how);
    }
}
