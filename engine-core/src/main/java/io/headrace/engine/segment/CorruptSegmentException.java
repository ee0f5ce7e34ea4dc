package io.headrace.engine.segment;

import java.io.IOException;
import java.nio.file.Path;

/** Bytes of a segment are not those that were written. Names file and offset. */
public final class CorruptSegmentException extends IOException {
    private static final long serialVersionUID = 1L;

    private final String reason;
    private final long offset;

    CorruptSegmentException(String reason, Path file, long offset) {
        super(
                "segment is damaged: reason="
                        + reason.replace(' ', '_')
                        + " file="
                        + file
                        + " offset="
                        + offset);
        this.reason = reason;
        this.offset = offset;
    }

    /** What is wrong. */
    String reason() {
        return reason;
    }

    /** Where in the file. */
    long offset() {
        return offset;
    }
}
