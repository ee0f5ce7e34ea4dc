package io.headrace.engine.log;

import io.headrace.engine.Alias;
import io.headrace.engine.Views;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.engine.view.ViewSpec;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Folds metadata commands into rows: topics by name and by id, and the counters. Deterministic:
 * uses nothing but the command and the rows. Used by one thread: the one that recovers, then the
 * catalog's.
 */
final class CatalogState {
    /** The metadata journal's number in the projection. */
    static final int JOURNAL = 0;

    private static final byte VERSION = 2;

    /** Knows nothing of restores. */
    private static final byte VERSION_BEFORE_RESTORES = 1;

    private final MetadataStore store;
    private final MetadataStore.Batch batch;

    long nextTopicId = 1;
    long nextProducerId;

    /** Read by any thread. */
    volatile long topicCount;

    int leaderEpoch;

    /**
     * The newest epoch that did not end with a clean stop; its memory topics may have used any
     * reserved offset.
     */
    int lastUncleanEpoch;

    /**
     * The newest epoch after which the machine itself went down: what was not synced may be lost.
     */
    int lastLossyEpoch;

    /** The newest epoch before the folder was restored; 0 if it never was. */
    int lastRestoredEpoch;

    /** Offsets below may have been used, in topics of {@link #lastRestoredEpoch} and before. */
    long restoredFloor;

    /** Topics put or deleted since the last write; absent means deleted. */
    private final Map<Long, Optional<Command.TopicRow>> pending = new HashMap<>();

    /** Ids of topics created since the last write, by name. */
    private final Map<String, Long> newIds = new HashMap<>();

    /** Ids of the unions, also of one that is being created. Read by any thread. */
    private final Set<Long> unionIds = ConcurrentHashMap.newKeySet();

    private int appliedCount;
    private boolean running;
    private String bootId = "";

    CatalogState(MetadataStore store) {
        this.store = store;
        this.batch = store.newBatch();
        byte[] counters = store.get(Rows.countersKey());
        if (counters != null) {
            decodeCounters(ByteBuffer.wrap(counters));
        }
        loadUnionIds();
    }

    private void loadUnionIds() {
        byte[] prefix = Rows.viewsKey(Rows.NO_TOPIC);
        try (MetadataStore.Cursor cursor = store.cursor(prefix)) {
            boolean found = cursor.seek(prefix);
            while (found) {
                unionIds.add(Rows.viewIdOf(cursor.key()));
                found = cursor.next();
            }
        }
    }

    /** Ids of the unions. */
    Set<Long> unionIds() {
        return unionIds;
    }

    /** Commands applied since the last write. */
    int appliedCount() {
        return appliedCount;
    }

    /** Adds a command's changes to what {@link #write} will write. */
    void apply(Command command) {
        appliedCount++;
        if (command instanceof Command.PutTopic put) {
            putTopic(put.topic());
        } else if (command instanceof Command.DeleteTopic delete) {
            deleteTopic(delete.topicId());
        } else if (command instanceof Command.ProducerIds ids) {
            nextProducerId = Math.max(nextProducerId, ids.nextProducerId());
        } else if (command instanceof Command.Start start) {
            start(start);
        } else if (command instanceof Command.Stop stop) {
            running = running && stop.leaderEpoch() != leaderEpoch;
        } else if (command instanceof Command.Restored restored) {
            restored(restored.floor());
        }
    }

    private void restored(long floor) {
        lastRestoredEpoch = leaderEpoch;
        restoredFloor = Math.max(restoredFloor, floor);
        nextTopicId = Math.max(nextTopicId, floor);
        nextProducerId = Math.max(nextProducerId, floor);
    }

    private void start(Command.Start start) {
        if (running) {
            lastUncleanEpoch = leaderEpoch;
            if (!bootId.equals(start.bootId())) {
                lastLossyEpoch = leaderEpoch;
            }
        }
        leaderEpoch = start.leaderEpoch();
        bootId = start.bootId();
        running = true;
    }

    private void putTopic(Command.TopicRow topic) {
        if (topic.id() >= nextTopicId) {
            nextTopicId = topic.id() + 1;
            topicCount = topicCount + 1;
            batch.put(Rows.topicNameKey(topic.name()), Rows.value(topic.id()));
            newIds.put(topic.name(), topic.id());
            forEachBase(topic, id -> batch.put(Rows.viewKey(id, topic.id()), new byte[0]));
            if (isUnion(topic)) {
                batch.put(Rows.viewKey(Rows.NO_TOPIC, topic.id()), new byte[0]);
                unionIds.add(topic.id());
            }
        } else if (isAlias(topic)) {
            forEachBase(topic, id -> batch.put(Rows.viewKey(id, topic.id()), new byte[0]));
        }
        pending.put(topic.id(), Optional.of(topic));
        batch.put(Rows.topicKey(topic.id()), topic.encode());
    }

    private void deleteTopic(long topicId) {
        Optional<Command.TopicRow> put = pending.get(topicId);
        Command.TopicRow topic = put == null ? topic(topicId) : put.orElse(null);
        if (topic == null) {
            return;
        }
        pending.put(topicId, Optional.empty());
        topicCount = topicCount - 1;
        batch.delete(Rows.topicNameKey(topic.name()));
        batch.delete(Rows.topicKey(topicId));
        newIds.remove(topic.name());
        forEachBase(topic, id -> batch.delete(Rows.viewKey(id, topicId)));
        if (isUnion(topic)) {
            batch.delete(Rows.viewKey(Rows.NO_TOPIC, topicId));
            unionIds.remove(topicId);
        }
        batch.put(
                Rows.deletedTopicKey(topicId),
                ByteBuffer.allocate(Short.BYTES + Integer.BYTES)
                        .putShort((short) topic.journal())
                        .putInt(topic.partitionCount())
                        .array());
    }

    private static boolean isUnion(Command.TopicRow topic) {
        return Views.UNION.equals(topic.configs().get(ViewSpec.TYPE_CONFIG));
    }

    private static boolean isAlias(Command.TopicRow topic) {
        return Views.ALIAS.equals(topic.configs().get(ViewSpec.TYPE_CONFIG));
    }

    /** The topics that a view is over; they are there as long as it is, but for an alias's. */
    private void forEachBase(Command.TopicRow topic, LongConsumer action) {
        if (isAlias(topic)) {
            for (Alias.Version version : Alias.of(topic.configs()).versions()) {
                if (version != null) {
                    action.accept(version.topicId());
                }
            }
            return;
        }
        if (topic.configs().containsKey(ViewSpec.TYPE_CONFIG)) {
            for (String name : ViewSpec.of(topic.configs()).needed()) {
                Long id = newIds.get(name);
                byte[] stored = id == null ? store.get(Rows.topicNameKey(name)) : Rows.value(id);
                if (stored != null) {
                    action.accept(Rows.number(stored));
                }
            }
        }
    }

    /**
     * Writes what was applied since the last time, together with the position up to which it was.
     */
    void write(long appliedPosition) {
        batch.put(Rows.appliedKey(JOURNAL), Rows.value(appliedPosition));
        batch.put(Rows.countersKey(), encodeCounters());
        store.write(batch);
        batch.clear();
        pending.clear();
        newIds.clear();
        appliedCount = 0;
    }

    Command.@Nullable TopicRow topic(long topicId) {
        byte[] row = store.get(Rows.topicKey(topicId));
        return row == null ? null : Command.TopicRow.decode(topicId, ByteBuffer.wrap(row));
    }

    Command.@Nullable TopicRow topic(String name) {
        byte[] id = store.get(Rows.topicNameKey(name));
        return id == null ? null : topic(Rows.number(id));
    }

    private byte[] encodeCounters() {
        byte[] boot = bootId.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(2 + 4 * Long.BYTES + 4 * Integer.BYTES + boot.length)
                .put(VERSION)
                .putLong(nextTopicId)
                .putLong(nextProducerId)
                .putLong(topicCount)
                .putInt(leaderEpoch)
                .putInt(lastUncleanEpoch)
                .putInt(lastLossyEpoch)
                .putInt(lastRestoredEpoch)
                .putLong(restoredFloor)
                .put((byte) (running ? 1 : 0))
                .put(boot)
                .array();
    }

    private void decodeCounters(ByteBuffer buffer) {
        byte version = buffer.get();
        if (version != VERSION && version != VERSION_BEFORE_RESTORES) {
            throw Rows.unknownVersion("counters", version);
        }
        nextTopicId = buffer.getLong();
        nextProducerId = buffer.getLong();
        topicCount = buffer.getLong();
        leaderEpoch = buffer.getInt();
        lastUncleanEpoch = buffer.getInt();
        lastLossyEpoch = buffer.getInt();
        if (version == VERSION) {
            lastRestoredEpoch = buffer.getInt();
            restoredFloor = buffer.getLong();
        }
        running = buffer.get() != 0;
        byte[] boot = new byte[buffer.remaining()];
        buffer.get(boot);
        bootId = new String(boot, StandardCharsets.UTF_8);
    }
}
