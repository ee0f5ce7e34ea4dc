package io.headrace.server.admin;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.ObjLongConsumer;

/**
 * Writes series in Prometheus' text format, version 0.0.4: those of one metric together, after a
 * line with its type. For one scrape, used by one thread.
 *
 * <p>The sources name their series in that format already ({@link MetricSource}), so that what is
 * left to do is to put them in order. Prometheus' own client library was tried here and refused the
 * whole scrape for a gauge {@code x} beside a counter {@code x_total}, which its server takes.
 */
final class PrometheusText implements ObjLongConsumer<String> {
    static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

    private static final String BUCKET = "_bucket";
    private static final String[] OF_HISTOGRAM = {BUCKET, "_count", "_sum"};

    /** Lines of each metric, by its name. */
    private final Map<String, StringBuilder> metrics = new TreeMap<>();

    private final Map<String, String> types = new TreeMap<>();

    @Override
    public void accept(String series, long value) {
        int brace = series.indexOf('{');
        String name = brace < 0 ? series : series.substring(0, brace);
        String metric = histogramOf(name);
        if (metric.isEmpty()) {
            metric = name;
            types.putIfAbsent(name, name.endsWith("_total") ? "counter" : "gauge");
        }
        metrics.computeIfAbsent(metric, m -> new StringBuilder())
                .append(series)
                .append(' ')
                .append(value)
                .append('\n');
    }

    /**
     * The histogram that a series belongs to, which is known from its first bucket on; or empty.
     */
    private String histogramOf(String name) {
        for (String suffix : OF_HISTOGRAM) {
            if (name.endsWith(suffix)) {
                String base = name.substring(0, name.length() - suffix.length());
                if (suffix.equals(BUCKET)) {
                    types.put(base, "histogram");
                }
                return "histogram".equals(types.get(base)) ? base : "";
            }
        }
        return "";
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        metrics.forEach(
                (metric, lines) ->
                        text.append("# TYPE ")
                                .append(metric)
                                .append(' ')
                                .append(types.get(metric))
                                .append('\n')
                                .append(lines));
        return text.toString();
    }
}
