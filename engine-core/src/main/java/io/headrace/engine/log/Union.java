package io.headrace.engine.log;

import io.headrace.engine.Topic;
import io.headrace.engine.view.UnionSpec;
import io.headrace.engine.view.ViewSpec;

/**
 * A union.
 *
 * @param topic as it was when it was made known; what counts here is fixed
 */
record Union(Topic topic, UnionSpec spec, UnionCounts counts) {

    static Union of(Topic topic) {
        return new Union(topic, (UnionSpec) ViewSpec.of(topic.configs()), new UnionCounts());
    }

    long id() {
        return topic.id();
    }

    /** Where the records of a part go. */
    PartitionKey target(UnionPart part) {
        return new PartitionKey(topic.id(), part.target(topic.partitionCount()));
    }
}
