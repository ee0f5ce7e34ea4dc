package io.headrace.engine.source;

import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The objects of a source that have no ordinals yet, a page of the store's listing at a time. */
interface ObjectPages {

    /** Whether there is more. */
    boolean hasNext();

    /**
     * Lists one page; blocks for the store.
     *
     * @param found gets what is to have ordinals
     * @return objects that wait for what they belong to
     */
    List<StoredObject> next(Deque<ListedObject> found) throws IOException;

    /** The tree that the objects which wait belong to. */
    short tree();

    /**
     * Pages from a key on.
     *
     * @param afterKey the last key that has an ordinal; null to begin at the first
     * @param hasKnown whether some of what is listed may have ordinals already
     */
    static ObjectPages of(
            SourceTopic topic, SourceLogs logs, @Nullable String afterKey, boolean hasKnown) {
        SourceJoin join = topic.spec().join();
        return join == null
                ? new Plain(topic, logs, afterKey, hasKnown)
                : new JoinedPages(topic, logs, join, afterKey);
    }

    /** All objects below the path, or the one that it names. */
    final class Plain implements ObjectPages {
        private final SourceTopic topic;
        private final SourceLogs logs;
        private final boolean hasKnown;
        private @Nullable String afterKey;
        private boolean hasNext = true;

        Plain(SourceTopic topic, SourceLogs logs, @Nullable String afterKey, boolean hasKnown) {
            this.topic = topic;
            this.logs = logs;
            this.afterKey = afterKey;
            this.hasKnown = hasKnown;
        }

        @Override
        public boolean hasNext() {
            return hasNext;
        }

        @Override
        public List<StoredObject> next(Deque<ListedObject> found) throws IOException {
            List<StoredObject> page = list(topic.spec(), afterKey, SourceListing.PAGE_LIMIT);
            hasNext = page.size() >= SourceListing.PAGE_LIMIT;
            for (StoredObject object : page) {
                afterKey = object.key();
                if (isObject(object) && !isKnown(object)) {
                    found.add(ListedObject.of(object));
                }
            }
            return List.of();
        }

        private boolean isKnown(StoredObject object) {
            return hasKnown && logs.index().ordinal(topic.id(), object.key()) >= 0;
        }

        @Override
        public short tree() {
            return 0;
        }
    }

    /** A page of the object or the folder of objects that a source's path names. */
    static List<StoredObject> list(SourceSpec spec, @Nullable String afterKey, int limit)
            throws IOException {
        String path = spec.path();
        boolean mayBeObject = !path.isEmpty() && afterKey == null;
        List<StoredObject> page = new ArrayList<>();
        if (mayBeObject && !spec.isFolder()) {
            addObject(spec, page);
        }
        String folder = path.isEmpty() ? "" : path + "/";
        String after = path.equals(afterKey) ? null : afterKey;
        page.addAll(spec.store().list(folder, after, limit - page.size()));
        if (mayBeObject && page.isEmpty()) {
            addObject(spec, page); // whose URI was given a slash
        }
        return page;
    }

    private static void addObject(SourceSpec spec, List<StoredObject> page) throws IOException {
        spec.store().list(spec.path(), null, 1).stream()
                .filter(object -> object.key().equals(spec.path()))
                .forEach(page::add);
    }

    /** False for the marker of a folder, as some S3 tools leave them. */
    static boolean isObject(StoredObject object) {
        return !object.key().endsWith("/");
    }
}
