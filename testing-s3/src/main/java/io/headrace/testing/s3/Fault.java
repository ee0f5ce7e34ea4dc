package io.headrace.testing.s3;

/** What may go wrong with a request. */
public enum Fault {
    /** Nothing: for scripts. */
    NONE(false),
    /** 500 InternalError, instead of asking the server. */
    INTERNAL_ERROR(false),
    /** 503 SlowDown, instead of asking the server. */
    SLOW_DOWN(false),
    /** The connection is reset: in the middle of the body if there is one, else at once. */
    RESET(false),
    /** The connection ends in the middle of the body, whose length had been announced. */
    BROKEN_BODY(true),
    /** A well-formed answer whose body is half of what was asked. */
    SHORT_BODY(true),
    /** After half of the body nothing more comes, until the client hangs up. */
    STALL(true);

    private final boolean isOfBody;

    Fault(boolean isOfBody) {
        this.isOfBody = isOfBody;
    }

    /** Whether only an answer with an object's bytes can have it. */
    boolean isOfBody() {
        return isOfBody;
    }
}
