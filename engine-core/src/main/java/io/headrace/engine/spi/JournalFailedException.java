package io.headrace.engine.spi;

import io.headrace.engine.EngineException;
import io.headrace.engine.Experimental;

/**
 * A write or force of the journal failed. Stop now: what was not synced may be lost, and nothing
 * may be retried.
 */
@Experimental
public final class JournalFailedException extends EngineException {
    private static final long serialVersionUID = 1L;

    /**
     * @param message what failed, then {@code key=value} pairs
     * @param cause the failure
     */
    public JournalFailedException(String message, Throwable cause) {
        super(message, cause);
    }
}
