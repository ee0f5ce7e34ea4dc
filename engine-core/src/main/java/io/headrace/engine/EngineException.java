package io.headrace.engine;

/** What went wrong in the engine, followed by {@code key=value} pairs that name the thing. */
@Stable
public class EngineException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * @param message what happened, then {@code key=value} pairs
     */
    public EngineException(String message) {
        super(message);
    }

    /**
     * @param message what happened, then {@code key=value} pairs
     * @param cause what it happened because of
     */
    public EngineException(String message, Throwable cause) {
        super(message, cause);
    }
}
