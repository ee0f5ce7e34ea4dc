package io.headrace.kafka.config;

import io.headrace.engine.Topic;
import io.headrace.engine.Versions;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.common.message.AlterConfigsRequestData;
import org.apache.kafka.common.message.IncrementalAlterConfigsRequestData.AlterableConfig;
import org.apache.kafka.common.protocol.Errors;
import org.jspecify.annotations.Nullable;

/** The changes of configs that a request asks for, or why it cannot be had. */
final class ConfigChanges {
    private final Map<String, @Nullable String> changes = new HashMap<>();
    private Errors error = Errors.NONE;
    private String message = "";

    /** Values by name; null removes the topic's own. */
    Map<String, @Nullable String> changes() {
        return changes;
    }

    /** NONE if the changes can be tried. */
    Errors error() {
        return error;
    }

    /** What is wrong. */
    String message() {
        return message;
    }

    /** Single operations on single configs. */
    static ConfigChanges incremental(Topic topic, Iterable<AlterableConfig> operations) {
        ConfigChanges result = new ConfigChanges();
        for (AlterableConfig operation : operations) {
            result.apply(topic, operation);
        }
        return result;
    }

    /**
     * The legacy form: what is not named goes back to its default. What makes a topic a version,
     * and protects it, is not taken from it by those who do not know of it.
     */
    static ConfigChanges whole(
            Topic topic, Iterable<AlterConfigsRequestData.AlterableConfig> configs) {
        ConfigChanges result = new ConfigChanges();
        topic.configs().keySet().stream()
                .filter(name -> !name.startsWith(Versions.PREFIX))
                .forEach(name -> result.changes.put(name, null));
        for (AlterConfigsRequestData.AlterableConfig config : configs) {
            if (config.value() == null) {
                result.refuse(Errors.INVALID_CONFIG, "no value: config=" + config.name());
            } else {
                result.changes.put(config.name(), config.value());
            }
        }
        return result;
    }

    private void apply(Topic topic, AlterableConfig operation) {
        String name = operation.name();
        OpType type = OpType.forId(operation.configOperation());
        if (changes.containsKey(name)) {
            refuse(Errors.INVALID_REQUEST, "named twice: config=" + name);
        } else if (type == null) {
            refuse(Errors.INVALID_REQUEST, "unknown operation: config=" + name);
        } else if (type != OpType.DELETE && operation.value() == null) {
            refuse(Errors.INVALID_CONFIG, "no value: config=" + name);
        } else {
            apply(topic, name, type, operation.value());
        }
    }

    private void apply(Topic topic, String name, OpType type, @Nullable String value) {
        switch (type) {
            case DELETE -> changes.put(name, null);
            case SET -> changes.put(name, value);
            case APPEND, SUBTRACT -> applyToList(topic, name, type, value);
        }
    }

    private void applyToList(Topic topic, String name, OpType type, @Nullable String value) {
        if (!TopicConfigEntry.isList(name)) {
            refuse(Errors.INVALID_CONFIG, "not a list: config=" + name);
            return;
        }
        Set<String> items = items(TopicConfigEntry.value(topic, name));
        Set<String> changed = items(value == null ? "" : value);
        if (type == OpType.APPEND) {
            items.addAll(changed);
        } else {
            items.removeAll(changed);
        }
        changes.put(name, String.join(",", items));
    }

    private static Set<String> items(String list) {
        return list.isEmpty()
                ? new LinkedHashSet<>()
                : new LinkedHashSet<>(List.of(list.trim().split("\\s*,\\s*")));
    }

    private void refuse(Errors reason, String what) {
        if (error == Errors.NONE) {
            error = reason;
            message = what;
        }
    }
}
