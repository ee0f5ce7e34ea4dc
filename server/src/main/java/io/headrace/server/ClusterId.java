package io.headrace.server;

import io.headrace.server.config.ConfigException;
import io.headrace.server.config.ConfigKeys;
import java.io.IOException;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Base64;
import java.util.Properties;
import java.util.UUID;

/**
 * The name of the cluster that a data folder belongs to: drawn once, kept in the folder's {@value
 * #FILE}, because the topic ids that clients see are derived from it.
 */
final class ClusterId {
    static final String FILE = "meta.properties";
    private static final String KEY = "cluster.id";
    private static final String VERSION = "1";

    private ClusterId() {}

    /**
     * The folder's cluster id; a new one, on stable storage, if it has none yet.
     *
     * @throws ConfigException if the folder cannot be used
     */
    static String of(Path folder) {
        try {
            Path file = folder.resolve(FILE);
            return Files.exists(file) ? read(file) : create(folder, file);
        } catch (IOException e) {
            throw new ConfigException(
                    "cannot use the data folder: key="
                            + ConfigKeys.LOG_DIRS.name()
                            + " value="
                            + folder,
                    e);
        }
    }

    private static String read(Path file) throws IOException {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            properties.load(reader);
        }
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

    private static String create(Path folder, Path file) throws IOException {
        Files.createDirectories(folder);
        String id = random();
        Path temporary = folder.resolve(FILE + ".tmp");
        Files.writeString(temporary, "version=" + VERSION + "\n" + KEY + "=" + id + "\n");
        force(temporary, StandardOpenOption.WRITE);
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
        force(folder, StandardOpenOption.READ);
        return id;
    }

    private static void force(Path path, StandardOpenOption access) throws IOException {
        try (FileChannel channel = FileChannel.open(path, access)) {
            channel.force(true);
        }
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
