package io.headrace.engine.view;

import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.source.SourceTable;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the configs of a mix view say, or of a shuffle view over a mix.
 *
 * @param mix name of the mix that a shuffle view is over; empty if this is the mix
 * @param topics names of the sources that it is over, its sides
 * @param weights of the sides, from each record on: the first from record 0 on
 * @param seed of all that is drawn by lot
 * @param isShuffled whether each side comes shuffled
 * @param epochs how often the mix comes to its end; the sides go on where they are
 * @param windowBlocks consecutive blocks of a side whose records are permuted together
 * @param firstEpochUnits consecutive units of a shuffled side that are permuted among themselves in
 *     its first epoch; above 0 the mix can be read before its sides are indexed
 * @param end what the end of a side means
 * @param pins how much of the sources it has; empty if that is not decided yet
 */
record MixSpec(
        String mix,
        List<String> topics,
        List<Weights> weights,
        long seed,
        boolean isShuffled,
        long epochs,
        int windowBlocks,
        int firstEpochUnits,
        End end,
        List<Pin> pins)
        implements OrderedSpec {
    /** Topic config: what becomes of a mix view where one of its sides ends. */
    static final String END_CONFIG = "headrace.view.end";

    /** Topic config: whether the sides of a mix view are shuffled. */
    static final String SHUFFLE_CONFIG = "headrace.view.shuffle";

    /** Topic config: other weights of a mix view from some records on. */
    static final String WEIGHTS_FROM_CONFIG = "headrace.view.weights.from";

    /**
     * Topic config: what {@link #TOPICS_CONFIG} of the mix says that a shuffle view is over.
     * Written by the engine, with the mix's {@link #END_CONFIG} and {@link #WEIGHTS_FROM_CONFIG}.
     */
    static final String SIDES_CONFIG = "headrace.view.sides";

    static final int SIDES_MAX = 64;

    /** So that no count of a mix with the longest pins overflows. */
    static final int EPOCHS_MAX = 100;

    private static final int CHANGES_MAX = 32;
    private static final int DIGITS_MAX = 12;

    /** Of all names together, so that the pins fit into a config: 64 of 85 characters. */
    private static final int NAMES_LENGTH_MAX = 5_440;

    /** What the end of a side means. */
    enum End {
        /** The view ends where a record of it were next. */
        STOP,
        /** It begins again, until each side was there once. */
        REPEAT,
        /** The others go on. */
        REST
    }

    /**
     * Weights from a record on.
     *
     * @param fromRecord of the view
     * @param parts of each side, without a common divisor
     */
    record Weights(long fromRecord, List<Integer> parts) {}

    /**
     * The spec in a topic's configs.
     *
     * @throws InvalidConfigException naming the first config that has a value it cannot have
     */
    static MixSpec of(Map<String, String> configs) {
        OrderedSpec.checkUncompressed(configs);
        String value = configs.getOrDefault(TOPICS_CONFIG, "");
        List<String> topics = new ArrayList<>();
        List<String> first = new ArrayList<>();
        for (String side : value.split(",", -1)) {
            int colon = side.indexOf(':');
            topics.add((colon < 0 ? side : side.substring(0, colon)).trim());
            first.add(colon < 0 ? "1" : side.substring(colon + 1));
        }
        if (topics.size() > SIDES_MAX
                || topics.contains("")
                || new LinkedHashSet<>(topics).size() < topics.size()) {
            throw new InvalidConfigException(
                    TOPICS_CONFIG, value, "NAME:WEIGHT,… of 1 to " + SIDES_MAX + " topics");
        }
        if (String.join("", topics).length() > NAMES_LENGTH_MAX) {
            throw new InvalidConfigException(
                    TOPICS_CONFIG, value, "names of " + NAMES_LENGTH_MAX + " characters in all");
        }
        List<Weights> weights = new ArrayList<>();
        weights.add(new Weights(0, parts(first, TOPICS_CONFIG, value)));
        addChanges(configs.getOrDefault(WEIGHTS_FROM_CONFIG, ""), topics.size(), weights);
        MixSpec spec =
                new MixSpec(
                        "",
                        List.copyOf(topics),
                        List.copyOf(weights),
                        OrderedSpec.seed(configs),
                        isShuffled(configs),
                        OrderedSpec.epochs(configs, EPOCHS_MAX),
                        OrderedSpec.windowBlocks(configs),
                        OrderedSpec.firstEpochUnits(configs),
                        end(configs),
                        OrderedSpec.pins(configs, topics));
        checkTables(spec, configs);
        return spec;
    }

    /**
     * The spec of a shuffle view over a mix: the same mix, but that its sides are shuffled by what
     * the view says.
     */
    static MixSpec ofShuffled(Map<String, String> configs) {
        Map<String, String> ofMix = new HashMap<>(configs);
        ofMix.put(TOPICS_CONFIG, configs.getOrDefault(SIDES_CONFIG, ""));
        ofMix.put(SHUFFLE_CONFIG, "true");
        return of(ofMix).over(configs.getOrDefault(TOPICS_CONFIG, "").trim());
    }

    /**
     * Each change of the weights would meet each end of a side, in other epochs, in a table each.
     */
    private static void checkTables(MixSpec spec, Map<String, String> configs) {
        if (spec.epochs > 1 && spec.weights.size() > 1 && spec.end == End.REST) {
            throw new InvalidConfigException(
                    WEIGHTS_FROM_CONFIG,
                    configs.getOrDefault(WEIGHTS_FROM_CONFIG, ""),
                    "none, where " + END_CONFIG + "=rest and " + EPOCHS_CONFIG + " is above 1");
        }
    }

    private MixSpec over(String mix) {
        return new MixSpec(
                mix,
                topics,
                weights,
                seed,
                isShuffled,
                epochs,
                windowBlocks,
                firstEpochUnits,
                end,
                pins);
    }

    private static void addChanges(String value, int sideCount, List<Weights> weights) {
        for (String change : value.isBlank() ? new String[0] : value.split(";", -1)) {
            int colon = change.indexOf(':');
            List<String> parts = List.of(change.substring(colon + 1).split(",", -1));
            long from = -1;
            try {
                from = Long.parseLong(change.substring(0, Math.max(0, colon)).trim());
            } catch (NumberFormatException ignored) {
                // named below, with the value
            }
            if (from <= weights.get(weights.size() - 1).fromRecord()
                    || parts.size() != sideCount
                    || weights.size() > CHANGES_MAX) {
                throw new InvalidConfigException(
                        WEIGHTS_FROM_CONFIG,
                        value,
                        "RECORD:WEIGHT,…;… with a weight for each side, records ascending, at most "
                                + CHANGES_MAX
                                + " times");
            }
            weights.add(new Weights(from, parts(parts, WEIGHTS_FROM_CONFIG, value)));
        }
    }

    /** Weights as integers that have the same proportions. */
    private static List<Integer> parts(List<String> weights, String key, String value) {
        List<BigDecimal> numbers = new ArrayList<>();
        int scale = 0;
        BigInteger divisor = BigInteger.ZERO;
        BigInteger sum = BigInteger.ZERO;
        List<BigInteger> parts = new ArrayList<>();
        try {
            for (String weight : weights) {
                BigDecimal number = new BigDecimal(weight.trim()).stripTrailingZeros();
                if (number.signum() <= 0
                        || Math.abs(number.scale()) > DIGITS_MAX
                        || number.precision() > DIGITS_MAX) {
                    throw new NumberFormatException(weight);
                }
                numbers.add(number);
                scale = Math.max(scale, number.scale());
            }
        } catch (NumberFormatException refused) {
            throw new InvalidConfigException(key, value, "weights above 0, such as 0.8");
        }
        for (BigDecimal number : numbers) {
            BigInteger part = number.scaleByPowerOfTen(scale).toBigIntegerExact();
            parts.add(part);
            divisor = divisor.gcd(part);
            sum = sum.add(part);
        }
        if (sum.divide(divisor).compareTo(BigInteger.valueOf(Interleave.PERIOD_MAX)) > 0) {
            throw new InvalidConfigException(
                    key,
                    value,
                    "weights that are integers with a sum of at most "
                            + Interleave.PERIOD_MAX
                            + ", or in such proportions");
        }
        List<Integer> reduced = new ArrayList<>();
        for (BigInteger part : parts) {
            reduced.add(part.divide(divisor).intValueExact());
        }
        return List.copyOf(reduced);
    }

    private static boolean isShuffled(Map<String, String> configs) {
        String value = configs.getOrDefault(SHUFFLE_CONFIG, "false");
        return switch (value) {
            case "true" -> true;
            case "false" -> false;
            default -> throw new InvalidConfigException(SHUFFLE_CONFIG, value, "true or false");
        };
    }

    private static End end(Map<String, String> configs) {
        String value = configs.getOrDefault(END_CONFIG, "stop");
        return switch (value) {
            case "stop" -> End.STOP;
            case "repeat" -> End.REPEAT;
            case "rest" -> End.REST;
            default -> throw new InvalidConfigException(END_CONFIG, value, "stop, repeat or rest");
        };
    }

    private MixSequence sequence() {
        return new MixSequence(
                this, pins.stream().mapToLong(OrderedSpec.Pin::recordCount).toArray());
    }

    @Override
    public long recordCount() {
        return pins.isEmpty() ? 0 : sequence().count();
    }

    @Override
    public RecordOrder order(List<SourceTable> tables) {
        return new MixOrder(this, sequence(), tables);
    }

    @Override
    public boolean isReadEarly() {
        return firstEpochUnits > 0;
    }

    @Override
    public Beginning beginning(List<SourceTable> tables, @Nullable Beginning known) {
        return known instanceof MixBeginning shorter
                ? shorter.grown(tables)
                : MixBeginning.of(this, tables);
    }

    @Override
    public List<String> needed() {
        if (mix.isEmpty()) {
            return topics;
        }
        List<String> needed = new ArrayList<>(topics);
        needed.add(mix);
        return needed;
    }

    /**
     * The first epoch of it, but that it ends before the first record that a side does not have.
     */
    MixSpec stopping() {
        return new MixSpec(
                mix,
                topics,
                weights,
                seed,
                isShuffled,
                1,
                windowBlocks,
                firstEpochUnits,
                End.STOP,
                pins);
    }

    @Override
    public List<String> marks() {
        return topics;
    }
}
