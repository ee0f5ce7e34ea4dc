package io.headrace.kafka.topic;

import io.headrace.engine.TopicCatalog;
import org.apache.kafka.common.protocol.Errors;
import org.jspecify.annotations.Nullable;

/** The catalog's refusals as Kafka's error codes. */
public final class CatalogErrors {
    private CatalogErrors() {}

    /** Kafka's code; {@code NONE} for null. */
    public static Errors of(TopicCatalog.@Nullable Error error) {
        if (error == null) {
            return Errors.NONE;
        }
        return switch (error) {
            case EXISTS -> Errors.TOPIC_ALREADY_EXISTS;
            case UNKNOWN_TOPIC -> Errors.UNKNOWN_TOPIC_OR_PARTITION;
            case INVALID_NAME -> Errors.INVALID_TOPIC_EXCEPTION;
            case INVALID_PARTITIONS -> Errors.INVALID_PARTITIONS;
            case INVALID_CONFIG -> Errors.INVALID_CONFIG;
            case REFUSED -> Errors.INVALID_REQUEST;
            // retriable in every client, and says that it is about storage
            case OUT_OF_SPACE -> Errors.KAFKA_STORAGE_ERROR;
        };
    }
}
