package io.headrace.kafka;

import io.headrace.engine.EngineException;
import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.LogClosedException;
import io.headrace.engine.OffsetOutOfRangeException;
import io.headrace.engine.RecordsKeptException;
import java.util.concurrent.CompletionException;
import org.apache.kafka.common.protocol.Errors;
import org.jspecify.annotations.Nullable;

/** Failures of the engine's futures as Kafka's error codes. */
public final class EngineErrors {
    private EngineErrors() {}

    /** Kafka's code; what Kafka's own exceptions stand for stays as it is. */
    public static Errors of(@Nullable Throwable failure) {
        Throwable cause = failure;
        while (cause instanceof CompletionException && cause.getCause() != null) {
            cause = cause.getCause();
        }
        if (cause instanceof OffsetOutOfRangeException) {
            return Errors.OFFSET_OUT_OF_RANGE;
        }
        if (cause instanceof InvalidConfigException) {
            return Errors.INVALID_CONFIG;
        }
        if (cause instanceof LogClosedException) {
            return Errors.NOT_LEADER_OR_FOLLOWER;
        }
        if (cause instanceof RecordsKeptException) {
            return Errors.POLICY_VIOLATION;
        }
        if (cause instanceof EngineException) {
            // Out of space, too much waiting, closing: retriable in every client.
            return Errors.KAFKA_STORAGE_ERROR;
        }
        return Errors.forException(cause);
    }
}
