package io.headrace.engine.view;

import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.Topic;
import io.headrace.engine.Views;
import io.headrace.engine.source.SourceTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What the configs of a view say that has records of sources in an order of its own. */
interface OrderedSpec extends ViewSpec {
    /** Topic config: what all that is drawn by lot follows from. */
    String SEED_CONFIG = "headrace.view.seed";

    /** Topic config: consecutive blocks whose records are permuted together. */
    String WINDOW_BLOCKS_CONFIG = "headrace.view.window.blocks";

    /** Topic config: how often the view comes to its end before it ends. */
    String EPOCHS_CONFIG = "headrace.view.epochs";

    /**
     * Topic config: units that are permuted among themselves in the first epoch, so that it can be
     * read before all are known; 0 if it is permuted as a whole.
     */
    String FIRST_EPOCH_UNITS_CONFIG = "headrace.view.first.epoch.units";

    /**
     * Topic config: how much of each source the view has; {@code NAME:GENERATION:OBJECTS:RECORDS},
     * with a comma between two. Written by the engine, once.
     */
    String PINNED_CONFIG = Views.PINNED_CONFIG;

    /**
     * Objects and records of a pin at most, so that no product of them with epochs or weights
     * overflows.
     */
    long PINNED_MAX = 1_000_000_000_000L;

    int WINDOW_BLOCKS_DEFAULT = 32;
    int WINDOW_BLOCKS_MAX = 1024;

    /**
     * How much of a source a view has, for good.
     *
     * @param topic its name
     * @param generation of the listing by which that was decided
     * @param objectCount ordinals below this
     * @param recordCount in these objects
     */
    record Pin(String topic, int generation, long objectCount, long recordCount) {
        private static final Pattern FORMAT =
                Pattern.compile("([^:,]+):([0-9]{1,9}):([0-9]{1,18}):([0-9]{1,18})");

        @Override
        public String toString() {
            return topic + ":" + generation + ":" + objectCount + ":" + recordCount;
        }
    }

    /** Whether a topic is such a view that waits for its sources to be indexed. */
    static boolean isAwaited(Topic topic) {
        return Views.isOrdered(topic) && !topic.configs().containsKey(PINNED_CONFIG);
    }

    /** What the view is pinned to, in the order of its topics; empty if it is not yet. */
    List<Pin> pins();

    /**
     * How many records the view has; 0 if it is not pinned yet. Takes a while but where {@link
     * #isCountedAtOnce}.
     */
    long recordCount();

    /** Whether to count the records is a matter of nanoseconds. */
    default boolean isCountedAtOnce() {
        return pins().isEmpty();
    }

    /** The order of the records of tables, in the order of the topics. */
    RecordOrder order(List<SourceTable> tables);

    /** Whether the view can be read before its sources are indexed to their ends. */
    default boolean isReadEarly() {
        return false;
    }

    /**
     * What can be read already, of sources of which tables have the beginning.
     *
     * @param known what was returned of shorter tables, or null
     * @throws UnsupportedOperationException unless {@link #isReadEarly}
     */
    default Beginning beginning(List<SourceTable> tables, @Nullable Beginning known) {
        throw new UnsupportedOperationException();
    }

    /** Units of each run of the first epoch in a topic's configs; 0 if it has none. */
    static int firstEpochUnits(Map<String, String> configs) {
        long units = ViewSpec.number(configs, FIRST_EPOCH_UNITS_CONFIG, 0, 0);
        if (units > SourceTable.BLOCKS_MAX) {
            throw new InvalidConfigException(
                    FIRST_EPOCH_UNITS_CONFIG,
                    Long.toString(units),
                    "an integer of 0 to " + SourceTable.BLOCKS_MAX);
        }
        return (int) units;
    }

    /** Name of each side that records are marked with; empty if they are not. */
    List<String> marks();

    /** The pins in a topic's configs. */
    static List<Pin> pins(Map<String, String> configs, List<String> topics) {
        String value = configs.get(PINNED_CONFIG);
        if (value == null) {
            return List.of();
        }
        List<Pin> pins = new ArrayList<>();
        for (String text : value.split(",", -1)) {
            Matcher matcher = Pin.FORMAT.matcher(text);
            if (matcher.matches()) {
                pins.add(
                        new Pin(
                                matcher.group(1),
                                Integer.parseInt(matcher.group(2)),
                                Long.parseLong(matcher.group(3)),
                                Long.parseLong(matcher.group(4))));
            }
        }
        if (!pins.stream().map(Pin::topic).toList().equals(topics)
                || pins.stream()
                        .anyMatch(
                                pin ->
                                        pin.objectCount() > PINNED_MAX
                                                || pin.recordCount() > PINNED_MAX)) {
            throw new InvalidConfigException(
                    PINNED_CONFIG,
                    value,
                    "what the server writes, TOPIC:GENERATION:OBJECTS:RECORDS, of numbers up to "
                            + PINNED_MAX);
        }
        return List.copyOf(pins);
    }

    /** The seed in a topic's configs. */
    static long seed(Map<String, String> configs) {
        return ViewSpec.number(configs, SEED_CONFIG, 0, Long.MIN_VALUE);
    }

    /** The number of epochs in a topic's configs. */
    static long epochs(Map<String, String> configs, int max) {
        long epochs = ViewSpec.number(configs, EPOCHS_CONFIG, 1, 1);
        if (epochs > max) {
            throw new InvalidConfigException(
                    EPOCHS_CONFIG, Long.toString(epochs), "an integer of 1 to " + max);
        }
        return epochs;
    }

    /** The window's length in a topic's configs. */
    static int windowBlocks(Map<String, String> configs) {
        long blocks = ViewSpec.number(configs, WINDOW_BLOCKS_CONFIG, WINDOW_BLOCKS_DEFAULT, 1);
        if (blocks > WINDOW_BLOCKS_MAX) {
            throw new InvalidConfigException(
                    WINDOW_BLOCKS_CONFIG,
                    Long.toString(blocks),
                    "an integer of 1 to " + WINDOW_BLOCKS_MAX);
        }
        return (int) blocks;
    }

    /** Refuses what the server cannot do: it has no codec, as it hands on what producers framed. */
    static void checkUncompressed(Map<String, String> configs) {
        String compression = configs.getOrDefault("compression.type", "producer");
        if (!List.of("producer", "uncompressed").contains(compression)) {
            throw new InvalidConfigException(
                    "compression.type", compression, "producer or uncompressed, in such a view");
        }
    }
}
