package io.headrace.engine.source;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says each thing once: a consumer retries a few times a second, and the log should name a fault,
 * not count retries.
 */
final class Complaints {
    private static final int REMEMBERED_MAX = 1024;
    private static final Logger LOGGER = LoggerFactory.getLogger(SourceLogs.class);

    private final Set<String> said =
            Collections.synchronizedSet(
                    Collections.newSetFromMap(
                            new LinkedHashMap<>() {
                                private static final long serialVersionUID = 1L;

                                @Override
                                protected boolean removeEldestEntry(
                                        Map.Entry<String, Boolean> eldest) {
                                    return size() > REMEMBERED_MAX;
                                }
                            }));

    /** Records fail to be served: an error, once per message. */
    void error(String message) {
        if (said.add(message)) {
            LOGGER.error(message);
        }
    }

    /** An object was looked at: what it was taken for is said once for each kind and topic. */
    void decided(String topic, String key, ObjectFacts facts) {
        String what =
                "source objects are read as "
                        + facts.format()
                        + (facts.isCompressed() ? ", " + facts.codec() : "")
                        + ": topic="
                        + topic;
        if (said.add(what)) {
            LOGGER.info("{} firstKey={}", what, key);
        }
    }

    /** Something is left out or comes late: a warning, once per message. */
    void warn(String message) {
        if (said.add(message)) {
            LOGGER.warn(message);
        }
    }
}
