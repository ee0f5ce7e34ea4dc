package io.headrace.engine.view;

import io.headrace.engine.source.SourceTable;
import io.headrace.engine.source.cache.ToldOrder;
import java.util.List;

/**
 * The beginning of an order of which the rest is not known yet, as sources are still being indexed.
 * The same records stand there in the order of the whole.
 */
interface Beginning extends RecordOrder {
    /** How much of the sources is known, in the order of the topics. */
    List<SourceTable> tables();

    /** Nothing: what is indexed beyond is needed soon, and the order does not have it. */
    @Override
    default List<ToldOrder> told() {
        return List.of();
    }

    @Override
    default void tell(long record, List<ToldOrder> told, long nanoTime) {
        // see told()
    }
}
