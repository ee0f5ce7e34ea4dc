package io.headrace.engine.log;

import io.headrace.engine.TopicConfig;

/**
 * Which topics' batches will probably go together: those of one class share segments. The numbers
 * are on disk: docs/design/formats.md.
 */
final class RetentionClass {
    /** For ever. */
    static final int UNLIMITED = 62;

    /** By size, so that nobody knows when. */
    static final int BY_BYTES = 63;

    /** When a later record has the same key. */
    static final int COMPACTED = 64;

    private static final long HOUR_MS = 3_600_000;

    private RetentionClass() {}

    /** The class of a topic: the power of two of its retention in hours, or one of the others. */
    static int of(TopicConfig config) {
        if (config.compact()) {
            return COMPACTED;
        }
        if (config.retentionBytes() >= 0) {
            return BY_BYTES;
        }
        if (config.retentionMs() < 0) {
            return UNLIMITED;
        }
        return 63 - Long.numberOfLeadingZeros(Math.max(1, config.retentionMs() / HOUR_MS));
    }
}
