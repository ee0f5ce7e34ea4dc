package io.headrace.engine;

import java.util.function.ObjLongConsumer;

/** The engine's counters and gauges, read without locks; values may be some microseconds old. */
@Stable
public interface EngineMetrics {

    /**
     * Calls the consumer with each counter and gauge: name in Prometheus style with unit, and
     * value.
     */
    void forEach(ObjLongConsumer<String> consumer);

    /** Calls the consumer with each tag of off-heap memory, and its bytes. */
    void forEachOffHeapTag(ObjLongConsumer<String> consumer);
}
