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
    /** Topics that are looked at in one go. */
    private static final int PAGE = 256;

    private final Union union;
    private final BiFunction<String, Integer, List<Topic>> catalog;
    private final MetadataStore store;
    private final Map<PartitionKey, PartitionLogBase> logs;

    /** The first name of the next page; null at the end. */
    private @Nullable String fromName;

    /**
     * @param catalog topics from a name on, so many at most, in order of name
     */
    UnionScan(
            Union union,
            BiFunction<String, Integer, List<Topic>> catalog,
            MetadataStore store,
            Map<PartitionKey, PartitionLogBase> logs) {
        this.union = union;
        this.catalog = catalog;
        this.store = store;
        this.logs = logs;
        this.fromName = union.spec().prefix();
    }

    Union union() {
        return union;
    }

    boolean isDone() {
        return fromName == null;
    }

    /** Looks at a page of topics. */
    void next(Consumer consumer) {
        String from = fromName;
        if (from == null) {
            return;
        }
        List<Topic> page = catalog.apply(from, PAGE);
        fromName = page.size() < PAGE ? null : page.get(PAGE - 1).name() + '\0';
        for (Topic topic : page) {
            if (!topic.name().startsWith(union.spec().prefix())) {
                fromName = null;
                return;
            }
            if (union.spec().isOver(topic)) {
                look(topic, consumer);
            }
        }
    }

    private void look(Topic topic, Consumer consumer) {
        consumer.onTopic();
        for (int partition = 0; partition < topic.partitionCount(); partition++) {
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
    }

    /** Takes what is found. */
    interface Consumer {
        /** One more topic that the union is over, before its partitions. */
        default void onTopic() {}

        /** What can be read of a partition. */
        void onPart(UnionPart part, long startOffset, long endOffset);
    }
}
