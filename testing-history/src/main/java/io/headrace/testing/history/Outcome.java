package io.headrace.testing.history;

/** What is known of an operation that was begun. */
enum Outcome {
    /** Nothing: it is under way, or its answer never came. It may have happened or not. */
    UNKNOWN,
    /** It has happened. */
    OK,
    /** It has not happened, and never will. */
    FAILED
}
