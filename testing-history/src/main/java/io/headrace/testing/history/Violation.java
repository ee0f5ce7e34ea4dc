package io.headrace.testing.history;

import java.util.List;

/**
 * One thing that contradicts a promise.
 *
 * @param where the partition; or what else it is about, such as a group's partition or a topic
 * @param offset −1 if it is about none
 * @param operations those that contradict each other, in words
 */
public record Violation(Anomaly anomaly, String where, long offset, List<String> operations) {
    public Violation {
        operations = List.copyOf(operations);
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder(anomaly + " partition=" + where);
        if (offset >= 0) {
            text.append(" offset=").append(offset);
        }
        operations.forEach(operation -> text.append("\n    ").append(operation));
        return text.toString();
    }
}
