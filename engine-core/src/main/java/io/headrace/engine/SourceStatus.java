package io.headrace.engine;

import java.util.List;

/**
 * How far a source is listed and indexed. Experimental, as {@link Sources}.
 *
 * @param topicId of the topic
 * @param topicName its name
 * @param listing what the listing does
 * @param generation number of the newest listing, from 0
 * @param isListed whether that listing came to its end, so that {@code objectCount} is all there is
 * @param objectCount objects that have their place
 * @param objectBytes length of these, as they are stored
 * @param isIndexing whether the source is indexed ahead of its readers
 * @param badObjectCount objects that broke the rules of their format or were no longer what was
 *     listed when they were indexed
 * @param leftOutCount samples and objects that are longer than a record may be
 * @param orphanCount objects that no sample of a joined source has use for
 * @param failure why listing or indexing stand still; empty if they do not
 * @param partitions one per partition
 * @param readers who has waited for records since the topic is in use, the longest first; a bounded
 *     number
 */
@Experimental
public record SourceStatus(
        long topicId,
        String topicName,
        Listing listing,
        int generation,
        boolean isListed,
        long objectCount,
        long objectBytes,
        boolean isIndexing,
        long badObjectCount,
        long leftOutCount,
        long orphanCount,
        String failure,
        List<Partition> partitions,
        List<Reader> readers) {

    /** What a listing does. */
    public enum Listing {
        /** It has not begun since the engine's start: nobody used the topic. */
        NOT_BEGUN,
        /** It runs. */
        RUNNING,
        /** It came to its end. */
        DONE,
        /** It failed; the next use tries again. */
        FAILED
    }

    /**
     * A partition.
     *
     * @param partition number
     * @param objectCount objects that have their place in it
     * @param indexedObjectCount objects of it that are indexed to their end
     * @param indexedBytes bytes of objects that are indexed, after decompression
     * @param endOffset offset behind the last record that is indexed
     * @param isComplete whether the end offset is the dataset's end: the listing is complete, and
     *     all of it is indexed
     * @param failure why it is not indexed further, naming object and position; empty if nothing is
     *     wrong
     */
    public record Partition(
            int partition,
            long objectCount,
            long indexedObjectCount,
            long indexedBytes,
            long endOffset,
            boolean isComplete,
            String failure) {}

    /**
     * A reader that has waited.
     *
     * @param name as it calls itself, such as a Kafka client's id, without what is not printable
     *     ASCII; {@code other} for all that are not told apart
     * @param waitNanos how long its fetches waited for records to be found or loaded, in
     *     nanoseconds
     */
    public record Reader(String name, long waitNanos) {}

    /** Whether all end offsets are the dataset's end. */
    public boolean isComplete() {
        return partitions.stream().allMatch(Partition::isComplete);
    }

    /** Records that are indexed. */
    public long recordCount() {
        return partitions.stream().mapToLong(Partition::endOffset).sum();
    }
}
