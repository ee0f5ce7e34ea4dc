package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.Topic;
import io.headrace.engine.TopicConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What waits at the tap, and what does not find room there. */
@SuppressWarnings("NullAway") // logs that are appended to by nobody
final class UnionTapTest {
    private static final int ROOM = 4;

    private final UnionTap tap = new UnionTap(new Doorbell(), ROOM);
    private final List<PartitionLogBase> taken = new ArrayList<>();

    private static PartitionLogBase log(long id) {
        TopicConfig config = TopicConfig.DEFAULTS;
        Topic topic = new Topic(id, "t" + id, 1, Map.of(), config, 1);
        return new JournaledLog(topic, 0, null, 1, PartitionState.decode(null), null, null, null);
    }

    @Test
    void aLogWaitsOnceUntilItIsTaken() {
        PartitionLogBase log = log(1);
        assertTrue(tap.isEmpty());
        for (int i = 0; i < 2 * ROOM; i++) {
            tap.onRisen(log);
        }
        assertFalse(tap.isEmpty());
        tap.take(ROOM, taken::add);
        assertEquals(List.of(log), taken);
        assertTrue(tap.isEmpty());
        tap.onRisen(log);
        tap.take(ROOM, taken::add);
        assertEquals(List.of(log, log), taken);
    }

    @Test
    void whatFindsNoRoomHasAllLookedThroughAndIsToldTheNextTime() {
        List<PartitionLogBase> logs = new ArrayList<>();
        for (int i = 0; i <= ROOM; i++) {
            logs.add(log(i));
            tap.onRisen(logs.get(i));
        }
        tap.take(ROOM, taken::add);
        assertEquals(logs.subList(0, ROOM), taken);
        assertFalse(tap.isEmpty());
        assertTrue(tap.takeOverflow());
        assertFalse(tap.takeOverflow());
        assertTrue(tap.isEmpty());
        tap.onRisen(logs.get(ROOM));
        tap.take(ROOM, taken::add);
        assertEquals(logs, taken);
    }
}
