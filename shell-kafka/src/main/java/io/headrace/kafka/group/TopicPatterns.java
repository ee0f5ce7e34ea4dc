package io.headrace.kafka.group;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import org.jspecify.annotations.Nullable;

/**
 * The live regular expressions of all groups, found by the name of a topic: a lookup per length of
 * their prefixes, not per expression, since a hundred thousand agents may have one each.
 *
 * <p>Adding is for one thread at a time; {@link #matchesAny} is thread-safe.
 */
final class TopicPatterns {
    /**
     * Most expressions kept; beyond, the one added first goes. Its group still has the topics that
     * matched so far, and it is added again when a member names it.
     */
    static final int COUNT_MAX = 100_000;

    private final LinkedHashMap<String, TopicPattern> byRegex = new LinkedHashMap<>();
    private final Map<String, Map<String, TopicPattern>> byPrefix = new ConcurrentHashMap<>();

    /** How many expressions have a prefix of a length. */
    private final ConcurrentSkipListMap<Integer, Integer> countByPrefixLength =
            new ConcurrentSkipListMap<>();

    /** Whether an expression was added, and is still there. */
    boolean contains(String regex) {
        return byRegex.containsKey(regex);
    }

    /** Adds an expression; returns it if it is new and valid, null otherwise. */
    @Nullable TopicPattern add(String regex) {
        if (byRegex.containsKey(regex)) {
            return null;
        }
        TopicPattern pattern = TopicPattern.of(regex);
        if (pattern == null) {
            return null;
        }
        if (byRegex.size() >= COUNT_MAX) {
            removeEldest();
        }
        byRegex.put(regex, pattern);
        byPrefix.computeIfAbsent(pattern.literalPrefix(), prefix -> new ConcurrentHashMap<>())
                .put(regex, pattern);
        countByPrefixLength.merge(pattern.literalPrefix().length(), 1, Integer::sum);
        return pattern;
    }

    private void removeEldest() {
        Iterator<Map.Entry<String, TopicPattern>> eldest = byRegex.entrySet().iterator();
        Map.Entry<String, TopicPattern> entry = eldest.next();
        eldest.remove();
        String prefix = entry.getValue().literalPrefix();
        byPrefix.computeIfPresent(
                prefix,
                (key, patterns) -> {
                    patterns.remove(entry.getKey());
                    return patterns.isEmpty() ? null : patterns;
                });
        countByPrefixLength.computeIfPresent(
                prefix.length(), (length, count) -> count == 1 ? null : count - 1);
    }

    /** Whether any expression matches a topic's name. */
    boolean matchesAny(String topicName) {
        for (int length : countByPrefixLength.headMap(topicName.length(), true).keySet()) {
            Map<String, TopicPattern> patterns = byPrefix.get(topicName.substring(0, length));
            if (patterns != null && matchesAny(patterns, topicName)) {
                return true;
            }
        }
        return false;
    }

    private static boolean matchesAny(Map<String, TopicPattern> patterns, String topicName) {
        for (TopicPattern pattern : patterns.values()) {
            if (pattern.matches(topicName)) {
                return true;
            }
        }
        return false;
    }
}
