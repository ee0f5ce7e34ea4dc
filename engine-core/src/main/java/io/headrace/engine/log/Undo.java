package io.headrace.engine.log;

import java.util.ArrayDeque;
import java.util.Deque;

/** What has to be closed again, in reverse order, when an acquisition further on fails. */
final class Undo {
    private final Deque<AutoCloseable> acquired = new ArrayDeque<>();

    <T extends AutoCloseable> T add(T resource) {
        acquired.push(resource);
        return resource;
    }

    void run() {
        while (!acquired.isEmpty()) {
            try {
                acquired.pop().close();
            } catch (Exception e) {
                // The failure that made us undo is the one to report.
                org.slf4j.LoggerFactory.getLogger(Undo.class).warn("while closing again", e);
            }
        }
    }
}
