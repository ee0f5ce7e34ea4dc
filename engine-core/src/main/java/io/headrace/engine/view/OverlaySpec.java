package io.headrace.engine.view;

import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.Topic;
import io.headrace.engine.Views;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What the configs of an overlay say: the records of a base, with those of a patch in the place of
 * the ones that have the same keys.
 *
 * @param base name of the topic whose offsets and partitions the overlay has
 * @param patch name of the topic with the records that stand in
 * @param pin what of both it has; null as long as that is not decided
 */
public record OverlaySpec(String base, String patch, @Nullable Pin pin) implements ViewSpec {
    /** Topic config: name of the topic whose records stand in for those of the base. */
    public static final String PATCH_CONFIG = "headrace.view.patch";

    /** Partitions of the base, and of the patch, at most: the pin has to fit into one config. */
    public static final int PARTITIONS_MAX = 256;

    /** Overlays that may lie upon each other: each looks at all records of the one below. */
    public static final int DEPTH_MAX = 8;

    /** Two numbers of 18 digits, with what is before and between them. */
    private static final int SPAN_LENGTH_MAX = 38;

    /** Two ids, a checksum and what is between them. */
    private static final int PIN_FRAME_LENGTH_MAX = 47;

    /**
     * How long a pin may become.
     *
     * @param basePartitionCount of those whose offsets it names
     */
    public static int pinLengthMax(int basePartitionCount, int patchPartitionCount) {
        return PIN_FRAME_LENGTH_MAX + SPAN_LENGTH_MAX * (basePartitionCount + patchPartitionCount);
    }

    /**
     * Offsets of one partition.
     *
     * @param fromOffset the first one
     * @param toOffset behind the last one
     */
    public record Span(long fromOffset, long toOffset) {
        private static final Pattern FORMAT = Pattern.compile("(?:([0-9]{1,18})-)?([0-9]{1,18})");

        @Override
        public String toString() {
            return fromOffset == 0 ? "" + toOffset : fromOffset + "-" + toOffset;
        }
    }

    /**
     * What an overlay has, for good.
     *
     * @param baseId the base topic's
     * @param base by partition; empty if the base stays as it is by itself, as a published source
     *     does
     * @param patchId the patch topic's
     * @param patchCrc CRC-32C of the patch's records, {@link OverlayBuild}
     * @param patch by partition
     */
    public record Pin(long baseId, List<Span> base, long patchId, int patchCrc, List<Span> patch) {
        private static final Pattern FORMAT =
                Pattern.compile("([0-9]{1,18}):([^:;]*);([0-9]{1,18}):([0-9a-f]{8}):([^:;]+)");

        /**
         * Behind the last offset of a partition of the base; {@code Long.MAX_VALUE} for its end.
         */
        long endOffset(int partition) {
            return base.isEmpty() ? Long.MAX_VALUE : base.get(partition).toOffset;
        }

        /** The first offset of a partition of the base; −1 for where that begins. */
        long startOffset(int partition) {
            return base.isEmpty() ? -1 : base.get(partition).fromOffset;
        }

        @Override
        public String toString() {
            return "%d:%s;%d:%08x:%s".formatted(baseId, text(base), patchId, patchCrc, text(patch));
        }

        private static String text(List<Span> spans) {
            return String.join(",", spans.stream().map(Span::toString).toList());
        }

        private static Pin of(String text) {
            Matcher matcher = FORMAT.matcher(text);
            if (!matcher.matches()) {
                throw refused(text);
            }
            return new Pin(
                    Long.parseLong(matcher.group(1)),
                    spans(matcher.group(2), text),
                    Long.parseLong(matcher.group(3)),
                    Integer.parseUnsignedInt(matcher.group(4), 16),
                    spans(matcher.group(5), text));
        }

        private static List<Span> spans(String text, String all) {
            List<Span> spans = new ArrayList<>();
            for (String span : text.isEmpty() ? new String[0] : text.split(",", -1)) {
                Matcher matcher = Span.FORMAT.matcher(span);
                if (!matcher.matches()) {
                    throw refused(all);
                }
                String from = matcher.group(1);
                Span parsed =
                        new Span(
                                from == null ? 0 : Long.parseLong(from),
                                Long.parseLong(matcher.group(2)));
                if (parsed.fromOffset > parsed.toOffset) {
                    throw refused(all);
                }
                spans.add(parsed);
            }
            return List.copyOf(spans);
        }

        private static InvalidConfigException refused(String text) {
            return new InvalidConfigException(
                    OrderedSpec.PINNED_CONFIG,
                    text,
                    "what the server writes, BASE:FROM-TO,…;PATCH:CRC:FROM-TO,…");
        }
    }

    /**
     * A pin that was given has to be of these topics.
     *
     * @throws InvalidConfigException if it is not
     */
    public void requirePinOf(Topic baseTopic, Topic patchTopic, Map<String, String> configs) {
        Pin given = pin;
        if (given != null
                && (given.baseId != baseTopic.id()
                        || given.patchId != patchTopic.id()
                        || given.patch.size() != patchTopic.partitionCount()
                        || !given.base.isEmpty()
                                && given.base.size() != baseTopic.partitionCount())) {
            throw new InvalidConfigException(
                    OrderedSpec.PINNED_CONFIG,
                    configs.getOrDefault(OrderedSpec.PINNED_CONFIG, ""),
                    "left to the server, which writes it");
        }
    }

    @Override
    public List<String> topics() {
        return List.of(base, patch);
    }

    static OverlaySpec of(Map<String, String> configs) {
        OrderedSpec.checkUncompressed(configs);
        List<String> topics = ViewSpec.topics(configs);
        if (topics.size() > 1) {
            throw new InvalidConfigException(
                    TOPICS_CONFIG,
                    String.join(",", topics),
                    "the name of one topic, in a view of type " + Views.OVERLAY);
        }
        String patch = configs.getOrDefault(PATCH_CONFIG, "").trim();
        if (patch.isEmpty() || patch.equals(topics.get(0))) {
            throw new InvalidConfigException(
                    PATCH_CONFIG, patch, "the name of a topic, another than the base");
        }
        String pin = configs.get(OrderedSpec.PINNED_CONFIG);
        return new OverlaySpec(topics.get(0), patch, pin == null ? null : Pin.of(pin));
    }
}
