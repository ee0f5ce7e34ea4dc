package io.headrace.server.config;

/** The configuration cannot be used; the message names the key, the value and what would do. */
public final class ConfigException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * Says what is wrong.
     *
     * @param message naming the key, the value and what is allowed
     */
    public ConfigException(String message) {
        super(message);
    }

    /**
     * Says what is wrong.
     *
     * @param message naming the key and the value
     * @param cause what is wrong with it
     */
    public ConfigException(String message, Throwable cause) {
        super(message, cause);
    }
}
