package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicConfig;
import io.headrace.engine.spi.HeapMetadataStore;
import io.headrace.engine.spi.MetadataStore;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** From when on, and for how long, what an overlay is over has to keep its records. */
class CatalogOverlaysTest {
    private static final Map<String, String> KEEPING = Map.of("retention.ms", "-1");

    @TempDir Path folder;
    private MetadataStore store;
    private final Map<String, Topic> topics = new HashMap<>();
    private final Topic base = add(1, "base", KEEPING);
    private final Topic patch = add(2, "patch", KEEPING);
    private final Topic other = add(3, "other", KEEPING);

    @BeforeEach
    void open() throws IOException {
        store = HeapMetadataStore.open(folder.resolve("store"));
    }

    @AfterEach
    void close() {
        store.close();
    }

    private Topic add(long id, String name, Map<String, String> configs) {
        Topic topic = topic(id, name, configs);
        topics.put(name, topic);
        return topic;
    }

    private static Topic topic(long id, String name, Map<String, String> configs) {
        return new Topic(id, name, 1, configs, TopicConfig.DEFAULTS.with(configs), 1);
    }

    private static Topic overlay(long id, String base, String patch) {
        return topic(
                id,
                "view" + id,
                Map.of(
                        "headrace.view.type", "overlay",
                        "headrace.view.topics", base,
                        "headrace.view.patch", patch));
    }

    private CatalogOverlays overlays(Predicate<Topic> settles) {
        return new CatalogOverlays(topics::get, store, settles);
    }

    private @Nullable Topic byId(long id) {
        return topics.values().stream().filter(topic -> topic.id() == id).findFirst().orElse(null);
    }

    /** Who asks while what was done before is waited for is told, and so is who asks later. */
    @Test
    void recordsStayBeforeWhatWasDoneToThemIsLookedAt() {
        CatalogOverlays[] overlays = new CatalogOverlays[1];
        List<String> settled = new ArrayList<>();
        overlays[0] =
                overlays(
                        topic -> {
                            assertTrue(overlays[0].isOver(base.id()));
                            assertTrue(overlays[0].isOver(patch.id()));
                            return settled.add(topic.name());
                        });
        Topic view = overlay(4, "base", "patch");
        overlays[0].check(view, null, true);
        assertEquals(List.of("base", "patch"), settled);
        topics.put("view4", view);
        overlays[0].endGroup(this::byId);
        assertTrue(overlays[0].isOver(base.id()));
        assertFalse(overlays[0].isOver(other.id()));

        // A change to it asks for nothing, and one that was refused leaves all as it is.
        overlays[0].check(view, view, true);
        overlays[0].deleted(view);
        overlays[0].endGroup(this::byId);
        assertEquals(2, settled.size());
        assertTrue(overlays[0].isOver(base.id()));

        topics.remove("view4");
        overlays[0].deleted(view);
        assertTrue(overlays[0].isOver(base.id()));
        overlays[0].endGroup(this::byId);
        assertFalse(overlays[0].isOver(base.id()));
        assertFalse(overlays[0].isOver(patch.id()));
    }

    @Test
    void whatDoesNotComeToBeHoldsNothing() {
        CatalogOverlays overlays = overlays(topic -> false);
        Topic view = overlay(4, "base", "patch");
        InvalidConfigException refused =
                assertThrows(InvalidConfigException.class, () -> overlays.check(view, null, true));
        assertTrue(String.valueOf(refused.getMessage()).contains("retry"), refused::toString);
        overlays.endGroup(this::byId);
        assertFalse(overlays.isOver(base.id()));

        // Ids of those that were only looked at are given to what comes next.
        CatalogOverlays next = overlays(topic -> true);
        next.check(view, null, true);
        next.check(overlay(4, "base", "other"), null, true);
        add(4, "plain", Map.of());
        next.endGroup(this::byId);
        for (Topic topic : List.of(base, patch, other)) {
            assertFalse(next.isOver(topic.id()), topic.name());
        }
    }

    @Test
    void eachOverlayCountsAlsoThoseFromBefore() {
        CatalogOverlays overlays = overlays(topic -> true);
        Topic first = overlay(4, "base", "patch");
        Topic second = overlay(5, "other", "patch");
        topics.put("view4", first);
        topics.put("view5", second);
        topics.values().forEach(overlays::recovered);
        overlays.recovered(first); // views are named several times
        topics.remove("view4");
        overlays.deleted(first);
        overlays.endGroup(this::byId);
        assertFalse(overlays.isOver(base.id()));
        assertTrue(overlays.isOver(patch.id()));
        assertTrue(overlays.isOver(other.id()));
        topics.remove("view5");
        overlays.deleted(second);
        overlays.endGroup(this::byId);
        assertFalse(overlays.isOver(patch.id()));
    }
}
