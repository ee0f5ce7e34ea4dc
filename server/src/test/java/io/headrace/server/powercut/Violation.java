package io.headrace.server.powercut;

/** A promise that was not kept. */
final class Violation extends RuntimeException {
    private static final long serialVersionUID = 1;

    Violation(String where, String what, long offset, String details) {
        super(what + ": in=" + where + " offset=" + offset + " " + details);
    }
}
