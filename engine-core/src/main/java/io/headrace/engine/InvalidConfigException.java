package io.headrace.engine;

/** A config has a value that it cannot have. The caller's error: the same call will fail again. */
@Stable
public final class InvalidConfigException extends EngineException {
    private static final long serialVersionUID = 1L;

    /**
     * @param key name of the config
     * @param value the value that was refused
     * @param allowed what would have been accepted, in words
     */
    public InvalidConfigException(String key, String value, String allowed) {
        super("invalid config: key=" + key + " value=" + value + " allowed=" + allowed);
    }
}
