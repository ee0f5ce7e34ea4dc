package io.headrace.server.admin;

import java.util.function.ObjLongConsumer;

/** Something with counters and gauges. Called by the admin listener's thread. */
@FunctionalInterface
public interface MetricSource {

    /**
     * Calls the consumer with each of them: name in Prometheus style, labels in braces if there are
     * any, and value. A name that ends in {@code _total} is a counter; {@code _bucket}, {@code
     * _count} and {@code _sum} of one name, in this order, are a histogram; all others are gauges.
     */
    void forEach(ObjLongConsumer<String> consumer);
}
