package io.headrace.kafka.group;

import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog;
import io.headrace.engine.TopicCatalog.CatalogChange;
import io.headrace.kafka.topic.TopicIds;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.metadata.PartitionRecord;
import org.apache.kafka.common.metadata.RemoveTopicRecord;
import org.apache.kafka.common.metadata.TopicRecord;
import org.apache.kafka.image.MetadataDelta;
import org.apache.kafka.image.MetadataImage;
import org.apache.kafka.image.MetadataProvenance;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The topics that the coordinator knows: those that a group has subscribed to, has committed on, or
 * matches by a regular expression. There may be millions of others, which cost nothing here.
 *
 * <p>A request that names a topic calls {@link #require} before the coordinator gets it. Changes of
 * the catalog that concern a group are collected and handed over in batches.
 *
 * <p>Thread-safe.
 */
final class GroupTopics {
    private static final Logger LOGGER = LoggerFactory.getLogger(GroupTopics.class);

    /** Most names kept of topics that groups want and that do not exist. */
    static final int ABSENT_COUNT_MAX = 100_000;

    /** Topics looked at under one hold of the lock, about a millisecond. */
    private static final int SCAN_PAGE_COUNT = 200;

    /** Appended to a name, it makes the first one that can come after it. */
    private static final char FIRST_AFTER = '\0';

    private static final int NODE_ID = 1;

    /** Receives each new image, in order. */
    @FunctionalInterface
    interface ImageListener {
        void onImage(MetadataDelta delta, MetadataImage image);
    }

    private final TopicCatalog catalog;
    private final TopicIds topicIds;
    private final Executor executor;
    private final ImageListener listener;

    private final Map<String, Topic> known = new ConcurrentHashMap<>();
    private final Set<String> absent = ConcurrentHashMap.newKeySet();
    private final TopicPatterns patterns = new TopicPatterns();
    private final Set<String> scanned = ConcurrentHashMap.newKeySet();
    private final ConcurrentLinkedQueue<CatalogChange> changes = new ConcurrentLinkedQueue<>();
    private final AtomicBoolean drainQueued = new AtomicBoolean();

    /** Held while the image is changed and handed over. */
    private final ReentrantLock lock = new ReentrantLock();

    private MetadataImage image = MetadataImage.EMPTY;
    private long version;

    /**
     * @param executor takes over catalog changes and scans of the catalog; one thread
     */
    GroupTopics(
            TopicCatalog catalog, TopicIds topicIds, Executor executor, ImageListener listener) {
        this.catalog = catalog;
        this.topicIds = topicIds;
        this.executor = executor;
        this.listener = listener;
    }

    /** How many topics the coordinator knows. */
    int knownCount() {
        return known.size();
    }

    /**
     * Makes sure that the coordinator knows those of the topics that exist, and will learn of the
     * others when they are created. May wait some milliseconds: not for an event loop.
     */
    void require(Collection<String> names) {
        if (knowsAll(names)) {
            return;
        }
        lock.lock();
        try {
            Update update = new Update();
            drainInto(update);
            for (String name : names) {
                find(name, update);
            }
            update.publish();
        } finally {
            lock.unlock();
        }
    }

    private void find(String name, Update update) {
        if (known.containsKey(name)) {
            return;
        }
        // Noted as absent before the look, so that a creation or deletion in between is queued.
        boolean noted = absent.size() < ABSENT_COUNT_MAX && absent.add(name);
        Topic topic = catalog.find(name);
        if (topic != null) {
            update.put(topic);
        }
        if (topic != null && noted) {
            absent.remove(name);
        }
    }

    /**
     * Whether the coordinator knows all these topics, so that {@link #require} has nothing to do.
     */
    boolean knowsAll(Collection<String> names) {
        return changes.isEmpty() && known.keySet().containsAll(names);
    }

    /** Whether {@link #requireMatching} has nothing to do for an expression. */
    boolean knowsMatches(String regex) {
        return changes.isEmpty() && scanned.contains(regex);
    }

    /**
     * Makes sure that the coordinator knows the topics whose names match, and learns of later ones.
     * Reads the catalog from the expression's literal prefix on, the whole catalog if it has none.
     */
    void requireMatching(String regex) {
        TopicPattern pattern = add(regex);
        if (pattern == null) {
            return;
        }
        String from = pattern.literalPrefix();
        List<Topic> page;
        do {
            page = catalog.list(from, SCAN_PAGE_COUNT);
            putMatches(pattern, page);
            from = page.isEmpty() ? from : page.get(page.size() - 1).name() + FIRST_AFTER;
        } while (page.size() == SCAN_PAGE_COUNT && from.startsWith(pattern.literalPrefix()));
        if (scanned.size() >= TopicPatterns.COUNT_MAX) {
            scanned.clear(); // costs each live expression one look-up
        }
        scanned.add(regex);
    }

    /** Added before the scan: what is created meanwhile is found by one of them, or by both. */
    private @Nullable TopicPattern add(String regex) {
        lock.lock();
        try {
            return patterns.add(regex);
        } finally {
            lock.unlock();
        }
    }

    private void putMatches(TopicPattern pattern, List<Topic> page) {
        lock.lock();
        try {
            Update update = new Update();
            drainInto(update);
            for (Topic listed : page) {
                // Looked up again: it may have been deleted between the listing and the lock.
                Topic topic = pattern.matches(listed.name()) ? catalog.find(listed.id()) : null;
                if (topic != null) {
                    update.put(topic);
                }
            }
            update.publish();
        } finally {
            lock.unlock();
        }
    }

    /** Called by the catalog for every change, on its thread. */
    void onCatalogChange(CatalogChange change) {
        if (!concernsGroup(change.topic().name())) {
            return;
        }
        changes.add(change);
        if (drainQueued.compareAndSet(false, true)) {
            try {
                executor.execute(this::drain);
            } catch (RejectedExecutionException e) {
                LOGGER.debug("catalog change not taken over, closing: change={}", change);
            }
        }
    }

    private boolean concernsGroup(String name) {
        return known.containsKey(name) || absent.contains(name) || patterns.matchesAny(name);
    }

    private void drain() {
        drainQueued.set(false);
        lock.lock();
        try {
            Update update = new Update();
            drainInto(update);
            update.publish();
        } finally {
            lock.unlock();
        }
    }

    private void drainInto(Update update) {
        for (CatalogChange change = changes.poll(); change != null; change = changes.poll()) {
            Topic topic = change.topic();
            if (change.kind() == CatalogChange.Kind.DELETED) {
                update.remove(topic);
            } else {
                update.put(topic);
            }
        }
    }

    /**
     * Has the coordinator drop what groups have committed on topics that no longer exist: the
     * deletion came, and the server ended before the offsets were gone.
     *
     * @param committed topics that offsets were found of, by name and id
     */
    void forgetDeleted(Set<LoadedNames.CommittedTopic> committed) {
        MetadataDelta creation = new MetadataDelta.Builder().setImage(MetadataImage.EMPTY).build();
        List<Uuid> gone = new ArrayList<>();
        for (LoadedNames.CommittedTopic topic : committed) {
            if (!exists(topic)) {
                // Offsets that were written without an id go with any topic of that name.
                Uuid uuid = topic.id().equals(Uuid.ZERO_UUID) ? Uuid.randomUuid() : topic.id();
                creation.replay(new TopicRecord().setName(topic.name()).setTopicId(uuid));
                gone.add(uuid);
            }
        }
        if (!gone.isEmpty()) {
            publishDeletion(creation.apply(new MetadataProvenance(0, 0, 0, true)), gone);
        }
    }

    private boolean exists(LoadedNames.CommittedTopic committed) {
        Topic topic = catalog.find(committed.name());
        return topic != null
                && (committed.id().equals(Uuid.ZERO_UUID)
                        || committed.id().equals(topicIds.uuid(topic.id())));
    }

    /**
     * The coordinator looks up in the delta's image what was deleted, and goes on with the other
     * image, in which those topics never were.
     */
    private void publishDeletion(MetadataImage imageOfDeleted, List<Uuid> gone) {
        MetadataDelta deletion = new MetadataDelta.Builder().setImage(imageOfDeleted).build();
        gone.forEach(uuid -> deletion.replay(new RemoveTopicRecord().setTopicId(uuid)));
        lock.lock();
        try {
            listener.onImage(deletion, image);
        } finally {
            lock.unlock();
        }
    }

    /** Changes of the image that are handed over together. The lock is held. */
    private final class Update {
        private final MetadataDelta delta = new MetadataDelta.Builder().setImage(image).build();
        private boolean empty = true;

        void put(Topic topic) {
            Topic old = known.get(topic.name());
            if (old != null && old.id() > topic.id()) {
                return; // a change from before the topic was deleted and created again
            }
            if (old != null && old.id() != topic.id()) {
                remove(old);
                old = null;
            }
            Uuid uuid = topicIds.uuid(topic.id());
            if (old == null) {
                delta.replay(new TopicRecord().setName(topic.name()).setTopicId(uuid));
                empty = false;
            }
            int partitionCount = old == null ? 0 : old.partitionCount();
            addPartitions(uuid, partitionCount, topic.partitionCount());
            if (partitionCount < topic.partitionCount()) {
                known.put(topic.name(), topic);
            }
            absent.remove(topic.name());
        }

        private void addPartitions(Uuid uuid, int from, int to) {
            for (int partition = from; partition < to; partition++) {
                delta.replay(partitionRecord(uuid, partition));
                empty = false;
            }
        }

        void remove(Topic topic) {
            Topic old = known.get(topic.name());
            if (old == null || old.id() != topic.id()) {
                return;
            }
            known.remove(topic.name());
            delta.replay(new RemoveTopicRecord().setTopicId(topicIds.uuid(topic.id())));
            empty = false;
            if (absent.size() < ABSENT_COUNT_MAX) {
                absent.add(topic.name()); // its subscribers want it back when it is created again
            }
        }

        void publish() {
            if (empty) {
                return;
            }
            version++;
            image = delta.apply(new MetadataProvenance(version, 0, 0, true));
            listener.onImage(delta, image);
        }
    }

    private static PartitionRecord partitionRecord(Uuid uuid, int partition) {
        return new PartitionRecord()
                .setTopicId(uuid)
                .setPartitionId(partition)
                .setReplicas(List.of(NODE_ID))
                .setIsr(List.of(NODE_ID))
                .setLeader(NODE_ID)
                .setLeaderEpoch(0)
                .setPartitionEpoch(0)
                .setDirectories(List.of(new Uuid(0L, 100L + NODE_ID)));
    }
}
