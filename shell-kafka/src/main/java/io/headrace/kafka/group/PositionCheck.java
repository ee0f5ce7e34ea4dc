package io.headrace.kafka.group;

import io.headrace.engine.Engine;
import io.headrace.engine.EngineException;
import io.headrace.engine.OnDemandLog;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.kafka.group.GroupPositions.Position;
import io.headrace.kafka.group.GroupPositions.TopicPositions;
import io.headrace.kafka.topic.TopicIds;

/**
 * Whether the records at positions are still there. Only what the log itself says is lost; a log
 * that cannot be reached for a moment, as its topic's mode changes, is asked again later by whoever
 * wants to know. Thread-safe.
 */
final class PositionCheck {
    private final Engine engine;
    private final TopicIds ids;
    private final int metadataLengthMax;

    /**
     * @param metadataLengthMax characters that the coordinator takes with a position
     */
    PositionCheck(Engine engine, TopicIds ids, int metadataLengthMax) {
        this.engine = engine;
        this.ids = ids;
        this.metadataLengthMax = metadataLengthMax;
    }

    /**
     * Looks at the log of each partition.
     *
     * @throws PositionsRefusedException naming the first position that is no more
     * @throws EngineException if a log cannot be reached now
     */
    void check(TopicPositions of) {
        Topic topic = engine.catalog().find(of.topic());
        if (topic == null) {
            throw new PositionsRefusedException("topic of a position is gone: topic=" + of.topic());
        }
        String id = ids.uuid(topic.id()).toString();
        if (!id.equals(of.topicId())) {
            throw new PositionsRefusedException(
                    "topic of a position was made anew since: topic="
                            + of.topic()
                            + " id="
                            + of.topicId()
                            + " now="
                            + id);
        }
        of.positions().forEach(position -> check(topic, position));
    }

    private void check(Topic topic, Position position) {
        if (position.metadata().length() > metadataLengthMax) {
            throw new PositionsRefusedException(
                    "metadata of a position are too long: "
                            + place(topic, position)
                            + " length="
                            + position.metadata().length()
                            + " offset.metadata.max.bytes="
                            + metadataLengthMax);
        }
        PartitionLog found = engine.partitionLog(topic, position.partition());
        if (found == null) {
            throw absent(topic, position);
        }
        PartitionLog log = found.at(position.offset());
        long start = log.logStartOffset();
        long end = log.logEndOffset();
        if (position.offset() >= start && position.offset() <= end) {
            return;
        }
        if (isClosed(log, position.offset())) { // what it says of itself may be wrong then
            throw unreachable(topic, position);
        }
        if (position.offset() > end
                && log instanceof OnDemandLog source
                && source.hasMoreToFind()) {
            throw new EngineException(
                    "source is not indexed up to a position yet, retry: "
                            + place(topic, position)
                            + " end="
                            + end);
        }
        if (position.offset() > end && position.offset() <= log.logEndOffset()) {
            return; // found meanwhile
        }
        String where = place(topic, position) + " start=" + start + " end=" + end;
        if (position.offset() < start) {
            throw new PositionsRefusedException("records at a position are gone: " + where);
        }
        throw new PositionsRefusedException("position is beyond the end: " + where);
    }

    /** A partition without a log: frozen for a moment, or not there at all. */
    private RuntimeException absent(Topic topic, Position position) {
        Topic now = engine.catalog().find(topic.id());
        if (now == null) {
            return new PositionsRefusedException(
                    "topic of a position is gone: topic=" + topic.name());
        }
        return position.partition() < now.partitionCount()
                ? unreachable(topic, position)
                : new PositionsRefusedException(
                        "no such partition: "
                                + place(topic, position)
                                + " partitions="
                                + now.partitionCount());
    }

    private static boolean isClosed(PartitionLog log, long offset) {
        try (ReadResult result = log.read(offset, 0)) {
            return result == Unavailable.CLOSED;
        }
    }

    private static EngineException unreachable(Topic topic, Position position) {
        return new EngineException(
                "partition cannot be reached now, retry: " + place(topic, position));
    }

    private static String place(Topic topic, Position position) {
        return "topic="
                + topic.name()
                + " partition="
                + position.partition()
                + " offset="
                + position.offset();
    }
}
