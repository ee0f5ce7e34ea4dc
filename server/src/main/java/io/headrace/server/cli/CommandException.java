package io.headrace.server.cli;

/** A command could not do what it was asked; the message says what and why. */
public final class CommandException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * Says what failed.
     *
     * @param message one line for the user
     */
    public CommandException(String message) {
        super(message);
    }
}
