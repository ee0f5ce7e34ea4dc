package io.headrace.server.powercut;

import java.util.HashSet;
import java.util.Set;

/** Which topics were created and deleted, and the check of what is found. Thread-safe. */
final class TopicHistory {
    private final Set<String> present = new HashSet<>();
    private final Set<String> deleted = new HashSet<>();

    /** Asked for and not answered: they may be there or not. */
    private final Set<String> open = new HashSet<>();

    synchronized void ask(String topic) {
        open.add(topic);
    }

    synchronized void created(String topic) {
        open.remove(topic);
        present.add(topic);
    }

    synchronized void deleted(String topic) {
        open.remove(topic);
        present.remove(topic);
        deleted.add(topic);
    }

    synchronized void check(Set<String> found) {
        for (String topic : present) {
            if (!open.contains(topic) && !found.contains(topic)) {
                throw new Violation(topic, "created topic is gone", 0, "");
            }
        }
        for (String topic : found) {
            if (deleted.contains(topic)) {
                throw new Violation(topic, "deleted topic is back", 0, "");
            }
            if (!present.contains(topic) && !open.contains(topic)) {
                throw new Violation(topic, "topic was never created", 0, "");
            }
        }
        settle(found);
    }

    /** What is found is what holds from now on. */
    private void settle(Set<String> found) {
        for (String topic : open) {
            if (found.contains(topic)) {
                present.add(topic);
            } else {
                present.remove(topic);
                deleted.add(topic);
            }
        }
        open.clear();
    }
}
