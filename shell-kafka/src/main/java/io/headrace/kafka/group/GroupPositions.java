package io.headrace.kafka.group;

import io.headrace.engine.EngineException;
import io.headrace.engine.Experimental;
import java.util.List;

/**
 * The committed positions of whole groups, as one thing: read as they stood in one moment, and set
 * with one commit.
 *
 * <p>Thread-safe. Methods block until what they tell or did is durable, for {@link #WAIT_MS} at
 * most: not for an event loop. Whoever launched the shell has it from {@link
 * io.headrace.kafka.KafkaShell#groupPositions}.
 */
@Experimental
public interface GroupPositions {
    /** Longest wait for one answer of the coordinator, in milliseconds. */
    long WAIT_MS = 20_000;

    /**
     * All positions of a group as they stood in one moment, and are durable; without those of
     * topics that are gone.
     *
     * @throws PositionsRefusedException if they are more than one commit can set again
     * @throws EngineException if that cannot be told now: retry
     */
    List<TopicPositions> committed(String group);

    /**
     * Sets the positions of a group to these, with one commit: afterwards, also after a crash, the
     * group has all of them, or all of those before. A partition that is not named here has no
     * position then; a lane of a share view has the lane's start.
     *
     * @param lastCheck called right before the commit; what it throws is thrown, and nothing was
     *     changed
     * @return how many partitions that are not named here had a position
     * @throws PositionsRefusedException if the group has members, a record at a position is gone,
     *     or these are more than one commit can set
     * @throws EngineException if it cannot be done now: retry, as it may have been done
     */
    int restore(String group, List<TopicPositions> positions, Runnable lastCheck);

    /**
     * The positions in one topic.
     *
     * @param topic its name
     * @param topicId Kafka's id of it, as text: a topic that is made anew has another
     * @param positions in order of partition
     */
    record TopicPositions(String topic, String topicId, List<Position> positions) {}

    /**
     * A position in one partition.
     *
     * @param offset of the record that is read next
     * @param leaderEpoch of the record before, as the consumer said; −1 if it did not
     * @param metadata what the consumer committed with it
     */
    record Position(int partition, long offset, int leaderEpoch, String metadata) {}
}
