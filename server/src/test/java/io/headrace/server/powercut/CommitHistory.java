package io.headrace.server.powercut;

import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/** What a group committed, and the check of what it finds committed. Thread-safe. */
final class CommitHistory {
    private final Map<TopicPartition, OffsetAndMetadata> acknowledged = new HashMap<>();

    /** The one commit that was asked for and not answered; it may have come through. */
    private Map<TopicPartition, OffsetAndMetadata> unanswered = Map.of();

    private int count;

    synchronized void ask(Map<TopicPartition, OffsetAndMetadata> offsets) {
        unanswered = Map.copyOf(offsets);
    }

    synchronized void answered() {
        acknowledged.putAll(unanswered);
        unanswered = Map.of();
        count++;
    }

    synchronized int count() {
        return count;
    }

    /** What is found is what holds from now on. */
    synchronized void check(Map<TopicPartition, @Nullable OffsetAndMetadata> found) {
        acknowledged.forEach((partition, offset) -> check(partition, offset, found.get(partition)));
        found.forEach(this::checkAsked);
        unanswered = Map.of();
    }

    private void check(
            TopicPartition partition, OffsetAndMetadata expected, @Nullable OffsetAndMetadata is) {
        if (!expected.equals(is) && (is == null || !is.equals(unanswered.get(partition)))) {
            throw new Violation(
                    "group, " + partition, "commit lost", expected.offset(), "found=" + is);
        }
    }

    private void checkAsked(TopicPartition partition, @Nullable OffsetAndMetadata is) {
        if (is == null) {
            return;
        }
        if (!is.equals(acknowledged.get(partition)) && !is.equals(unanswered.get(partition))) {
            throw new Violation(
                    "group, " + partition, "never committed", is.offset(), "found=" + is);
        }
        acknowledged.put(partition, is);
    }
}
