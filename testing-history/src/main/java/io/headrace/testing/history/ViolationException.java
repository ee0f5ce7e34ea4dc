package io.headrace.testing.history;

/** A history contradicts a promise; the message is the {@link Report}. */
public final class ViolationException extends RuntimeException {
    private static final long serialVersionUID = 1;

    ViolationException(String message) {
        super(message);
    }
}
