package io.headrace.engine.batch;

import io.headrace.engine.EngineException;
import io.headrace.engine.Experimental;

/** The records of a batch are not what its header says, or cannot be decompressed. */
@Experimental
public final class UnreadableBatchException extends EngineException {
    private static final long serialVersionUID = 1L;

    /**
     * @param reason what is wrong
     */
    public UnreadableBatchException(String reason) {
        super(reason);
    }

    /**
     * @param reason what is wrong
     * @param cause how that was noticed
     */
    public UnreadableBatchException(String reason, Throwable cause) {
        super(reason, cause);
    }
}
