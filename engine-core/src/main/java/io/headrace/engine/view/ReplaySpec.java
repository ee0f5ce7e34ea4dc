package io.headrace.engine.view;

import io.headrace.engine.InvalidConfigException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the configs of a replay view say: its partitions are ranges of others.
 *
 * @param ranges one for each partition of the view
 */
public record ReplaySpec(List<Range> ranges) implements ViewSpec {
    /**
     * Topic config: the ranges of a replay view, in the order of its partitions: {@code
     * TOPIC=PARTITION:FROM-TO,PARTITION:FROM-TO;TOPIC=...}, from the first offset to the one behind
     * the last.
     */
    public static final String RANGES_CONFIG = "headrace.view.ranges";

    private static final String ALLOWED =
            "TOPIC=PARTITION:FROM-TO,PARTITION:FROM-TO;TOPIC=..., each partition once, with offsets"
                    + " from the first one to the one behind the last";
    private static final Pattern RANGE = Pattern.compile("(\\d{1,9}):(\\d{1,18})-(\\d{1,18})");

    /**
     * Offsets of a partition.
     *
     * @param topic its name
     * @param partition number
     * @param fromOffset first offset
     * @param toOffset offset behind the last one
     */
    public record Range(String topic, int partition, long fromOffset, long toOffset) {
        @Override
        public String toString() {
            return "topic="
                    + topic
                    + " partition="
                    + partition
                    + " offsets="
                    + fromOffset
                    + "-"
                    + toOffset;
        }
    }

    @Override
    public List<String> topics() {
        return ranges.stream().map(Range::topic).distinct().toList();
    }

    /**
     * The spec in a topic's configs.
     *
     * @throws InvalidConfigException if there are no ranges, or one is none
     */
    static ReplaySpec of(Map<String, String> configs) {
        String value = configs.getOrDefault(RANGES_CONFIG, "");
        List<Range> ranges = new ArrayList<>();
        Set<String> partitions = new HashSet<>();
        for (String ofTopic : value.split(";")) {
            int at = ofTopic.indexOf('=');
            if (at < 1) {
                throw refused(value);
            }
            String topic = ofTopic.substring(0, at).trim();
            for (String range : ofTopic.substring(at + 1).split(",")) {
                Range parsed = range(topic, range.trim(), value);
                if (!partitions.add(topic + ":" + parsed.partition)) {
                    throw refused(value);
                }
                ranges.add(parsed);
            }
        }
        return new ReplaySpec(List.copyOf(ranges));
    }

    private static Range range(String topic, String text, String value) {
        Matcher matcher = RANGE.matcher(text);
        if (!matcher.matches()) {
            throw refused(value);
        }
        long from = Long.parseLong(matcher.group(2));
        long to = Long.parseLong(matcher.group(3));
        if (from > to) {
            throw refused(value);
        }
        return new Range(topic, Integer.parseInt(matcher.group(1)), from, to);
    }

    private static InvalidConfigException refused(String value) {
        return new InvalidConfigException(RANGES_CONFIG, value, ALLOWED);
    }

    /**
     * The ranges as {@link #RANGES_CONFIG} has them; those of a topic have to follow each other.
     */
    public static String format(List<Range> ranges) {
        StringBuilder text = new StringBuilder();
        String topic = null;
        for (Range range : ranges) {
            if (range.topic.equals(topic)) {
                text.append(',');
            } else {
                topic = range.topic;
                text.append(text.isEmpty() ? "" : ";").append(topic).append('=');
            }
            text.append(range.partition)
                    .append(':')
                    .append(range.fromOffset)
                    .append('-')
                    .append(range.toOffset);
        }
        return text.toString();
    }
}
