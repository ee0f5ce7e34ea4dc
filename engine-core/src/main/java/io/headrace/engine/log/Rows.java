package io.headrace.engine.log;

import io.headrace.engine.EngineException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Keys and values of the projection in the metadata store, big endian so that byte order is numeric
 * order; specified in docs/design/formats.md.
 */
final class Rows {
    static final byte APPLIED = 'a';
    static final byte DROP = 'b';
    static final byte COUNTERS = 'c';
    static final byte CHECKPOINT = 'k';
    static final byte DELETED_TOPIC = 'd';
    static final byte SEGMENT = 'g';
    static final byte INDEX = 'i';
    static final byte LIVE_BYTES = 'l';
    static final byte TOPIC_NAME = 'n';
    static final byte PARTITION = 'p';
    static final byte PRODUCER = 'r';
    static final byte TOPIC = 't';
    static final byte UNION = 'u';
    static final byte VIEW = 'v';

    /** Stands in a row of views for a topic, where the view is over no certain ones. */
    static final long NO_TOPIC = 0;

    private static final int PARTITION_KEY_LENGTH = 1 + Long.BYTES + Integer.BYTES;

    private Rows() {}

    /** What to say of a row that this version cannot read. */
    static EngineException unknownVersion(String row, int version) {
        return new EngineException(
                "metadata store holds what another version has written: row="
                        + row
                        + " version="
                        + version);
    }

    static byte[] appliedKey(int journal) {
        return ByteBuffer.allocate(1 + Short.BYTES).put(APPLIED).putShort((short) journal).array();
    }

    static byte[] checkpointKey() {
        return new byte[] {CHECKPOINT};
    }

    static byte[] countersKey() {
        return new byte[] {COUNTERS};
    }

    static byte[] topicNameKey(String name) {
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(1 + bytes.length).put(TOPIC_NAME).put(bytes).array();
    }

    static byte[] topicKey(long topicId) {
        return key(TOPIC, topicId);
    }

    /** That a topic has a view over it. */
    static byte[] viewKey(long topicId, long viewId) {
        return ByteBuffer.allocate(1 + 2 * Long.BYTES)
                .put(VIEW)
                .putLong(topicId)
                .putLong(viewId)
                .array();
    }

    /** Beginning of the keys of all views over a topic. */
    static byte[] viewsKey(long topicId) {
        return ByteBuffer.allocate(1 + Long.BYTES).put(VIEW).putLong(topicId).array();
    }

    /** Beginning of all such keys. */
    static byte[] allViewsKey() {
        return new byte[] {VIEW};
    }

    /** The view that such a key names. */
    static long viewIdOf(byte[] key) {
        return ByteBuffer.wrap(key).getLong(1 + Long.BYTES);
    }

    /** How far a union has copied a partition. */
    static byte[] unionKey(long viewId, long topicId, int partition) {
        return ByteBuffer.allocate(1 + 2 * Long.BYTES + Integer.BYTES)
                .put(UNION)
                .putLong(viewId)
                .putLong(topicId)
                .putInt(partition)
                .array();
    }

    /** The topic that such a key is about. */
    static long unionTopicIdOf(byte[] key) {
        return ByteBuffer.wrap(key).getLong(1 + Long.BYTES);
    }

    static byte[] deletedTopicKey(long topicId) {
        return key(DELETED_TOPIC, topicId);
    }

    /** Highest number of a segment of that journal that was ever switched to. */
    static byte[] segmentKey(int journal) {
        return ByteBuffer.allocate(1 + Short.BYTES).put(SEGMENT).putShort((short) journal).array();
    }

    /**
     * @param file upper half of the positions in it: a cycle's or a segment's
     */
    static byte[] liveBytesKey(int journal, int file) {
        return ByteBuffer.allocate(1 + Short.BYTES + Integer.BYTES)
                .put(LIVE_BYTES)
                .putShort((short) journal)
                .putInt(file)
                .array();
    }

    /** First key of a journal's rows of live bytes. */
    static byte[] liveBytesKey(int journal) {
        return ByteBuffer.allocate(1 + Short.BYTES)
                .put(LIVE_BYTES)
                .putShort((short) journal)
                .array();
    }

    /** The file that a row of live bytes is about. */
    static int fileOf(byte[] liveBytesKey) {
        return ByteBuffer.wrap(liveBytesKey).getInt(1 + Short.BYTES);
    }

    /** First key of a journal's rows of index rows that are to be deleted. */
    static byte[] dropKey(int journal) {
        return ByteBuffer.allocate(1 + Short.BYTES).put(DROP).putShort((short) journal).array();
    }

    static byte[] dropKey(int journal, long topicId, int partition) {
        return ByteBuffer.allocate(1 + Short.BYTES + Long.BYTES + Integer.BYTES)
                .put(DROP)
                .putShort((short) journal)
                .putLong(topicId)
                .putInt(partition)
                .array();
    }

    /** The partition whose index rows such a row is about. */
    static PartitionKey dropPartition(byte[] dropKey) {
        ByteBuffer key = ByteBuffer.wrap(dropKey).position(1 + Short.BYTES);
        return new PartitionKey(key.getLong(), key.getInt());
    }

    static byte[] partitionKey(long topicId, int partition) {
        return key(PARTITION, topicId, partition);
    }

    static byte[] producerKey(long topicId, int partition, long producerId) {
        return keyOf(PRODUCER, topicId, partition, producerId);
    }

    static byte[] indexKey(long topicId, int partition, long lastOffset) {
        return keyOf(INDEX, topicId, partition, lastOffset);
    }

    /** First key of a partition's rows of one kind. */
    static byte[] key(byte kind, long topicId, int partition) {
        return ByteBuffer.allocate(PARTITION_KEY_LENGTH)
                .put(kind)
                .putLong(topicId)
                .putInt(partition)
                .array();
    }

    /** First key of a topic's rows of one kind. */
    static byte[] key(byte kind, long topicId) {
        return ByteBuffer.allocate(1 + Long.BYTES).put(kind).putLong(topicId).array();
    }

    private static byte[] keyOf(byte kind, long topicId, int partition, long last) {
        return ByteBuffer.allocate(PARTITION_KEY_LENGTH + Long.BYTES)
                .put(kind)
                .putLong(topicId)
                .putInt(partition)
                .putLong(last)
                .array();
    }

    /** Whether a key is one of that partition's rows of that kind. */
    static boolean isOf(byte[] key, byte kind, long topicId, int partition) {
        return key.length >= PARTITION_KEY_LENGTH
                && key[0] == kind
                && topicIdOf(key) == topicId
                && partitionOf(key) == partition;
    }

    static long topicIdOf(byte[] key) {
        return ByteBuffer.wrap(key).getLong(1);
    }

    static int partitionOf(byte[] key) {
        return ByteBuffer.wrap(key).getInt(1 + Long.BYTES);
    }

    /** The last number of an index or producer key: the last offset, or the producer id. */
    static long lastOf(byte[] key) {
        return ByteBuffer.wrap(key).getLong(PARTITION_KEY_LENGTH);
    }

    static byte[] value(long number) {
        return ByteBuffer.allocate(Long.BYTES).putLong(number).array();
    }

    static long number(byte[] value) {
        return ByteBuffer.wrap(value).getLong();
    }
}
