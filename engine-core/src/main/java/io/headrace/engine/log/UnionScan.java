package io.headrace.engine.log;

import io.headrace.engine.Topic;
import io.headrace.engine.spi.MetadataStore;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * Looks through the catalog for what a union is over, some topics at a time, in order of name.
 * Opens no log. Used by one thread.
 */
final class UnionScan {
    /** Topics that are looked at in one go, at most. */
    private static final int TOPICS_MAX = 256;

    private final Union union;
    private final BiFunction<String, Integer, List<Topic>> catalog;
    private final MetadataStore store;
    private final Map<PartitionKey, PartitionLogBase> logs;
    private final int pageParts;

    /** The first name of the next page; null at the end. */
    private @Nullable String fromName;

    /** The topic of which some partitions were looked at already, and which is next. */
    private long begunTopicId;

    private int nextPartition;

    /**
     * @param catalog topics from a name on, so many at most, in order of name
     * @param pageParts partitions that are looked at in one go, at least 1
     */
    UnionScan(
            Union union,
            BiFunction<String, Integer, List<Topic>> catalog,
            MetadataStore store,
            Map<PartitionKey, PartitionLogBase> logs,
            int pageParts) {
        this.union = union;
        this.catalog = catalog;
        this.store = store;
        this.logs = logs;
        this.pageParts = pageParts;
        this.fromName = union.spec().prefix();
    }

    Union union() {
        return union;
    }

    boolean isDone() {
        return fromName == null;
    }

    /** Looks at a page. */
    void next(Consumer consumer) {
        String from = fromName;
        if (from == null) {
            return;
        }
        int left = pageParts;
        int topicsMax = Math.min(TOPICS_MAX, pageParts);
        List<Topic> page = catalog.apply(from, topicsMax);
        for (Topic topic : page) {
            if (!topic.name().startsWith(union.spec().prefix())) {
                fromName = null;
                return;
            }
            if (union.spec().isOver(topic)) {
                left = look(topic, left, consumer);
            }
            if (left == 0) {
                return; // goes on with this topic, of which there may be nothing left
            }
            fromName = topic.name() + '\0';
        }
        if (page.size() < topicsMax) {
            fromName = null;
        }
    }

    /** Looks at so many partitions at most; returns how many more may be looked at. */
    private int look(Topic topic, int countMax, Consumer consumer) {
        boolean isBegun = topic.id() == begunTopicId;
        int first = isBegun ? nextPartition : 0;
        int end = (int) Math.min((long) first + countMax, topic.partitionCount());
        if (!isBegun) {
            consumer.onTopic();
        }
        for (int partition = first; partition < end; partition++) {
            UnionPart part = new UnionPart(union.id(), topic.id(), partition);
            PartitionLogBase log = logs.get(new PartitionKey(topic.id(), partition));
            if (log != null) {
                consumer.onPart(part, log.logStartOffset(), log.highWatermark());
            } else {
                PartitionState row =
                        PartitionState.decode(store.get(Rows.partitionKey(topic.id(), partition)));
                consumer.onPart(part, row.logStartOffset, row.recordsEndOffset);
            }
        }
        begunTopicId = topic.id();
        nextPartition = end;
        return countMax - (end - first);
    }

    /** Takes what is found. */
    interface Consumer {
        /** One more topic that the union is over, before its partitions. */
        default void onTopic() {}

        /** What can be read of a partition. */
        void onPart(UnionPart part, long startOffset, long endOffset);
    }
}
