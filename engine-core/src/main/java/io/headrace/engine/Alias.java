package io.headrace.engine;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the configs of an alias say: a topic that shows one of several versions of a dataset, and
 * keeps its readers in the version in which they are. Experimental: it may change in any release.
 *
 * <p>Each version that the alias has ever shown has an ordinal, and keeps it. An offset of the
 * alias is the version's ordinal and, in the lower {@value #OFFSET_BITS} bits, the offset in the
 * version.
 *
 * @param versions by ordinal; null for those whose topics are gone, as far as that was noticed
 * @param current ordinal of the version that new readers get
 * @param previous name of the version that was current before; empty if there was none
 */
@Experimental
public record Alias(List<@Nullable Version> versions, int current, String previous) {
    /** Topic config: the name of the version that new readers get. */
    public static final String CURRENT_CONFIG = "headrace.view.current";

    /** Topic config, written by the server: the versions by ordinal. */
    public static final String VERSIONS_CONFIG = "headrace.view.versions";

    /** Topic config, written by the server: the version that was current before. */
    public static final String PREVIOUS_CONFIG = "headrace.view.previous";

    /** What of an alias's offset is the offset in the version. */
    public static final int OFFSET_BITS = 40;

    /** Versions have offsets below. */
    public static final long OFFSET_END = 1L << OFFSET_BITS;

    /** Clients that count in doubles know offsets up to 2^53 exactly. */
    private static final int VERSIONS_MAX = 1 << 13;

    private static final String GONE = "-";

    /**
     * A version that an alias shows or has shown.
     *
     * @param topicId its topic's
     * @param name its topic's
     */
    public record Version(long topicId, String name) {}

    /** Keeps a copy. */
    public Alias {
        versions = Collections.unmodifiableList(new ArrayList<>(versions));
    }

    /** Whether a topic is an alias. */
    public static boolean isAlias(Topic topic) {
        return Views.ALIAS.equals(topic.configs().get(Views.TYPE_CONFIG));
    }

    /**
     * The alias in a topic's configs.
     *
     * @throws InvalidConfigException naming the config that has a value it cannot have
     */
    public static Alias of(Map<String, String> configs) {
        String text = configs.getOrDefault(VERSIONS_CONFIG, "");
        List<@Nullable Version> versions = new ArrayList<>();
        for (String entry : text.split(",")) {
            versions.add(entry.equals(GONE) ? null : version(entry, text));
        }
        String name = configs.getOrDefault(CURRENT_CONFIG, "");
        int current = -1;
        for (int i = 0; i < versions.size(); i++) {
            Version version = versions.get(i);
            // A name may have been given again: the last one has it.
            current = version != null && version.name.equals(name) ? i : current;
        }
        if (current < 0) {
            throw new InvalidConfigException(CURRENT_CONFIG, name, "one of " + text);
        }
        return new Alias(versions, current, configs.getOrDefault(PREVIOUS_CONFIG, ""));
    }

    private static Version version(String entry, String text) {
        int colon = entry.indexOf(':');
        try {
            return new Version(
                    Long.parseLong(entry.substring(colon + 1)), entry.substring(0, colon));
        } catch (IndexOutOfBoundsException | NumberFormatException e) {
            throw new InvalidConfigException(VERSIONS_CONFIG, text, "NAME:ID,…");
        }
    }

    /**
     * The same with another version as the current one; it gets an ordinal if it has none.
     *
     * @throws InvalidConfigException if there are too many
     */
    public Alias showing(Topic version) {
        List<@Nullable Version> all = new ArrayList<>(versions);
        int ordinal = ordinalOf(version.id());
        if (ordinal < 0) {
            ordinal = all.size();
            all.add(new Version(version.id(), version.name()));
        }
        if (all.size() > VERSIONS_MAX) {
            throw new InvalidConfigException(
                    CURRENT_CONFIG, version.name(), "the last of at most " + VERSIONS_MAX);
        }
        return new Alias(all, ordinal, currentVersion().name());
    }

    /** An alias that shows a version, and has never shown another. */
    public static Alias of(Topic version) {
        return new Alias(List.of(new Version(version.id(), version.name())), 0, "");
    }

    /** The version that new readers get. */
    public Version currentVersion() {
        Version version = versions.get(current);
        if (version == null) {
            throw new IllegalStateException("current=" + current);
        }
        return version;
    }

    /** The version in which an offset of the alias is; null if it is gone, or there is none. */
    public @Nullable Version at(long offset) {
        long ordinal = ordinal(offset);
        return ordinal < 0 || ordinal >= versions.size() ? null : versions.get((int) ordinal);
    }

    /** The ordinal of the version of that topic; −1 if it has none. */
    public int ordinalOf(long topicId) {
        for (int i = 0; i < versions.size(); i++) {
            Version version = versions.get(i);
            if (version != null && version.topicId == topicId) {
                return i;
            }
        }
        return -1;
    }

    /** The ordinal in an offset of an alias. */
    public static long ordinal(long offset) {
        return offset >> OFFSET_BITS;
    }

    /** The offset in the version, of an offset of an alias. */
    public static long offsetInVersion(long offset) {
        return offset & OFFSET_END - 1;
    }

    /** The offset of an alias, of an offset in the version of that ordinal. */
    public static long offset(int ordinal, long offsetInVersion) {
        return ((long) ordinal << OFFSET_BITS) + offsetInVersion;
    }

    /** {@link #VERSIONS_CONFIG}. */
    public String versionsText() {
        List<String> entries = new ArrayList<>();
        for (Version version : versions) {
            entries.add(version == null ? GONE : version.name + ":" + version.topicId);
        }
        return String.join(",", entries);
    }
}
