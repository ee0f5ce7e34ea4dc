package io.headrace.objects;

import io.headrace.engine.Experimental;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ObjLongConsumer;

/** What a store was asked, and how it answered. Thread-safe. */
@Experimental
public final class StoreCounters {
    private final String label;
    final LongAdder requests = new LongAdder();
    final LongAdder bytes = new LongAdder();
    final LongAdder retries = new LongAdder();
    final LongAdder throttled = new LongAdder();
    final LongAdder errors = new LongAdder();
    final AtomicInteger inFlight = new AtomicInteger();
    volatile int limit;

    /**
     * @param store name of the store in the server's config
     */
    public StoreCounters(String store) {
        this.label = "{store=\"" + store + "\"}";
    }

    /** Calls the consumer with each series: name and label in Prometheus' style, and value. */
    public void forEach(ObjLongConsumer<String> consumer) {
        consumer.accept("headrace_store_requests_total" + label, requests.sum());
        consumer.accept("headrace_store_read_bytes_total" + label, bytes.sum());
        consumer.accept("headrace_store_retries_total" + label, retries.sum());
        consumer.accept("headrace_store_throttled_total" + label, throttled.sum());
        consumer.accept("headrace_store_errors_total" + label, errors.sum());
        consumer.accept("headrace_store_requests_in_flight" + label, inFlight.get());
        consumer.accept("headrace_store_requests_limit" + label, limit);
    }
}
