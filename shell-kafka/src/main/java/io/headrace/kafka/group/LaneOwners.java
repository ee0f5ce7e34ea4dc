package io.headrace.kafka.group;

import io.headrace.engine.Engine;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogChange;
import io.headrace.engine.Views.Share;
import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.topic.TopicIds;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestPartition;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestTopic;
import org.apache.kafka.common.message.OffsetCommitResponseData;
import org.apache.kafka.common.message.OffsetCommitResponseData.OffsetCommitResponsePartition;
import org.apache.kafka.common.message.OffsetCommitResponseData.OffsetCommitResponseTopic;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.coordinator.group.GroupCoordinator;
import org.jspecify.annotations.Nullable;

/**
 * Tells share views who owns their lanes and what is committed there, which the group's coordinator
 * knows: so that a lane is given records when its owner waits at its end, and not when somebody
 * else reads it.
 *
 * <p>A fetch does not say which member sends it. It is taken for a member's if that member owns
 * most of the lanes that it asks for (not all: some may be taken from him just now), under the
 * member's client id. What a stranger who does just that brings about is that the owner is given
 * records earlier than he asked.
 *
 * <p>Thread-safe.
 */
public final class LaneOwners {
    private final Engine engine;
    private final TopicIds ids;
    private final GroupCoordinator coordinator;
    private final Map<Long, SharedTopic> topics = new ConcurrentHashMap<>();
    private final Map<String, Set<SharedTopic>> byGroup = new ConcurrentHashMap<>();

    LaneOwners(Engine engine, TopicIds ids, GroupCoordinator coordinator) {
        this.engine = engine;
        this.ids = ids;
        this.coordinator = coordinator;
    }

    /**
     * Wishes for records at the ends of lanes, if the sender of a fetch owns them. Called on the
     * request's event loop.
     *
     * @param asked all lanes of the topic that it asks for
     * @param atEnd those at whose ends it waits
     * @param lengthMax most bytes wanted
     * @return what takes the wish back
     */
    public Runnable wish(
            KafkaRequest request, Topic topic, int[] asked, int[] atEnd, int lengthMax) {
        SharedTopic shared = topics.get(topic.id());
        if (shared == null) {
            shared = topics.computeIfAbsent(topic.id(), id -> shared(topic));
            if (engine.catalog().find(topic.name()) == null) {
                remove(topic.id()); // deleted while it was asked for
            }
        }
        LaneWish wish = new LaneWish(request, shared, asked, atEnd, lengthMax);
        shared.add(wish);
        return wish::withdraw;
    }

    /** As {@link #wish}, of a sender who is answered now and will ask for more soon. */
    public void wishAhead(
            KafkaRequest request, Topic topic, int[] asked, int[] atEnd, int lengthMax) {
        SharedTopic shared = topics.get(topic.id());
        if (shared != null) {
            shared.wishAhead(request.clientId(), asked, atEnd, lengthMax);
        }
    }

    private SharedTopic shared(Topic topic) {
        Share share = engine.views().share(topic);
        if (share == null) {
            throw new IllegalStateException("not a share view: topic=" + topic.name());
        }
        SharedTopic shared =
                new SharedTopic(topic, ids.uuid(topic.id()), share, coordinator, System::nanoTime);
        byGroup.computeIfAbsent(share.group(), group -> ConcurrentHashMap.newKeySet()).add(shared);
        return shared;
    }

    /** Something was asked of a group that may have changed who owns what. */
    void groupChanged(String group) {
        byGroup.getOrDefault(group, Set.of()).forEach(SharedTopic::ownersChanged);
    }

    /** A member is about to commit; only owners are believed that they will. */
    void committing(OffsetCommitRequestData asked) {
        forEachShared(
                asked,
                (shared, named) ->
                        tell(named, shared.lanesOf(asked.memberId()), shared.share()::committing));
    }

    /** A group has committed, as far as the answer says. */
    void committed(OffsetCommitRequestData asked, OffsetCommitResponseData answered) {
        forEachShared(
                asked,
                (shared, named) -> {
                    int[] owned = shared.lanesOf(asked.memberId()).stream().toArray();
                    tell(
                            named,
                            committedOf(named, answered),
                            (lanes, offsets) -> shared.share().committed(lanes, offsets, owned));
                });
    }

    private void forEachShared(
            OffsetCommitRequestData asked,
            BiConsumer<SharedTopic, OffsetCommitRequestTopic> consumer) {
        if (!byGroup.containsKey(asked.groupId())) {
            return;
        }
        for (OffsetCommitRequestTopic named : asked.topics()) {
            SharedTopic shared = topics.get(ids.topicId(named.topicId()));
            if (shared != null && shared.group().equals(asked.groupId())) {
                consumer.accept(shared, named);
            }
        }
    }

    private static void tell(
            OffsetCommitRequestTopic named, BitSet done, BiConsumer<int[], long[]> consumer) {
        int[] lanes = new int[named.partitions().size()];
        long[] offsets = new long[lanes.length];
        int count = 0;
        for (OffsetCommitRequestPartition partition : named.partitions()) {
            if (done.get(partition.partitionIndex())) {
                lanes[count] = partition.partitionIndex();
                offsets[count++] = Math.max(0, partition.committedOffset());
            }
        }
        if (count > 0) {
            consumer.accept(Arrays.copyOf(lanes, count), Arrays.copyOf(offsets, count));
        }
    }

    private static BitSet committedOf(
            OffsetCommitRequestTopic named, OffsetCommitResponseData answered) {
        BitSet done = new BitSet();
        for (OffsetCommitResponseTopic topic : answered.topics()) {
            if (topic.name().equals(named.name()) || topic.topicId().equals(named.topicId())) {
                for (OffsetCommitResponsePartition partition : topic.partitions()) {
                    if (partition.errorCode() == Errors.NONE.code()) {
                        done.set(partition.partitionIndex());
                    }
                }
            }
        }
        return done;
    }

    void onCatalogChange(CatalogChange change) {
        @Nullable SharedTopic shared = topics.get(change.topic().id());
        if (shared == null) {
            return;
        }
        if (change.kind() == CatalogChange.Kind.DELETED) {
            remove(change.topic().id());
        } else {
            shared.topic(change.topic());
        }
    }

    private void remove(long topicId) {
        SharedTopic gone = topics.remove(topicId);
        if (gone != null) {
            byGroup.getOrDefault(gone.group(), Set.of()).remove(gone);
        }
    }
}
