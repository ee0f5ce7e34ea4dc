package io.headrace.engine.spi;

import io.headrace.engine.EngineException;
import io.headrace.engine.Experimental;

/** Bytes of a journal fail their checksum where they had been synced. Names file and position. */
@Experimental
public final class CorruptJournalException extends EngineException {
    private static final long serialVersionUID = 1L;

    /**
     * @param message what was found, then {@code file=… position=…}
     */
    public CorruptJournalException(String message) {
        super(message);
    }
}
