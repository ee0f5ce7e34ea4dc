package io.headrace.kafka.log;

import io.headrace.engine.PartitionLog;
import org.apache.kafka.common.protocol.Errors;

/** The engine's reasons not to append, as Kafka's error codes. */
final class AppendErrors {
    private AppendErrors() {}

    /**
     * The code for a negative status.
     *
     * <p>BACK_PRESSURED is NOT_ENOUGH_REPLICAS, "not appended, retry": retriable in every client
     * since 0.8, and, unlike the retriable errors about leaders, it does not send clients looking
     * for new metadata, which would add load exactly when the engine has too much. OUT_OF_SPACE is
     * KAFKA_STORAGE_ERROR: retriable as well, but it names storage as the cause in the client's
     * log.
     */
    static Errors of(long status) {
        if (status == PartitionLog.BACK_PRESSURED) {
            return Errors.NOT_ENOUGH_REPLICAS;
        }
        if (status == PartitionLog.OUT_OF_SPACE) {
            return Errors.KAFKA_STORAGE_ERROR;
        }
        if (status == PartitionLog.CLOSED) {
            return Errors.NOT_LEADER_OR_FOLLOWER;
        }
        if (status == PartitionLog.READ_ONLY) {
            return Errors.POLICY_VIOLATION;
        }
        if (status == PartitionLog.CORRUPT_BATCH) {
            return Errors.CORRUPT_MESSAGE;
        }
        if (status == PartitionLog.BATCH_TOO_LARGE) {
            return Errors.MESSAGE_TOO_LARGE;
        }
        if (status == PartitionLog.OUT_OF_ORDER_SEQUENCE) {
            return Errors.OUT_OF_ORDER_SEQUENCE_NUMBER;
        }
        if (status == PartitionLog.INVALID_PRODUCER_EPOCH) {
            return Errors.INVALID_PRODUCER_EPOCH;
        }
        if (status == PartitionLog.INVALID_RECORD) {
            return Errors.INVALID_RECORD;
        }
        return Errors.UNKNOWN_SERVER_ERROR;
    }

    /** What happened, in words for the client's log. */
    static String message(Errors error, String topic, int partition) {
        String reason =
                switch (error) {
                    case NOT_ENOUGH_REPLICAS -> "the server is behind with its storage, retry";
                    case KAFKA_STORAGE_ERROR -> "the disk's reserve is reached, retry later";
                    case POLICY_VIOLATION -> "the topic takes no records";
                    case CORRUPT_MESSAGE -> "not a sound record batch";
                    default -> error.message();
                };
        return reason + ": topic=" + topic + " partition=" + partition;
    }
}
