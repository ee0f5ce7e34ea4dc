package io.headrace.engine;

/** A partition's log is no longer in use, or the topic is gone. Ask the engine for it again. */
@Stable
public final class LogClosedException extends EngineException {
    private static final long serialVersionUID = 1L;

    /**
     * @param topic of the log
     */
    public LogClosedException(String topic) {
        super("log is no longer in use: topic=" + topic);
    }
}
