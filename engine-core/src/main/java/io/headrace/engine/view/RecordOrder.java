package io.headrace.engine.view;

import io.headrace.engine.source.cache.ToldOrder;
import java.util.List;

/**
 * In which order a view has the records of its sources: a function of the view's configs and the
 * sources' tables, and of nothing else. Thread-safe; what plans may take as long as sorting does.
 */
interface RecordOrder {
    /** How many records the view has. */
    long count();

    /** The first record of the stretch that is best made as one, and that holds a record. */
    long stretchStart(long record);

    /** Behind the last record of that stretch. */
    long stretchEnd(long record);

    /** Bytes of the records of that stretch, nearly. */
    long stretchLength(long record);

    /**
     * Adds where some records are, each in its turn.
     *
     * @param side number of the source, where this is the order of one among several
     */
    void plan(long from, long to, int side, StretchPlan into);

    /** For each source the order of its blocks, of which nobody was told yet where it is. */
    List<ToldOrder> told();

    /**
     * Says where the orders of blocks are when the stretch with a record is made: at their end
     * where nothing of a source comes from that record on.
     *
     * @param told what {@link #told()} returned
     */
    void tell(long record, List<ToldOrder> told, long nanoTime);
}
