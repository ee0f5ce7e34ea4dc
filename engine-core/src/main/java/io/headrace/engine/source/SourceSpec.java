package io.headrace.engine.source;

import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.spi.DatasetReaders;
import io.headrace.engine.spi.ObjectStore;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What a topic's {@code headrace.source.} configs say, checked against the stores that source
 * topics may read and the formats that are there.
 *
 * @param store one of those stores
 * @param path below the store's root: an object, or a folder of objects; empty for all of the store
 * @param isFolder whether the URI ends with a slash: then the path is an object only if it is no
 *     folder
 * @param format how bytes become records: {@value #FILES}, {@value #AUTO}, or a reader's name
 * @param recordLengthMax largest record in bytes
 * @param recordLength of format {@code fixed}; 0 if it is not set
 * @param parts those that records have; empty for all
 * @param join trees that are joined by stem; null if there is only one
 * @param oversize what becomes of larger samples
 * @param isStoppedByBad whether a partition ends at an object that breaks the rules of its format
 * @param skipped samples that are sent without their value
 * @param refreshMs time between two listings; 0 for none but those that are asked for
 */
public record SourceSpec(
        ObjectStore store,
        String path,
        boolean isFolder,
        String format,
        int recordLengthMax,
        int recordLength,
        List<String> parts,
        @Nullable SourceJoin join,
        Oversize oversize,
        boolean isStoppedByBad,
        SkippedOffsets skipped,
        long refreshMs) {
    /**
     * Topic config: URI of an object or a folder of objects, within one of the engine's stores.
     * With a slash at its end it is a folder, which saves asking the store whether it is an object.
     */
    public static final String URI_CONFIG = "headrace.source.uri";

    /**
     * Topic config: {@value #FILES} (the default; an object is a record), {@value #AUTO} (decided
     * for each object when it is first read), or the name of a reader, such as {@code tar}.
     */
    public static final String FORMAT_CONFIG = "headrace.source.format";

    /** Topic config: largest record, in bytes. */
    public static final String RECORD_MAX_CONFIG = "headrace.source.record.max.bytes";

    /** Topic config: length of each record of format {@code fixed}, in bytes. */
    public static final String RECORD_LENGTH_CONFIG = "headrace.source.record.bytes";

    /** Topic config: names of the parts that multi-part records have; all if it is not set. */
    public static final String PARTS_CONFIG = "headrace.source.parts";

    /** Topic config: trees below the URI whose objects are joined by stem, the first one leads. */
    public static final String JOIN_CONFIG = "headrace.source.join";

    /** Topic config: names of the parts without which a joined sample is none. */
    public static final String JOIN_REQUIRED_CONFIG = "headrace.source.join.required";

    /** Topic config: {@code skip}, {@code fail} or, for whole objects, {@code split}. */
    public static final String OVERSIZE_CONFIG = "headrace.source.oversize";

    /** Topic config: {@code skip} or {@code stop}. */
    public static final String BAD_CONFIG = "headrace.source.bad";

    /** Topic config: a list of {@code PARTITION:OFFSET}. */
    public static final String SKIP_OFFSETS_CONFIG = "headrace.source.skip.offsets";

    /** Topic config: time between two listings, in milliseconds. */
    public static final String REFRESH_CONFIG = "headrace.source.refresh.ms";

    /** Configs that offsets are bound to, so that they stay as they are. */
    public static final List<String> FIXED_CONFIGS =
            List.of(
                    URI_CONFIG,
                    FORMAT_CONFIG,
                    RECORD_MAX_CONFIG,
                    RECORD_LENGTH_CONFIG,
                    PARTS_CONFIG,
                    JOIN_CONFIG,
                    JOIN_REQUIRED_CONFIG);

    /** Format: one object is one record. */
    public static final String FILES = "files";

    /** Format: decided for each object. */
    public static final String AUTO = "auto";

    private static final String FIXED = "fixed";

    /** Largest record where the topic does not say; what a consumer still fetches in one piece. */
    public static final int RECORD_LENGTH_MAX_DEFAULT = 16 << 20;

    /** Kafka's topic config. */
    private static final String COMPRESSION_CONFIG = "compression.type";

    /** Values that ask for no compression by the server. */
    private static final List<String> UNCOMPRESSED = List.of("producer", "uncompressed");

    /** A record has to fit into one slab, with its block's other records and all framing. */
    private static final int RECORD_LENGTH_LIMIT = 512 << 20;

    private static final long REFRESH_MS_MIN = 1_000;

    /** What becomes of a sample that is longer than a record may be. */
    public enum Oversize {
        /** It is left out, counted, and listed. */
        SKIP,
        /** The partition ends there. */
        FAIL,
        /** A whole object becomes several records. */
        SPLIT
    }

    /**
     * The spec in configs that somebody wants a topic to have from now on. What would have no
     * effect is refused here, and not where the topic is opened, so that no topic that is there
     * becomes unreadable by it.
     *
     * @throws InvalidConfigException as {@link #of}, and if batches should be compressed
     */
    public static SourceSpec wanted(
            Map<String, String> configs, Map<String, ObjectStore> stores, DatasetReaders readers) {
        String compression = configs.getOrDefault(COMPRESSION_CONFIG, "producer");
        if (!UNCOMPRESSED.contains(compression)) {
            throw new InvalidConfigException(
                    COMPRESSION_CONFIG,
                    compression,
                    "producer or uncompressed: the records of a source are sent as its objects hold"
                            + " them");
        }
        return of(configs, stores, readers);
    }

    /**
     * The spec in a topic's configs.
     *
     * @param stores what source topics may read, by root URI
     * @throws InvalidConfigException naming the first config that has a value it cannot have
     */
    public static SourceSpec of(
            Map<String, String> configs, Map<String, ObjectStore> stores, DatasetReaders readers) {
        String uri = configs.getOrDefault(URI_CONFIG, "");
        for (Map.Entry<String, ObjectStore> entry : stores.entrySet()) {
            String path = pathBelow(entry.getKey(), entry.getValue().name(), uri);
            if (path != null) {
                return of(entry.getValue(), path, configs, readers);
            }
        }
        throw new InvalidConfigException(
                URI_CONFIG, uri, "a URI below one of this server's stores: " + namesOf(stores));
    }

    private static SourceSpec of(
            ObjectStore store, String path, Map<String, String> configs, DatasetReaders readers) {
        String format = format(configs.getOrDefault(FORMAT_CONFIG, FILES), readers);
        Oversize oversize = oversize(configs.getOrDefault(OVERSIZE_CONFIG, "skip"));
        SourceJoin join =
                SourceJoin.of(
                        list(configs.get(JOIN_CONFIG)), list(configs.get(JOIN_REQUIRED_CONFIG)));
        if (!format.equals(FILES) && join != null) {
            throw new InvalidConfigException(
                    JOIN_CONFIG, configs.getOrDefault(JOIN_CONFIG, ""), "format files");
        }
        List<String> parts = list(configs.get(PARTS_CONFIG));
        if (join != null && !parts.isEmpty() && !parts.containsAll(join.required())) {
            throw new InvalidConfigException(
                    JOIN_REQUIRED_CONFIG,
                    join.required().toString(),
                    "some of the parts that records have: " + parts);
        }
        boolean mayBeWhole = format.equals(FILES) || format.equals(AUTO);
        if (oversize == Oversize.SPLIT && (!mayBeWhole || join != null)) {
            throw new InvalidConfigException(
                    OVERSIZE_CONFIG, "split", "format files or auto, without a join");
        }
        int recordLength = (int) number(configs, RECORD_LENGTH_CONFIG, 0, 1, RECORD_LENGTH_LIMIT);
        if (format.equals(FIXED) && recordLength == 0) {
            throw new InvalidConfigException(
                    RECORD_LENGTH_CONFIG, "", "the length of a record, as the format is fixed");
        }
        return new SourceSpec(
                store,
                path,
                configs.getOrDefault(URI_CONFIG, "").endsWith("/"),
                format,
                (int)
                        number(
                                configs,
                                RECORD_MAX_CONFIG,
                                RECORD_LENGTH_MAX_DEFAULT,
                                1,
                                RECORD_LENGTH_LIMIT),
                recordLength,
                parts,
                join,
                oversize,
                isStoppedByBad(configs.getOrDefault(BAD_CONFIG, "skip")),
                SkippedOffsets.of(configs.getOrDefault(SKIP_OFFSETS_CONFIG, "")),
                number(configs, REFRESH_CONFIG, 0, REFRESH_MS_MIN, Long.MAX_VALUE));
    }

    /** Whether each record's place follows from the listing, so that nobody has to look inside. */
    boolean isListedOnly() {
        return format.equals(FILES);
    }

    /**
     * Key of a joined sample: the stem of the first tree's object, without what all of them have.
     */
    String stem(String key) {
        String root = path.isEmpty() ? "" : path + "/";
        String tree = join == null ? "" : join.trees().get(0).path();
        return SourceJoin.stem(key.substring(root.length() + tree.length()));
    }

    /** Whether records have a part of that name. */
    boolean isWanted(String part) {
        return parts.isEmpty() || parts.contains(part);
    }

    private static String format(String value, DatasetReaders readers) {
        if (value.equals(FILES) || value.equals(AUTO) || readers.format(value) != null) {
            return value;
        }
        List<String> names = new ArrayList<>(List.of(FILES, AUTO));
        names.addAll(readers.formatNames());
        throw new InvalidConfigException(FORMAT_CONFIG, value, "one of " + names);
    }

    private static Oversize oversize(String value) {
        for (Oversize oversize : Oversize.values()) {
            if (oversize.name().toLowerCase(Locale.ROOT).equals(value)) {
                return oversize;
            }
        }
        throw new InvalidConfigException(OVERSIZE_CONFIG, value, "skip, fail or split");
    }

    private static boolean isStoppedByBad(String value) {
        return switch (value) {
            case "skip" -> false;
            case "stop" -> true;
            default -> throw new InvalidConfigException(BAD_CONFIG, value, "skip or stop");
        };
    }

    /** The names in a list; empty for none. */
    private static List<String> list(@Nullable String value) {
        return value == null ? List.of() : split(value, Function.identity());
    }

    static <T> List<T> split(String value, Function<String, T> parser) {
        return Arrays.stream(value.split(","))
                .map(String::trim)
                .filter(name -> !name.isEmpty())
                .map(parser)
                .toList();
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
    static boolean isPlain(String path) {
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

    private static long number(
            Map<String, String> configs, String key, long absent, long min, long max) {
        String value = configs.get(key);
        if (value == null) {
            return absent;
        }
        try {
            long number = Long.parseLong(value.trim());
            if (number >= min && number <= max) {
                return number;
            }
        } catch (NumberFormatException ignored) {
            // named below, with the value
        }
        throw new InvalidConfigException(key, value, min + " to " + max);
    }
}
