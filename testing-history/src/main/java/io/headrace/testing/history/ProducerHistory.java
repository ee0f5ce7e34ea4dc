package io.headrace.testing.history;

/**
 * One producer from its start to its end. A restarted one is another.
 *
 * @param number of this producer in its history
 * @param isIdempotent whether its records must be there once and in order
 */
public record ProducerHistory(int number, String name, boolean isIdempotent) {}
