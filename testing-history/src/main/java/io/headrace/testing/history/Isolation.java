package io.headrace.testing.history;

/** What a reader sees of transactions. */
public enum Isolation {
    READ_UNCOMMITTED,
    READ_COMMITTED
}
