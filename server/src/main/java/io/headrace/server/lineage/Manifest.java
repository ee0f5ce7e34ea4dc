package io.headrace.server.lineage;

import java.util.List;
import java.util.Map;

/**
 * What a group has read: which records of which topics, and what these were made from. The file is
 * specified in docs/lineage.md. Its lists of objects may be longer than what fits into memory, so
 * they are not in here: {@link ManifestWriter} and {@link ManifestReader} pass them on one by one.
 *
 * @param group that has read
 * @param clusterId of the server
 * @param createdMs when this was written down, in milliseconds since 1970
 * @param notes what somebody wants to be known of the run, by name
 * @param topics that were read, and those that they are over
 */
public record Manifest(
        String group,
        String clusterId,
        long createdMs,
        Map<String, String> notes,
        List<TopicRanges> topics) {
    /** Version of the file. */
    public static final int VERSION = 1;

    /**
     * What was read of a topic.
     *
     * @param topic its name
     * @param id Kafka's id of it
     * @param partitionCount how many partitions it has
     * @param isBelow whether the group did not read it itself, but a view over it
     * @param generation number of the newest listing; −1 if it is no source
     * @param configs those that are set on the topic itself, by name
     * @param ranges in order of partition
     */
    public record TopicRanges(
            String topic,
            String id,
            int partitionCount,
            boolean isBelow,
            int generation,
            Map<String, String> configs,
            List<OffsetRange> ranges) {

        /** Whether its records are made of objects of a store. */
        public boolean isSource() {
            return generation >= 0;
        }
    }

    /**
     * What was read of a partition.
     *
     * @param partition number
     * @param from first offset
     * @param to offset behind the last
     * @param digest of the records, as {@link RecordDigest} makes it; empty if none was made
     */
    public record OffsetRange(int partition, long from, long to, String digest) {
        /** The same with a digest. */
        public OffsetRange withDigest(String made) {
            return new OffsetRange(partition, from, to, made);
        }
    }
}
