package io.headrace.bench.kafkaload;

import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;

/** What is promised during a run. But for one mode Kafka runs with its defaults: no fsync. */
enum Mode {
    PERSISTENT_OS(
            "persistent-os",
            "persistent, flush.messages left to the OS on both sides",
            Map.of("flush.messages", Long.toString(Long.MAX_VALUE))),
    PERSISTENT_SYNC(
            "persistent-sync",
            "persistent, Headrace syncs before each acknowledgement, Kafka never",
            Map.of("flush.messages", "1")),
    BOTH_SYNC(
            "both-sync",
            "persistent, both sync before each acknowledgement",
            Map.of("flush.messages", "1"),
            Map.of("flush.messages", "1")),
    MEMORY(
            "memory",
            "memory topics on Headrace, Kafka on disk without fsync",
            Map.of(
                    "headrace.storage.mode",
                    "memory",
                    // The default budget would overwrite the oldest before they are consumed.
                    "retention.bytes",
                    Long.toString(Mode.MEMORY_BUDGET_BYTES)));

    static final long MEMORY_BUDGET_BYTES = 2L << 30;

    final String argument;
    final String description;
    final Map<String, String> headraceTopicConfigs;
    final Map<String, String> kafkaTopicConfigs;

    Mode(String argument, String description, Map<String, String> headraceTopicConfigs) {
        this(argument, description, headraceTopicConfigs, Map.of());
    }

    Mode(
            String argument,
            String description,
            Map<String, String> headraceTopicConfigs,
            Map<String, String> kafkaTopicConfigs) {
        this.argument = argument;
        this.description = description;
        this.headraceTopicConfigs = headraceTopicConfigs;
        this.kafkaTopicConfigs = kafkaTopicConfigs;
    }

    static Mode of(String argument) {
        for (Mode mode : values()) {
            if (mode.argument.equals(argument)) {
                return mode;
            }
        }
        throw new IllegalArgumentException("unknown mode: mode=" + argument + " known=" + known());
    }

    static String known() {
        return Arrays.stream(values()).map(mode -> mode.argument).collect(Collectors.joining("|"));
    }
}
