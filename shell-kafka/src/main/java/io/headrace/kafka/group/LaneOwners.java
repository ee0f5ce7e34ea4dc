package io.headrace.kafka.group;

import io.headrace.engine.Engine;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogChange;
import io.headrace.engine.Views.Share;
import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.topic.TopicIds;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestPartition;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestTopic;
import org.apache.kafka.coordinator.group.GroupCoordinator;
import org.jspecify.annotations.Nullable;

/**
 * Tells share views who owns their lanes and what is committed there, which the group's coordinator
 * knows: so that a lane is given records when its owner waits at its end, and not when somebody
 * else reads it.
 *
 * <p>A fetch does not say which member sends it. It is taken for the owner's if client id and
 * address are those with which the member joined. Members of one host that call themselves alike
 * are told apart by what they own: each asks for its own lanes alone.
 *
 * <p>Thread-safe.
 */
public final class LaneOwners {
    private final Engine engine;
    private final TopicIds ids;
    private final GroupCoordinator coordinator;
    private final Map<Long, SharedTopic> topics = new ConcurrentHashMap<>();

    LaneOwners(Engine engine, TopicIds ids, GroupCoordinator coordinator) {
        this.engine = engine;
        this.ids = ids;
        this.coordinator = coordinator;
    }

    /**
     * Wishes for records at the ends of those lanes that the sender of a fetch owns. Called on the
     * request's event loop.
     *
     * @param lanes at whose ends it waits
     * @param lengthMax most bytes wanted
     * @return what takes the wish back
     */
    public Runnable wish(KafkaRequest request, Topic topic, int[] lanes, int lengthMax) {
        SharedTopic shared = topics.computeIfAbsent(topic.id(), id -> shared(topic));
        LaneWish wish = new LaneWish(request, shared, lanes, lengthMax);
        shared.whenKnown(wish);
        return wish::withdraw;
    }

    private SharedTopic shared(Topic topic) {
        Share share = engine.views().share(topic);
        if (share == null) {
            throw new IllegalStateException("not a share view: topic=" + topic.name());
        }
        return new SharedTopic(topic, ids.uuid(topic.id()), share, coordinator);
    }

    /** Something was asked of a group that may have changed who owns what. */
    void groupChanged(String group) {
        for (SharedTopic shared : topics.values()) {
            if (shared.group().equals(group)) {
                shared.ownersChanged();
            }
        }
    }

    /** A group has committed what is named here. */
    void committed(OffsetCommitRequestData data) {
        for (OffsetCommitRequestTopic named : data.topics()) {
            SharedTopic shared = topics.get(ids.topicId(named.topicId()));
            if (shared != null && shared.group().equals(data.groupId())) {
                for (OffsetCommitRequestPartition lane : named.partitions()) {
                    shared.share().committed(lane.partitionIndex(), lane.committedOffset());
                }
            }
        }
    }

    void onCatalogChange(CatalogChange change) {
        @Nullable SharedTopic shared = topics.get(change.topic().id());
        if (shared == null) {
            return;
        }
        if (change.kind() == CatalogChange.Kind.DELETED) {
            topics.remove(change.topic().id());
        } else {
            shared.topic(change.topic());
        }
    }

    /** Whether a topic's partitions are lanes. */
    public static boolean hasLanes(Topic topic) {
        return topic.storageMode() == StorageMode.VIEW;
    }
}
