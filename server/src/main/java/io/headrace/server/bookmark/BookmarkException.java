package io.headrace.server.bookmark;

/** A bookmark cannot be saved, found or restored as asked; the message names it and why. */
public final class BookmarkException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Whose fault it is. */
    public enum Reason {
        /** The request is wrong whatever the server holds. */
        BAD_VALUE,
        /** There is no such bookmark. */
        ABSENT,
        /** What the server holds does not allow it. */
        REFUSED
    }

    private final Reason reason;

    BookmarkException(Reason reason, String message) {
        super(message);
        this.reason = reason;
    }

    /** Whose fault it is. */
    public Reason reason() {
        return reason;
    }
}
