package io.headrace.engine.log;

import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogChange;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Topics that were looked up lately. Full is emptied: what is in use comes back within microseconds
 * each.
 *
 * <p>Lookups take no lock. A topic that was loaded before a change must not be put in after it:
 * hence the version.
 */
final class TopicCache {
    private final int countMax;
    private final Map<String, Topic> byName = new ConcurrentHashMap<>();
    private final Map<Long, Topic> byId = new ConcurrentHashMap<>();
    private volatile long version;

    TopicCache(int countMax) {
        this.countMax = countMax;
    }

    @Nullable Topic get(String name) {
        return byName.get(name);
    }

    @Nullable Topic get(long topicId) {
        return byId.get(topicId);
    }

    /** To be taken before a topic is loaded from the store. */
    long version() {
        return version;
    }

    /**
     * Adds a topic that was loaded at that version; does nothing if something has changed since.
     */
    synchronized void put(Topic topic, long loadedAtVersion) {
        if (loadedAtVersion != version) {
            return;
        }
        if (byId.size() >= countMax) {
            byName.clear();
            byId.clear();
        }
        byName.put(topic.name(), topic);
        byId.put(topic.id(), topic);
    }

    /** Forgets what has changed; called after the store has the changes. */
    synchronized void invalidate(List<CatalogChange> changes) {
        version = version + 1;
        for (CatalogChange change : changes) {
            byName.remove(change.topic().name());
            byId.remove(change.topic().id());
        }
    }
}
