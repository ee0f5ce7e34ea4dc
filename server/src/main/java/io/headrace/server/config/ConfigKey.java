package io.headrace.server.config;

import java.util.List;
import java.util.function.Function;

/**
 * One key of the server's configuration. Immutable.
 *
 * @param <T> what its value is parsed to
 */
public final class ConfigKey<T> {
    private final String name;
    private final String defaultText;
    private final String allowed;
    private final Function<String, T> parser;
    private final String meaning;

    private ConfigKey(
            String name,
            String defaultText,
            String allowed,
            Function<String, T> parser,
            String meaning) {
        this.name = name;
        this.defaultText = defaultText;
        this.allowed = allowed;
        this.parser = parser;
        this.meaning = meaning;
    }

    static ConfigKey<Long> number(
            String name, long defaultValue, long min, long max, String meaning) {
        String allowed = max == Long.MAX_VALUE ? "at least " + min : min + " to " + max;
        return new ConfigKey<>(
                name,
                Long.toString(defaultValue),
                allowed,
                text -> inRange(Long.parseLong(text), min, max),
                meaning);
    }

    static ConfigKey<Boolean> flag(String name, boolean defaultValue, String meaning) {
        return new ConfigKey<>(
                name, Boolean.toString(defaultValue), "true or false", ConfigKey::bool, meaning);
    }

    static ConfigKey<String> text(String name, String defaultText, String meaning) {
        return new ConfigKey<>(name, defaultText, "text", text -> text, meaning);
    }

    static ConfigKey<String> oneOf(
            String name, String defaultText, List<String> choices, String meaning) {
        return new ConfigKey<>(
                name,
                defaultText,
                String.join(", ", choices),
                text -> chosen(text, choices),
                meaning);
    }

    static <T> ConfigKey<T> parsed(
            String name,
            String defaultText,
            String allowed,
            Function<String, T> parser,
            String meaning) {
        return new ConfigKey<>(name, defaultText, allowed, parser, meaning);
    }

    /** As it is written in the file. */
    public String name() {
        return name;
    }

    /** The value where the file says nothing; empty means that there is none. */
    public String defaultText() {
        return defaultText;
    }

    /** What values it takes, in words. */
    public String allowed() {
        return allowed;
    }

    /** What it does, in a sentence. */
    public String meaning() {
        return meaning;
    }

    /**
     * Parses a value.
     *
     * @throws ConfigException naming key, value and what is allowed
     */
    T parse(String text) {
        try {
            return parser.apply(text.trim());
        } catch (IllegalArgumentException e) {
            throw new ConfigException(
                    "bad value: key=" + name + " value=" + text + " allowed=" + allowed);
        }
    }

    private static long inRange(long value, long min, long max) {
        if (value < min || value > max) {
            throw new IllegalArgumentException();
        }
        return value;
    }

    private static boolean bool(String text) {
        return switch (text) {
            case "true" -> true;
            case "false" -> false;
            default -> throw new IllegalArgumentException();
        };
    }

    private static String chosen(String text, List<String> choices) {
        if (!choices.contains(text)) {
            throw new IllegalArgumentException();
        }
        return text;
    }
}
