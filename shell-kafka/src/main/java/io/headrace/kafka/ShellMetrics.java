package io.headrace.kafka;

import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ObjLongConsumer;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.requests.RequestHeader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Counts what the shell does, and says in the log what went wrong, at a bounded rate. */
final class ShellMetrics {
    private static final Logger LOGGER = LoggerFactory.getLogger(KafkaShell.class);
    private static final long LOG_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final int LOG_LINES_PER_INTERVAL = 10;

    private final LongAdder connectionsOpened = new LongAdder();
    private final LongAdder connectionsClosed = new LongAdder();
    private final LongAdder connectionsRefused = new LongAdder();
    private final LongAdder connectionErrors = new LongAdder();
    private final LongAdder protocolErrors = new LongAdder();
    private final LongAdder bytesIn = new LongAdder();
    private final LongAdder bytesOut = new LongAdder();
    private final LongAdder responseBytesHeld = new LongAdder();
    private final ApiMetrics[] apis = new ApiMetrics[ApiKeys.values().length];
    private final AtomicLong logIntervalStart = new AtomicLong(System.nanoTime());
    private final AtomicLong logLines = new AtomicLong();

    /** Counters of one API. */
    private static final class ApiMetrics {
        /**
         * Buckets of twice the width of the one before: the first is up to 64 µs, the last open.
         */
        private static final int BUCKET_COUNT = 20;

        private static final int FIRST_BUCKET_BITS = 6;

        final String name;
        final LongAdder count = new LongAdder();
        final LongAdder errors = new LongAdder();
        final LongAdder nanos = new LongAdder();
        final LongAdder[] buckets = new LongAdder[BUCKET_COUNT];

        ApiMetrics(ApiKeys api) {
            name = api.name().toLowerCase(Locale.ROOT);
            for (int i = 0; i < BUCKET_COUNT; i++) {
                buckets[i] = new LongAdder();
            }
        }

        void record(long elapsedNanos) {
            count.increment();
            nanos.add(elapsedNanos);
            buckets[bucketOf(TimeUnit.NANOSECONDS.toMicros(elapsedNanos))].increment();
        }

        private static int bucketOf(long micros) {
            int bits = Long.SIZE - Long.numberOfLeadingZeros(micros);
            return Math.max(0, Math.min(BUCKET_COUNT - 1, bits - FIRST_BUCKET_BITS));
        }

        void forEach(ObjLongConsumer<String> consumer) {
            String label = "{api=\"" + name + "\"}";
            consumer.accept("headrace_kafka_requests_total" + label, count.sum());
            consumer.accept("headrace_kafka_request_errors_total" + label, errors.sum());
            long cumulated = 0;
            for (int i = 0; i < BUCKET_COUNT; i++) {
                cumulated += buckets[i].sum();
                consumer.accept(bucketName(i), cumulated);
            }
            consumer.accept("headrace_kafka_request_duration_micros_count" + label, cumulated);
            consumer.accept(
                    "headrace_kafka_request_duration_micros_sum" + label,
                    TimeUnit.NANOSECONDS.toMicros(nanos.sum()));
        }

        private String bucketName(int index) {
            String bound =
                    index == BUCKET_COUNT - 1
                            ? "+Inf"
                            : Long.toString((1L << (FIRST_BUCKET_BITS + index)) - 1);
            return "headrace_kafka_request_duration_micros_bucket{api=\""
                    + name
                    + "\",le=\""
                    + bound
                    + "\"}";
        }
    }

    ShellMetrics() {
        for (ApiKeys api : ApiKeys.values()) {
            apis[api.ordinal()] = new ApiMetrics(api);
        }
    }

    void onConnected() {
        connectionsOpened.increment();
    }

    void onDisconnected() {
        connectionsClosed.increment();
    }

    void onConnectionRefused(Object peer, String reason) {
        connectionsRefused.increment();
        if (mayLog()) {
            LOGGER.warn("connection refused: reason={} peer={}", reason, peer);
        }
    }

    void onConnectionFailed(KafkaConnection connection, Throwable cause) {
        connectionErrors.increment();
        if (cause instanceof java.io.IOException) {
            LOGGER.debug("connection lost: {} cause={}", connection, cause.toString());
        } else if (mayLog()) {
            LOGGER.warn("connection failed: {}", connection, cause);
        }
    }

    void onProtocolError(KafkaConnection connection, String reason) {
        protocolErrors.increment();
        if (mayLog()) {
            LOGGER.warn("connection closed: reason={} {}", reason, connection);
        }
    }

    void onRequestFailed(
            ApiKeys api, Throwable reason, RequestHeader header, KafkaConnection connection) {
        apis[api.ordinal()].errors.increment();
        boolean expected = reason instanceof org.apache.kafka.common.errors.ApiException;
        if (expected) {
            LOGGER.debug("request refused: header={} {}", header, connection, reason);
        } else if (mayLog()) {
            LOGGER.warn("request failed: header={} {}", header, connection, reason);
        }
    }

    void onRequestDone(ApiKeys api, long elapsedNanos) {
        apis[api.ordinal()].record(elapsedNanos);
    }

    void onBytesIn(long count) {
        bytesIn.add(count);
    }

    void onBytesOut(long count) {
        bytesOut.add(count);
    }

    /** Responses were encoded, or, with a negative count, have left. */
    void onResponseBytesHeld(long count) {
        responseBytesHeld.add(count);
    }

    long connectionCount() {
        return connectionsOpened.sum() - connectionsClosed.sum();
    }

    /** A peer that sends rubbish in a loop shall not fill the disk with log lines. */
    private boolean mayLog() {
        long now = System.nanoTime();
        long start = logIntervalStart.get();
        if (now - start > LOG_INTERVAL_NANOS && logIntervalStart.compareAndSet(start, now)) {
            logLines.set(0);
        }
        return logLines.incrementAndGet() <= LOG_LINES_PER_INTERVAL;
    }

    void forEach(ObjLongConsumer<String> consumer) {
        consumer.accept("headrace_kafka_connections", connectionCount());
        consumer.accept("headrace_kafka_connections_total", connectionsOpened.sum());
        consumer.accept("headrace_kafka_connections_refused_total", connectionsRefused.sum());
        consumer.accept("headrace_kafka_connection_errors_total", connectionErrors.sum());
        consumer.accept("headrace_kafka_protocol_errors_total", protocolErrors.sum());
        consumer.accept("headrace_kafka_received_bytes_total", bytesIn.sum());
        consumer.accept("headrace_kafka_sent_bytes_total", bytesOut.sum());
        consumer.accept("headrace_kafka_response_bytes", responseBytesHeld.sum());
        for (ApiMetrics api : apis) {
            if (api.count.sum() > 0) {
                api.forEach(consumer);
            }
        }
    }
}
