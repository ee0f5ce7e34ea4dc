package io.headrace.server.powercut;

import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Set;
import org.junit.jupiter.api.Test;

class TopicHistoryTest {
    private final TopicHistory history = new TopicHistory();

    @Test
    void unansweredRequestsMayHaveComeThrough() {
        history.ask("a");
        history.ask("b");
        history.check(Set.of("a"));
        history.check(Set.of("a"));
        assertThrows(Violation.class, () -> history.check(Set.of("a", "b")));
        assertThrows(Violation.class, () -> history.check(Set.of()));
    }

    @Test
    void seesThatATopicIsGone() {
        history.created("a");
        assertThrows(Violation.class, () -> history.check(Set.of()));
    }

    @Test
    void seesThatADeletedTopicIsBack() {
        history.created("a");
        history.ask("a");
        history.deleted("a");
        assertThrows(Violation.class, () -> history.check(Set.of("a")));
    }

    @Test
    void seesATopicThatNobodyCreated() {
        assertThrows(Violation.class, () -> history.check(Set.of("a")));
    }
}
