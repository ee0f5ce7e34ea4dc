package io.headrace.engine;

import java.util.Locale;
import java.util.Map;

/**
 * Versions of datasets: topics that were published, and stay as they were then. Experimental: it
 * may change in any release.
 */
@Experimental
public final class Versions {
    /** With which the topic configs begin that make a topic a version. */
    public static final String PREFIX = "headrace.version.";

    /** Topic config: the dataset of which the topic is a version. Publishes the topic. */
    public static final String OF_CONFIG = "headrace.version.of";

    /** Topic config: the version's name in the dataset; the topic is called {@code OF.NAME}. */
    public static final String NAME_CONFIG = "headrace.version.name";

    /** Topic config: {@code true} keeps the topic from being deleted. */
    public static final String PROTECTED_CONFIG = "headrace.version.protected";

    /** Topic config, written by the server: when it was published, in milliseconds since 1970. */
    public static final String PUBLISHED_CONFIG = "headrace.version.published.ms";

    private static final String TRUE = "true";
    private static final String FALSE = "false";

    private Versions() {}

    /** Whether a topic is a version of a dataset. */
    public static boolean isPublished(Topic topic) {
        return topic.configs().containsKey(OF_CONFIG);
    }

    /** Whether a topic must not be deleted. */
    public static boolean isProtected(Topic topic) {
        return TRUE.equals(topic.configs().get(PROTECTED_CONFIG));
    }

    /**
     * Checks what makes a topic a version.
     *
     * @throws InvalidConfigException naming the config that has a value it cannot have
     */
    public static void check(Topic topic) {
        Map<String, String> configs = topic.configs();
        if (!isPublished(topic)) {
            refuse(configs, NAME_CONFIG);
            refuse(configs, PROTECTED_CONFIG);
            refuse(configs, PUBLISHED_CONFIG);
            return;
        }
        String of = configs.getOrDefault(OF_CONFIG, "");
        String name = configs.getOrDefault(NAME_CONFIG, "");
        if (of.isEmpty() || name.isEmpty() || !topic.name().equals(of + "." + name)) {
            throw new InvalidConfigException(
                    NAME_CONFIG,
                    name,
                    "what makes the topic's name, "
                            + topic.name()
                            + ", of "
                            + OF_CONFIG
                            + "="
                            + of);
        }
        String isProtected = configs.getOrDefault(PROTECTED_CONFIG, FALSE);
        if (!isProtected.equals(TRUE) && !isProtected.equals(FALSE)) {
            throw new InvalidConfigException(PROTECTED_CONFIG, isProtected, "true or false");
        }
        checkStays(topic);
    }

    private static void refuse(Map<String, String> configs, String key) {
        String value = configs.get(key);
        if (value != null) {
            throw new InvalidConfigException(key, value, "set together with " + OF_CONFIG);
        }
    }

    /**
     * Whether a topic keeps the records that it has for as long as it is there and its configs stay
     * as they are, as a version does.
     */
    public static boolean keepsRecords(Topic topic) {
        TopicConfig config = topic.config();
        if (config.storageMode() == StorageMode.SOURCE || Views.isOverlay(topic)) {
            return true;
        }
        return config.storageMode() == StorageMode.PERSISTENT
                && config.retentionMs() == -1
                && config.retentionBytes() == -1
                && config.flushMessages() == 1
                && !config.compact();
    }

    /**
     * A version holds what it held when it was published, for as long as it is there: {@link
     * TopicConfig} sees to that whatever is set, so that what is set must not say otherwise.
     */
    private static void checkStays(Topic topic) {
        TopicConfig config = topic.config();
        if (Views.isUnpinnedOverlay(topic)) {
            throw new InvalidConfigException(
                    OF_CONFIG,
                    topic.configs().getOrDefault(OF_CONFIG, ""),
                    "set once it is decided what the overlay has: it is not pinned yet, retry");
        }
        if (config.storageMode() == StorageMode.SOURCE || Views.isOverlay(topic)) {
            return; // what an overlay is over stays as it is
        }
        if (config.storageMode() != StorageMode.PERSISTENT) {
            throw new InvalidConfigException(
                    StorageMode.CONFIG,
                    config.storageMode().configValue(),
                    "source or persistent, or an overlay's, in a version");
        }
        Map<String, String> configs = topic.configs();
        require(configs, "retention.ms", -1);
        require(configs, "retention.bytes", -1);
        require(configs, "flush.messages", 1);
        String policy = configs.getOrDefault("cleanup.policy", "").toLowerCase(Locale.ROOT);
        if (policy.contains("compact")) {
            throw new InvalidConfigException("cleanup.policy", policy, "delete, in a version");
        }
    }

    /** What is in force there anyway may be said, and nothing else. */
    private static void require(Map<String, String> configs, String key, long wanted) {
        String value = configs.get(key);
        if (value != null && TopicConfig.longOf(key, value, Long.MIN_VALUE) != wanted) {
            throw new InvalidConfigException(
                    key, value, wanted + ", in a version: it stays as it is");
        }
    }
}
