package io.headrace.testing.history;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Topics, by histories made by hand. */
final class TopicHistoryTest {
    private final History history = new History(1);
    private final TopicHistory topics = history.topics();

    @AfterEach
    void close() {
        history.close();
    }

    @Test
    void unansweredRequestsMayHaveComeThrough() {
        topics.ask("a");
        topics.ask("b");
        topics.found(Set.of("a"));
        topics.found(Set.of("a"));
        assertFound();
        topics.found(Set.of("a", "b"));
        assertFound(Anomaly.TOPIC_RETURNED);
    }

    @Test
    void seesThatATopicIsGone() {
        topics.created("a");
        topics.found(Set.of());
        assertFound(Anomaly.TOPIC_LOST);
    }

    @Test
    void seesThatADeletedTopicIsBack() {
        topics.created("a");
        topics.ask("a");
        topics.deleted("a");
        topics.found(Set.of("a"));
        assertFound(Anomaly.TOPIC_RETURNED);
    }

    @Test
    void seesATopicThatNobodyCreated() {
        topics.found(Set.of("a"));
        assertFound(Anomaly.TOPIC_NEVER_CREATED);
    }

    private void assertFound(Anomaly... anomalies) {
        Report report = history.verify();
        assertEquals(Set.of(anomalies), report.anomalies(), report::toString);
    }
}
