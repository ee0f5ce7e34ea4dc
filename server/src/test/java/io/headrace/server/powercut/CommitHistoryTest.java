package io.headrace.server.powercut;

import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class CommitHistoryTest {
    private static final TopicPartition PARTITION = new TopicPartition("t", 0);

    private final CommitHistory history = new CommitHistory();

    @Test
    void answeredCommitsStayAndUnansweredOnesMay() {
        commit(5);
        history.ask(offset(7));
        history.check(offset(5));
        history.ask(offset(8));
        history.check(offset(8));
        assertThrows(Violation.class, () -> history.check(offset(5)));
    }

    @Test
    void seesThatACommitIsGone() {
        commit(5);
        assertThrows(Violation.class, () -> history.check(nothing()));
    }

    @Test
    void seesThatAnOlderCommitIsBack() {
        commit(5);
        commit(6);
        assertThrows(Violation.class, () -> history.check(offset(5)));
    }

    @Test
    void seesWhatNobodyCommitted() {
        history.check(nothing());
        assertThrows(Violation.class, () -> history.check(offset(1)));
    }

    private void commit(long offset) {
        history.ask(offset(offset));
        history.answered();
    }

    private static Map<TopicPartition, OffsetAndMetadata> offset(long offset) {
        return Map.of(PARTITION, new OffsetAndMetadata(offset, "m" + offset));
    }

    private static Map<TopicPartition, OffsetAndMetadata> nothing() {
        Map<TopicPartition, OffsetAndMetadata> none = new HashMap<>();
        none.put(PARTITION, null);
        return none;
    }
}
