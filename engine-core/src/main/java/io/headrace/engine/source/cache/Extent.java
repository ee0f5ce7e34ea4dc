package io.headrace.engine.source.cache;

/** How far a block reaches from its first offset. */
interface Extent {
    /** Records in it; at least 1. */
    int recordCount();
}
