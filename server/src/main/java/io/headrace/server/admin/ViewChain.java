package io.headrace.server.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog;
import io.headrace.engine.Views;

/** What a view is over that is a view itself, down to topics that are none. Stateless. */
final class ViewChain {
    private static final String TOPICS_CONFIG = "headrace.view.topics";
    private static final String PINNED_CONFIG = "headrace.view.pinned";

    /** Views that are named, at most. */
    private static final int VIEWS_MAX = 100;

    private ViewChain() {}

    /** Adds the views below a view, each before those that are below it. */
    static void addBelow(ArrayNode json, TopicCatalog catalog, Topic view) {
        for (String named : view.configs().getOrDefault(TOPICS_CONFIG, "").split(",")) {
            int weight = named.indexOf(':'); // of a side of a mix
            Topic below = catalog.find((weight < 0 ? named : named.substring(0, weight)).trim());
            if (below != null
                    && below.storageMode() == StorageMode.VIEW
                    && json.size() < VIEWS_MAX) {
                // A shuffle goes by what a mix below it says, and does not read it.
                json.addObject()
                        .put("topic", below.name())
                        .put("type", below.configs().getOrDefault(Views.TYPE_CONFIG, ""))
                        .put("topics", below.configs().getOrDefault(TOPICS_CONFIG, ""))
                        .put("partitions", below.partitionCount())
                        .put("ready", isReady(below) || Views.isOrdered(view));
                addBelow(json, catalog, below);
            }
        }
    }

    private static boolean isReady(Topic view) {
        return !Views.isOrdered(view) || view.configs().containsKey(PINNED_CONFIG);
    }
}
