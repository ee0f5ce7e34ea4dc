package io.headrace.engine.view;

import io.headrace.engine.Alias;
import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.Views;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What views may be over. A share view may be over shuffle and mix views, these over sources alone,
 * but for shuffles over mixes, a replay over whatever is no replay: so no chain is longer than
 * replay, share, shuffle, mix, source, and as what a view is over is there before it and stays as
 * it is, there are no circles. Stateless.
 */
public final class ViewBases {
    private static final List<String> OF_MIX =
            List.of(MixSpec.SIDES_CONFIG, MixSpec.END_CONFIG, MixSpec.WEIGHTS_FROM_CONFIG);

    private ViewBases() {}

    /**
     * Checks one of the topics that a view names.
     *
     * @param base null if there is no such topic
     * @throws InvalidConfigException if the view cannot be over it, with what can be done instead
     */
    public static void check(ViewSpec spec, String name, @Nullable Topic base) {
        String instead =
                spec.isOverSources() ? insteadOfSource(base) : insteadInShare(spec, name, base);
        if (!instead.isEmpty()) {
            throw new InvalidConfigException(ViewSpec.TOPICS_CONFIG, name, instead);
        }
    }

    /**
     * The configs of a view to be, with what the engine has to know of those below it: of a shuffle
     * over a mix what the mix is.
     *
     * @param byName what there is of a name, or null
     * @throws InvalidConfigException if they say themselves what the engine writes, otherwise
     */
    public static Map<String, String> completed(
            Map<String, String> configs, Function<String, @Nullable Topic> byName) {
        if (!Views.SHUFFLE.equals(configs.get(ViewSpec.TYPE_CONFIG))) {
            return configs;
        }
        Topic base = byName.apply(configs.getOrDefault(ViewSpec.TOPICS_CONFIG, "").trim());
        if (base == null) {
            return configs; // which is refused, with the name
        }
        boolean isOverMix = Views.MIX.equals(typeOf(base));
        Map<String, String> completed = new HashMap<>(configs);
        for (String key : OF_MIX) {
            String below = MixSpec.SIDES_CONFIG.equals(key) ? ViewSpec.TOPICS_CONFIG : key;
            String written = isOverMix ? base.configs().get(below) : null;
            String given = configs.get(key);
            if (given != null && !given.equals(written)) {
                throw new InvalidConfigException(
                        key, given, "in a shuffle left to the server, which takes it from the mix");
            }
            if (written != null) {
                completed.put(key, written);
            }
        }
        return completed;
    }

    private static String insteadOfSource(@Nullable Topic base) {
        if (base == null || base.storageMode() == StorageMode.SOURCE) {
            return base == null ? "the names of sources that exist" : "";
        }
        if (Views.isOrdered(base)) {
            return "the names of sources, in such a view, or in a shuffle the name of one mix; "
                    + base.name()
                    + " is a "
                    + typeOf(base)
                    + " view";
        }
        return "the names of sources, in such a view";
    }

    private static String insteadInShare(ViewSpec spec, String name, @Nullable Topic base) {
        if (base == null) {
            return "the names of topics that exist";
        }
        if (base.storageMode() != StorageMode.VIEW
                || spec instanceof ShareSpec && Views.isOrdered(base)) {
            return "";
        }
        if (Alias.isAlias(base)) {
            return "no aliases, they show another version one day: name the version, now "
                    + Alias.of(base.configs()).currentVersion().name();
        }
        return "topics, and shuffle and mix views; " + name + " is a " + typeOf(base) + " view";
    }

    private static String typeOf(Topic view) {
        return view.configs().getOrDefault(Views.TYPE_CONFIG, "");
    }
}
