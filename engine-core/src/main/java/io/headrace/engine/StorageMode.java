package io.headrace.engine;

import java.util.Locale;

/**
 * Where a topic's bytes live, and so what an acknowledgement promises. Topic config {@value
 * #CONFIG}.
 */
@Stable
public enum StorageMode {
    /** Off-heap memory. Lost, announced, when the process ends; offsets are never reused. */
    MEMORY,
    /**
     * Off-heap memory, and the journal within a window. After a crash a clean prefix is left: what
     * is lost, announced, was acknowledged (acks=all) within one window. Nothing after a clean
     * stop.
     */
    HYBRID,
    /**
     * The journal: acknowledged means on disk and synced, unless the topic's flush settings say
     * otherwise.
     */
    PERSISTENT,
    /** Objects that already exist in an object store; read-only. */
    SOURCE,
    /**
     * Other topics; read-only. What this topic has of its own is references to them, in the
     * journal.
     */
    VIEW;

    /** Name of the topic config. */
    public static final String CONFIG = "headrace.storage.mode";

    /** The value this mode has in the topic config. */
    public String configValue() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * The mode of a config value.
     *
     * @throws InvalidConfigException if there is none of that name
     */
    public static StorageMode of(String configValue) {
        for (StorageMode mode : values()) {
            if (mode.configValue().equals(configValue.toLowerCase(Locale.ROOT))) {
                return mode;
            }
        }
        throw new InvalidConfigException(
                CONFIG, configValue, "memory, hybrid, persistent, source or view");
    }
}
