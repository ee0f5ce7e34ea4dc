package io.headrace.engine.view;

import io.headrace.engine.Alias;
import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.Views;
import org.jspecify.annotations.Nullable;

/**
 * What views may be over. A share view may be over shuffle and mix views, these over sources alone,
 * a replay over whatever is no replay: so no chain is longer than replay, share, mix, source, and
 * as what a view is over is there before it and stays as it is, there are no circles. Stateless.
 */
public final class ViewBases {
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

    private static String insteadOfSource(@Nullable Topic base) {
        if (base == null || base.storageMode() == StorageMode.SOURCE) {
            return base == null ? "the names of sources that exist" : "";
        }
        if (Views.isOrdered(base)) {
            return "the names of sources, in such a view: to shuffle a mix, make a mix of these"
                    + " sources with "
                    + MixSpec.SHUFFLE_CONFIG
                    + "=true; "
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
