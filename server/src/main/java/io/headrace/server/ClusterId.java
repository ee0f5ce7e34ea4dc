package io.headrace.server;

import io.headrace.engine.EngineException;
import io.headrace.engine.backup.DataLock;
import io.headrace.engine.backup.RestoreMark;
import io.headrace.engine.spi.Disk;
import io.headrace.server.config.ConfigException;
import io.headrace.server.config.ConfigKeys;
import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Properties;
import java.util.UUID;

/**
 * The name of the cluster that a data folder belongs to: drawn once, kept in the folder's {@value
 * #FILE}, because the topic ids that clients see are derived from it.
 */
final class ClusterId {
    static final String FILE = "meta.properties";
    private static final String JOURNALS = "journal";
    private static final String KEY = "cluster.id";
    private static final String VERSION = "1";

    private ClusterId() {}

    /**
     * The folder's cluster id; a new one, on stable storage, if the folder is new.
     *
     * @throws ConfigException if the folder cannot be used
     * @throws EngineException if a process has it, or it is not complete
     */
    static String of(Path folder) {
        return of(folder, Disk.SYSTEM);
    }

    static String of(Path folder, Disk disk) {
        try {
            disk.createFolders(folder);
            FileChannel lock = DataLock.hold(folder);
            try {
                return locked(folder, disk);
            } finally {
                lock.close();
            }
        } catch (IOException e) {
            throw new ConfigException(
                    "cannot use the data folder: key="
                            + ConfigKeys.LOG_DIRS.name()
                            + " value="
                            + folder,
                    e);
        }
    }

    /** Nobody else draws one at the same time, no restore is about to bring one. */
    private static String locked(Path folder, Disk disk) throws IOException {
        RestoreMark.refuseUnfinished(folder);
        Path file = folder.resolve(FILE);
        byte[] content = disk.readIfExists(file);
        if (content != null) {
            return read(file, new String(content, StandardCharsets.UTF_8));
        }
        if (Files.exists(folder.resolve(JOURNALS))) {
            throw new EngineException(
                    "the cluster id is gone from the data folder, bring it back: file=" + file);
        }
        String id = random();
        String text = "version=" + VERSION + "\n" + KEY + "=" + id + "\n";
        disk.replace(file, text.getBytes(StandardCharsets.UTF_8));
        return id;
    }

    private static String read(Path file, String text) throws IOException {
        Properties properties = new Properties();
        properties.load(new StringReader(text));
        String version = properties.getProperty("version");
        if (!VERSION.equals(version)) {
            throw new IOException("unknown version: file=" + file + " version=" + version);
        }
        String id = properties.getProperty(KEY);
        if (id == null || id.isBlank()) {
            throw new IOException("no " + KEY + " in the file: file=" + file);
        }
        return id;
    }

    /** 128 random bits in URL-safe Base64, as Kafka's tools draw theirs. */
    private static String random() {
        UUID uuid = UUID.randomUUID();
        byte[] bytes =
                ByteBuffer.allocate(16)
                        .putLong(uuid.getMostSignificantBits())
                        .putLong(uuid.getLeastSignificantBits())
                        .array();
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }
}
