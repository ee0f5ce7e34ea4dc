package io.headrace.engine.log;

/**
 * How much of what is below unions waits, and is taken at a time (docs/design/union.md). {@link
 * #STANDARD} but in a simulation, in which little has to come to the same bounds.
 *
 * @param readLength bytes of a partition that are read in one go, unless its next batch is longer
 * @param goLength bytes that are copied of it in one go, decompressed; one batch more at most
 * @param turnLength bytes that are copied in a turn, decompressed, about
 * @param backlogLength bytes of these for the backlog at least, however much has newly risen
 * @param batchLength where a batch of a union is full, unless its first record is longer
 * @param openMax batches of unions that are being put together at a time
 * @param readsMax partitions whose records are loaded at a time, or are and wait to be copied; a
 *     quarter of them is for what has newly risen alone
 * @param waitingMax partitions that wait: newly risen, and of the backlog, each; a quarter of these
 *     for what a look through the catalog finds. At least twice as many as there are unions
 * @param troubledMax partitions of which it is remembered that they cannot be read
 * @param knownMax partitions of which it is remembered how far they are copied, and how many goes
 *     they have, although that may be found otherwise
 * @param pageParts partitions that a look through the catalog looks at in one go
 * @param goesMax goes beside those of the backlog that a partition has from the time on at which
 *     all of it was copied
 */
public record UnionBounds(
        int readLength,
        long goLength,
        long turnLength,
        long backlogLength,
        int batchLength,
        int openMax,
        int readsMax,
        int waitingMax,
        int troubledMax,
        int knownMax,
        int pageParts,
        int goesMax) {
    public static final UnionBounds STANDARD =
            new UnionBounds(
                    256 << 10, 4 << 20, 4 << 20, 1 << 20, 256 << 10, 16, 32, 1 << 16, 1 << 14,
                    1 << 16, 1024, 256);
}
