package io.headrace.engine.source;

import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.spi.ObjectStore;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What a topic's {@code headrace.source.} configs say, checked against the stores that source
 * topics may read.
 *
 * @param store one of those stores
 * @param path below the store's root: an object, or a folder of objects; empty for all of the store
 * @param format how bytes become records
 * @param recordLengthMax largest record in bytes; larger ones are left out, and named in the log
 */
public record SourceSpec(ObjectStore store, String path, SourceFormat format, int recordLengthMax) {
    /** Topic config: URI of an object or a folder of objects, within one of the engine's stores. */
    public static final String URI_CONFIG = "headrace.source.uri";

    /** Topic config: {@code files} (the default) or {@code lines}. */
    public static final String FORMAT_CONFIG = "headrace.source.format";

    /** Topic config: largest record, in bytes. */
    public static final String RECORD_MAX_CONFIG = "headrace.source.record.max.bytes";

    /** Largest record where the topic does not say; what a consumer still fetches in one piece. */
    public static final int RECORD_LENGTH_MAX_DEFAULT = 16 << 20;

    /** A record has to fit into one slab, with its block's other records and all framing. */
    private static final int RECORD_LENGTH_LIMIT = 512 << 20;

    /**
     * The spec in a topic's configs.
     *
     * @param stores what source topics may read, by root URI
     * @throws InvalidConfigException naming the first config that has a value it cannot have
     */
    public static SourceSpec of(Map<String, String> configs, Map<String, ObjectStore> stores) {
        String uri = configs.getOrDefault(URI_CONFIG, "");
        for (Map.Entry<String, ObjectStore> entry : stores.entrySet()) {
            String path = pathBelow(entry.getKey(), entry.getValue().name(), uri);
            if (path != null) {
                return new SourceSpec(
                        entry.getValue(),
                        path,
                        SourceFormat.of(configs.getOrDefault(FORMAT_CONFIG, "files")),
                        recordLengthMax(configs.get(RECORD_MAX_CONFIG)));
            }
        }
        throw new InvalidConfigException(
                URI_CONFIG, uri, "a URI below one of this server's stores: " + namesOf(stores));
    }

    private static String namesOf(Map<String, ObjectStore> stores) {
        TreeSet<String> names = new TreeSet<>();
        stores.forEach((root, store) -> names.add(withSlash(root) + " or " + store.name() + "://"));
        return names.isEmpty() ? "none is configured" : String.join(", ", names);
    }

    /**
     * The path of a URI below a store's root, without a slash at its end; null if it is not there.
     */
    private static @Nullable String pathBelow(String root, String name, String uri) {
        String path = pathAfter(withSlash(root), uri);
        if (path == null) {
            path = pathAfter(name + "://", uri);
        }
        return path == null || !isPlain(path) ? null : path;
    }

    private static @Nullable String pathAfter(String root, String uri) {
        if (withSlash(uri).equals(root)) {
            return "";
        }
        if (!uri.startsWith(root)) {
            return null;
        }
        String path = uri.substring(root.length());
        return path.endsWith("/") ? path.substring(0, path.length() - 1) : path;
    }

    /** Whether each segment is a name, so that no store can be made to look above its root. */
    private static boolean isPlain(String path) {
        if (path.isEmpty()) {
            return true;
        }
        for (String segment : path.split("/", -1)) {
            if (segment.isEmpty() || segment.equals(".") || segment.equals("..")) {
                return false;
            }
        }
        return true;
    }

    private static String withSlash(String uri) {
        return uri.endsWith("/") ? uri : uri + "/";
    }

    private static int recordLengthMax(@Nullable String value) {
        if (value == null) {
            return RECORD_LENGTH_MAX_DEFAULT;
        }
        try {
            int bytes = Integer.parseInt(value.trim());
            if (bytes >= 1 && bytes <= RECORD_LENGTH_LIMIT) {
                return bytes;
            }
        } catch (NumberFormatException ignored) {
            // named below, with the value
        }
        throw new InvalidConfigException(RECORD_MAX_CONFIG, value, "1 to " + RECORD_LENGTH_LIMIT);
    }
}
