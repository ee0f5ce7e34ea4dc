package io.headrace.server.quickstart;

import io.headrace.engine.EngineMetrics;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * What the engine read from its object stores, up to a moment or between two.
 *
 * @param reads requests
 * @param bytes that they brought
 */
record StoreFigures(long reads, long bytes) {

    static StoreFigures of(EngineMetrics metrics) {
        Map<String, Long> values = new HashMap<>();
        metrics.forEach(values::put);
        return new StoreFigures(
                values.getOrDefault("headrace_source_store_reads_total", 0L),
                values.getOrDefault("headrace_source_store_read_bytes_total", 0L));
    }

    StoreFigures since(StoreFigures earlier) {
        return new StoreFigures(reads - earlier.reads, bytes - earlier.bytes);
    }

    static String header() {
        return "    hit rate   store reads";
    }

    /**
     * The right-hand end of a row of the table.
     *
     * @param servedBytes of samples; what of them did not come from the store now is the hit rate
     */
    String row(long servedBytes) {
        double missed = servedBytes == 0 ? 0 : Math.min(1, (double) bytes / servedBytes);
        return String.format(Locale.ROOT, "%10.1f %% %13d", 100 * (1 - missed), reads);
    }
}
