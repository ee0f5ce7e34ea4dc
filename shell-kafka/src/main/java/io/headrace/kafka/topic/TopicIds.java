package io.headrace.kafka.topic;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import org.apache.kafka.common.Uuid;

/**
 * Kafka's topic ids (UUIDs) and the engine's (longs): the upper half names the cluster, the lower
 * half is the engine's id. So neither has to be stored, and an id of another cluster is known as
 * such.
 */
public final class TopicIds {
    /** What an id maps to that is none of this cluster's; no topic has it. */
    public static final long UNKNOWN = -1;

    /**
     * The two highest bits are 01: the text form (base64) then never begins with '-', which command
     * lines would take for an option, and the ids that Kafka reserves are never hit.
     */
    private static final long HIGH_BITS = 0x4000_0000_0000_0000L;

    private final long clusterBits;

    /**
     * @param clusterId name of the cluster
     */
    public TopicIds(String clusterId) {
        this.clusterBits = hash(clusterId) & ~(3L << 62) | HIGH_BITS;
    }

    private static long hash(String clusterId) {
        try {
            byte[] digest =
                    MessageDigest.getInstance("SHA-256")
                            .digest(clusterId.getBytes(StandardCharsets.UTF_8));
            return ByteBuffer.wrap(digest).getLong();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /** Kafka's id of a topic. */
    public Uuid uuid(long topicId) {
        return new Uuid(clusterBits, topicId);
    }

    /** The engine's id of a topic, or {@link #UNKNOWN}. */
    public long topicId(Uuid uuid) {
        boolean ours = uuid.getMostSignificantBits() == clusterBits;
        return ours ? uuid.getLeastSignificantBits() : UNKNOWN;
    }
}
