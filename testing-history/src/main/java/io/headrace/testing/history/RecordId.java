package io.headrace.testing.history;

/** What a record is known by in its partition: its producer, and its number among that one's. */
final class RecordId {
    private static final int NUMBER_BITS = 40;
    private static final long NUMBER_MASK = (1L << NUMBER_BITS) - 1;

    private RecordId() {}

    static long of(int producer, long number) {
        return (long) producer << NUMBER_BITS | number;
    }

    static int producer(long id) {
        return (int) (id >>> NUMBER_BITS);
    }

    static long number(long id) {
        return id & NUMBER_MASK;
    }
}
