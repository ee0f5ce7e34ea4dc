package io.headrace.kafka.topic;

import io.headrace.engine.Engine;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog;
import io.headrace.engine.TopicCatalog.CatalogChange;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.Uuid;
import org.jspecify.annotations.Nullable;

/**
 * Finds topics by name or id without asking the catalog each time, and keeps the logs that were
 * used. Bounded; forgets a topic as soon as it changes.
 *
 * <p>Thread-safe.
 */
public final class TopicDirectory {
    /**
     * Topics kept; beyond it, all are forgotten and found again: rare, and cheap (a few µs each).
     */
    private static final int TOPICS_MAX = 65_536;

    private final Engine engine;
    private final TopicIds ids;
    private final Map<String, TopicHandle> handleByName = new ConcurrentHashMap<>();
    private final Map<Long, TopicHandle> handleById = new ConcurrentHashMap<>();
    private final AtomicLong changeCount = new AtomicLong();

    /**
     * @param engine whose topics to find
     * @param ids how topic ids are written
     */
    public TopicDirectory(Engine engine, TopicIds ids) {
        this.engine = engine;
        this.ids = ids;
        engine.catalog().listen(this::onChange);
    }

    /** How topic ids are written. */
    public TopicIds ids() {
        return ids;
    }

    /** The catalog. */
    public TopicCatalog catalog() {
        return engine.catalog();
    }

    /** The engine. */
    public Engine engine() {
        return engine;
    }

    /** The topic of that name, or null. */
    public @Nullable TopicHandle find(String name) {
        TopicHandle handle = handleByName.get(name);
        return handle != null ? handle : load(name);
    }

    /** The topic of that id, or null. */
    public @Nullable TopicHandle find(Uuid uuid) {
        long id = ids.topicId(uuid);
        TopicHandle handle = handleById.get(id);
        return handle != null || id == TopicIds.UNKNOWN ? handle : load(id);
    }

    private @Nullable TopicHandle load(String name) {
        long changeCountBefore = changeCount.get();
        return keep(engine.catalog().find(name), changeCountBefore);
    }

    private @Nullable TopicHandle load(long id) {
        long changeCountBefore = changeCount.get();
        return keep(engine.catalog().find(id), changeCountBefore);
    }

    private @Nullable TopicHandle keep(@Nullable Topic topic, long changeCountBefore) {
        if (topic == null) {
            return null;
        }
        if (handleByName.size() >= TOPICS_MAX) {
            forgetAll();
        }
        TopicHandle handle = new TopicHandle(engine, topic);
        handleByName.put(topic.name(), handle);
        handleById.put(topic.id(), handle);
        // If the topic changed between the look into the catalog and here, the listener may have
        // come too early to remove what was just put.
        if (changeCount.get() != changeCountBefore) {
            forget(topic);
        }
        return handle;
    }

    private void onChange(CatalogChange change) {
        changeCount.incrementAndGet(); // before the removal: see keep
        forget(change.topic());
    }

    private void forget(Topic topic) {
        handleByName.remove(topic.name());
        handleById.remove(topic.id());
    }

    private void forgetAll() {
        handleByName.clear();
        handleById.clear();
    }
}
