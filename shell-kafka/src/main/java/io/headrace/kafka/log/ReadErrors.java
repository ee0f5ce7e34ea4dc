package io.headrace.kafka.log;

import io.headrace.engine.Unavailable;
import org.apache.kafka.common.protocol.Errors;

/** The engine's reasons not to return bytes, as Kafka's error codes. */
final class ReadErrors {
    private ReadErrors() {}

    static Errors of(Unavailable reason) {
        return switch (reason) {
            case CAUGHT_UP, COLD -> Errors.NONE;
            case OFFSET_OUT_OF_RANGE -> Errors.OFFSET_OUT_OF_RANGE;
            // Consumers stop at this one and name partition and offset; they would ask again for
            // ever at any other.
            case CORRUPT, CUT_OUT, SOURCE_CHANGED -> Errors.CORRUPT_MESSAGE;
            // Of those at which clients ask again, it is the one that promises nothing.
            case STORE_ERROR, BUSY -> Errors.KAFKA_STORAGE_ERROR;
            case CLOSED -> Errors.NOT_LEADER_OR_FOLLOWER;
        };
    }
}
