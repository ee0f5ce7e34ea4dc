package io.headrace.kafka.group;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.headrace.engine.Engine;
import io.headrace.engine.EngineException;
import io.headrace.engine.Topic;
import io.headrace.kafka.group.GroupPositions.Position;
import io.headrace.kafka.group.GroupPositions.TopicPositions;
import io.headrace.kafka.topic.TopicIds;
import java.lang.reflect.Proxy;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What is lost, and what only cannot be reached for a moment. */
class PositionCheckTest {
    private final HeldEngine engine = new HeldEngine();
    private final TopicIds ids = new TopicIds("test-cluster");
    private final Topic topic = engine.create("images", 1);

    /** An engine whose logs are frozen, as while a topic's mode changes. */
    private Engine frozen() {
        return (Engine)
                Proxy.newProxyInstance(
                        Engine.class.getClassLoader(),
                        new Class<?>[] {Engine.class},
                        (proxy, method, arguments) ->
                                method.getName().equals("partitionLog")
                                        ? null
                                        : method.invoke(engine, arguments));
    }

    private void check(Engine in, int partition) {
        Position position = new Position(partition, 0, -1, "");
        String id = ids.uuid(topic.id()).toString();
        new PositionCheck(in, ids, 100).check(new TopicPositions("images", id, List.of(position)));
    }

    @Test
    void aFrozenLogIsNotLost() {
        check(engine, 0);
        EngineException retry = assertThrows(EngineException.class, () -> check(frozen(), 0));
        assertEquals(
                "partition cannot be reached now, retry: topic=images partition=0 offset=0",
                retry.getMessage());
    }

    @Test
    void aPartitionThatIsNotThereIsNamed() {
        PositionsRefusedException refused =
                assertThrows(PositionsRefusedException.class, () -> check(frozen(), 1));
        assertEquals(
                "no such partition: topic=images partition=1 offset=0 partitions=1",
                refused.getMessage());
    }
}
