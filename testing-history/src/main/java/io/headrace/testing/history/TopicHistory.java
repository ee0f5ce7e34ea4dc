package io.headrace.testing.history;

import java.util.HashSet;
import java.util.Set;

/** Which topics were created and deleted, and the check of what is found. Thread-safe. */
public final class TopicHistory {
    private final History history;
    private final Set<String> present = new HashSet<>();
    private final Set<String> deleted = new HashSet<>();

    /** Asked for and not answered: they may be there or not. */
    private final Set<String> open = new HashSet<>();

    TopicHistory(History history) {
        this.history = history;
    }

    /** Called before it is created or deleted. */
    public void ask(String topic) {
        synchronized (history) {
            open.add(topic);
        }
    }

    public void created(String topic) {
        synchronized (history) {
            history.count();
            open.remove(topic);
            present.add(topic);
        }
    }

    public void deleted(String topic) {
        synchronized (history) {
            history.count();
            open.remove(topic);
            present.remove(topic);
            deleted.add(topic);
        }
    }

    /** All that are there, at a time when nobody creates or deletes any. */
    public void found(Set<String> topics) {
        synchronized (history) {
            history.count();
            for (String topic : present) {
                if (!open.contains(topic) && !topics.contains(topic)) {
                    add(Anomaly.TOPIC_LOST, topic);
                }
            }
            for (String topic : topics) {
                if (deleted.contains(topic)) {
                    add(Anomaly.TOPIC_RETURNED, topic);
                } else if (!present.contains(topic) && !open.contains(topic)) {
                    add(Anomaly.TOPIC_NEVER_CREATED, topic);
                }
            }
            settle(topics);
        }
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

    private void add(Anomaly anomaly, String topic) {
        history.findings.add(anomaly, topic, -1);
    }
}
