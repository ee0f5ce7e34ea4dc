package io.headrace.engine.backup;

import io.headrace.engine.EngineException;

/** A backup is not what was written: nothing of it is used. */
public final class DamagedBackupException extends EngineException {
    private static final long serialVersionUID = 1L;

    /**
     * @param what is damaged and how, as {@code key=value}
     */
    DamagedBackupException(String what) {
        super("backup is damaged: " + what);
    }
}
