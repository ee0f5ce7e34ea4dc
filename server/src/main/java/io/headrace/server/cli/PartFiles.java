package io.headrace.server.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * Files of the parts of samples, in one folder: {@code TOPIC-PARTITION-OFFSET.PART}. The name of a
 * part is a stranger's: it names no other folder and no hidden file.
 */
final class PartFiles {
    private static final int NAME_LENGTH_MAX = 64;
    private static final String VALUE = "value";

    private final Path folder;
    private final Set<String> names = new HashSet<>();

    /** Files of a folder, which is created if it is absent. */
    PartFiles(Path folder) throws IOException {
        this.folder = Files.createDirectories(folder);
    }

    /**
     * Writes a part. Replaces a file that an earlier command wrote.
     *
     * @param part its name; empty for a plain value
     */
    Path save(ConsumerRecord<?, ?> record, String part, ByteBuffer bytes) throws IOException {
        String sample = record.topic() + "-" + record.partition() + "-" + record.offset() + ".";
        Path file = folder.resolve(unique(sample + clean(part)));
        try (FileChannel channel =
                FileChannel.open(
                        file,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.TRUNCATE_EXISTING,
                        StandardOpenOption.WRITE)) {
            ByteBuffer rest = bytes.slice();
            while (rest.hasRemaining()) {
                channel.write(rest);
            }
        }
        return file;
    }

    private static String clean(String part) {
        String name = part.isEmpty() ? VALUE : part;
        String safe = name.replaceAll("[^A-Za-z0-9._-]", "_");
        return safe.substring(0, Math.min(safe.length(), NAME_LENGTH_MAX));
    }

    /** Two names may have become one. */
    private String unique(String name) {
        String unique = name;
        for (int i = 2; !names.add(unique); i++) {
            unique = name + "_" + i;
        }
        return unique;
    }
}
