package io.headrace.engine.view;

import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * What the configs of a union say: the topics whose records come together in it are those of a
 * name, whenever they are made.
 *
 * @param pattern a topic name, in which {@code *} stands for any characters, or none
 */
public record UnionSpec(String pattern) implements ViewSpec {
    /** Most unions that there may be. */
    public static final int UNIONS_MAX = 64;

    private static final String INTERNAL_PREFIX = "__";
    private static final Pattern ALLOWED = Pattern.compile("[a-zA-Z0-9._-][a-zA-Z0-9._*-]{0,248}");

    /**
     * The spec in a topic's configs.
     *
     * @throws InvalidConfigException if the pattern is none
     */
    static UnionSpec of(Map<String, String> configs) {
        String pattern = configs.getOrDefault(TOPICS_CONFIG, "").trim();
        if (!ALLOWED.matcher(pattern).matches() || pattern.startsWith(INTERNAL_PREFIX)) {
            throw new InvalidConfigException(
                    TOPICS_CONFIG,
                    pattern,
                    "one topic name with * for any characters, which begins with a letter, digit,"
                            + " '.', '-' or one '_'");
        }
        return new UnionSpec(pattern);
    }

    /** None that it needs: those that it is over come and go. */
    @Override
    public List<String> topics() {
        return List.of();
    }

    /** What all names begin with; at least one character. */
    public String prefix() {
        int star = pattern.indexOf('*');
        return star < 0 ? pattern : pattern.substring(0, star);
    }

    /**
     * Whether it is over a topic: by its name, if it holds records of its own and is not internal,
     * whatever the pattern.
     */
    public boolean isOver(Topic topic) {
        boolean holdsRecords =
                topic.storageMode() != StorageMode.SOURCE
                        && topic.storageMode() != StorageMode.VIEW;
        return holdsRecords && !topic.name().startsWith(INTERNAL_PREFIX) && matches(topic.name());
    }

    /** Whether a name is of the pattern; takes at most their lengths' product, mostly their sum. */
    public boolean matches(String name) {
        int at = 0;
        int in = 0;
        int star = -1;
        int retry = 0;
        while (at < name.length()) {
            if (in < pattern.length() && pattern.charAt(in) == '*') {
                star = in++;
                retry = at;
            } else if (in < pattern.length() && pattern.charAt(in) == name.charAt(at)) {
                in++;
                at++;
            } else if (star >= 0) {
                in = star + 1;
                at = ++retry;
            } else {
                return false;
            }
        }
        while (in < pattern.length() && pattern.charAt(in) == '*') {
            in++;
        }
        return in == pattern.length();
    }
}
