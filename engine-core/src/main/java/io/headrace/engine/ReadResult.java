package io.headrace.engine;

/** What a read found: leased bytes, or why there are none. Always closed by its receiver. */
@Stable
public sealed interface ReadResult extends AutoCloseable permits RecordsLease, Unavailable {
    @Override
    void close();
}
