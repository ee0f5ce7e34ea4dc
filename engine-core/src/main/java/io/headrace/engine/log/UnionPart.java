package io.headrace.engine.log;

/**
 * A partition as one of those that a union is over.
 *
 * @param viewId topic id of the union
 * @param topicId of the topic below
 * @param partition of that
 */
record UnionPart(long viewId, long topicId, int partition) {

    byte[] rowKey() {
        return Rows.unionKey(viewId, topicId, partition);
    }

    /** Which partition of the union it goes to: all of a topic to the same. */
    int target(int partitionCount) {
        long mixed = topicId * 0x9E37_79B9_7F4A_7C15L >>> Integer.SIZE;
        return (int) (mixed % partitionCount);
    }
}
