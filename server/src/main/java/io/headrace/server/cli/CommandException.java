package io.headrace.server.cli;

import picocli.CommandLine.ExitCode;

/** A command could not do what it was asked; the message says what and why. */
public final class CommandException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Exit code: data is damaged, as opposed to a command that could not do its work. */
    static final int DAMAGED = 3;

    private final int exitCode;

    /**
     * Says what failed.
     *
     * @param message one line for the user
     */
    public CommandException(String message) {
        this(message, ExitCode.SOFTWARE);
    }

    CommandException(String message, int exitCode) {
        super(message);
        this.exitCode = exitCode;
    }

    int exitCode() {
        return exitCode;
    }
}
