package io.headrace.engine.log;

import io.headrace.engine.Alias;
import io.headrace.engine.Alias.Version;
import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.Topic;
import io.headrace.engine.Versions;
import io.headrace.engine.Views;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.LongFunction;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Completes the configs of versions and of aliases by what the server writes: when a version was
 * published, and which versions an alias has shown. Used by the catalog's thread, before a command
 * is journaled.
 */
final class CatalogVersions {
    /** What makes a topic the version that it is. */
    static final List<String> FIXED_CONFIGS = List.of(Versions.OF_CONFIG, Versions.NAME_CONFIG);

    private final Function<String, @Nullable Topic> byName;
    private final LongFunction<@Nullable Topic> byId;
    private final LongSupplier clockMs;

    /**
     * @param byName the topic of a name, as it will be
     * @param byId the topic of an id, as it will be
     */
    CatalogVersions(
            Function<String, @Nullable Topic> byName,
            LongFunction<@Nullable Topic> byId,
            LongSupplier clockMs) {
        this.byName = byName;
        this.byId = byId;
        this.clockMs = clockMs;
    }

    /**
     * The configs with what the server writes.
     *
     * @param before the topic as it is; null if it is new
     * @throws InvalidConfigException naming a config that has a value it cannot have
     */
    Map<String, String> completed(
            String topic, int partitionCount, Map<String, String> configs, @Nullable Topic before) {
        if (Views.ALIAS.equals(configs.get(Views.TYPE_CONFIG))) {
            return alias(topic, partitionCount, configs, before);
        }
        return configs.containsKey(Versions.OF_CONFIG)
                ? version(configs, before)
                : withdrawn(configs);
    }

    private Map<String, String> version(Map<String, String> configs, @Nullable Topic before) {
        requireUnchanged(Versions.PUBLISHED_CONFIG, configs, before);
        Map<String, String> completed = new HashMap<>(configs);
        String known = before == null ? null : before.configs().get(Versions.PUBLISHED_CONFIG);
        completed.put(
                Versions.PUBLISHED_CONFIG,
                known != null ? known : Long.toString(clockMs.getAsLong()));
        return completed;
    }

    /** What the server has written goes with what it was written for. */
    private static Map<String, String> withdrawn(Map<String, String> configs) {
        if (!configs.containsKey(Versions.PUBLISHED_CONFIG)) {
            return configs;
        }
        Map<String, String> completed = new HashMap<>(configs);
        completed.remove(Versions.PUBLISHED_CONFIG);
        return completed;
    }

    private Map<String, String> alias(
            String topic, int partitionCount, Map<String, String> configs, @Nullable Topic before) {
        requireUnchanged(Alias.VERSIONS_CONFIG, configs, before);
        requireUnchanged(Alias.PREVIOUS_CONFIG, configs, before);
        Topic shown = shown(topic, partitionCount, configs.getOrDefault(Alias.CURRENT_CONFIG, ""));
        Alias known = before == null || !Alias.isAlias(before) ? null : Alias.of(before.configs());
        Alias alias = known == null ? Alias.of(shown) : known;
        requireSameDataset(alias, shown);
        if (alias.currentVersion().topicId() != shown.id()) {
            alias = withoutGone(alias).showing(shown);
        }
        Map<String, String> completed = new HashMap<>(configs);
        completed.put(Alias.VERSIONS_CONFIG, alias.versionsText());
        if (!alias.previous().isEmpty()) {
            completed.put(Alias.PREVIOUS_CONFIG, alias.previous());
        }
        return completed;
    }

    /** Names of versions that are gone need no room; their ordinals are never given again. */
    private Alias withoutGone(Alias alias) {
        List<@Nullable Version> versions = new ArrayList<>();
        for (Version version : alias.versions()) {
            boolean isThere = version != null && byId.apply(version.topicId()) != null;
            versions.add(isThere ? version : null);
        }
        return new Alias(versions, alias.current(), alias.previous());
    }

    private Topic shown(String alias, int partitionCount, String name) {
        Topic version = byName.apply(name);
        String dataset = version == null ? null : version.configs().get(Versions.OF_CONFIG);
        if (version == null || dataset == null || !alias.startsWith(dataset + ".")) {
            throw new InvalidConfigException(
                    Alias.CURRENT_CONFIG, name, "a published version of the dataset of " + alias);
        }
        if (version.partitionCount() != partitionCount) {
            throw new InvalidConfigException(
                    Alias.CURRENT_CONFIG,
                    name,
                    "a version with as many partitions as the alias: "
                            + alias
                            + " has "
                            + partitionCount
                            + ", "
                            + name
                            + " has "
                            + version.partitionCount());
        }
        return version;
    }

    /** Names with points may belong to several datasets; an alias belongs to one. */
    private void requireSameDataset(Alias alias, Topic shown) {
        Topic current = byId.apply(alias.currentVersion().topicId());
        String dataset = current == null ? null : current.configs().get(Versions.OF_CONFIG);
        if (dataset != null && !dataset.equals(shown.configs().get(Versions.OF_CONFIG))) {
            throw new InvalidConfigException(
                    Alias.CURRENT_CONFIG,
                    shown.name(),
                    "a version of the dataset that the alias shows: " + dataset);
        }
    }

    private static void requireUnchanged(
            String key, Map<String, String> configs, @Nullable Topic before) {
        String value = configs.get(key);
        String known = before == null ? null : before.configs().get(key);
        if (!Objects.equals(value, known) && value != null) {
            throw new InvalidConfigException(key, value, "left to the server, which writes it");
        }
    }
}
