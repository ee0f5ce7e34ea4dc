package io.headrace.engine;

/**
 * A log whose records exist before they are found and loaded, as those of a source do. Who reads it
 * may wait for what is there already, and the log counts how long. Experimental, as {@link
 * Sources}.
 */
@Experimental
public interface OnDemandLog extends PartitionLog {

    /**
     * Whether records may exist beyond the high watermark that only have to be found. Does not
     * block.
     */
    boolean hasMoreToFind();

    /**
     * A reader has waited for records that exist, because they had to be found or loaded first.
     * Does no I/O.
     *
     * @param reader how it calls itself, such as a Kafka client's id
     */
    void onReaderWaited(String reader, long nanos);
}
