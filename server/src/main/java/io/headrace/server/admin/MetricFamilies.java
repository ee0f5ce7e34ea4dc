package io.headrace.server.admin;

import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ObjLongConsumer;

/**
 * Gathers the series of several {@link MetricSource}s into metric families, for one scrape. Used by
 * one thread.
 */
final class MetricFamilies implements ObjLongConsumer<String> {
    private static final String COUNTER_SUFFIX = "_total";
    private static final String BUCKET_SUFFIX = "_bucket";
    private static final String SUM_SUFFIX = "_sum";
    private static final String COUNT_SUFFIX = "_count";

    private final Map<String, CounterSnapshot.Builder> counters = new TreeMap<>();
    private final Map<String, GaugeSnapshot.Builder> gauges = new TreeMap<>();
    private final Map<String, Map<Labels, Histogram>> histograms = new TreeMap<>();

    private static final class Histogram {
        final List<Double> upperBounds = new ArrayList<>();
        final List<Number> counts = new ArrayList<>();
        long cumulated;
        long sum;

        void add(double upperBound, long cumulatedCount) {
            upperBounds.add(upperBound);
            // Read without a lock while requests are counted: never let a bucket go below zero.
            counts.add(Math.max(0, cumulatedCount - cumulated));
            cumulated = Math.max(cumulated, cumulatedCount);
        }

        HistogramDataPointSnapshot snapshot(Labels labels) {
            return HistogramDataPointSnapshot.builder()
                    .classicHistogramBuckets(ClassicHistogramBuckets.of(upperBounds, counts))
                    .sum(sum)
                    .labels(labels)
                    .build();
        }
    }

    @Override
    public void accept(String text, long value) {
        SeriesName series = SeriesName.of(text);
        if (series.isBucket()) {
            histogram(series, BUCKET_SUFFIX).add(series.upperBound(), value);
        } else if (isOfHistogram(series, SUM_SUFFIX)) {
            histogram(series, SUM_SUFFIX).sum = value;
        } else if (series.name().endsWith(COUNTER_SUFFIX)) {
            addCounter(series, value);
        } else if (!isOfHistogram(series, COUNT_SUFFIX)) { // the buckets have the count already
            addGauge(series, value);
        }
    }

    private boolean isOfHistogram(SeriesName series, String suffix) {
        return series.name().endsWith(suffix)
                && histograms.containsKey(baseName(series.name(), suffix));
    }

    private Histogram histogram(SeriesName series, String suffix) {
        return histograms
                .computeIfAbsent(baseName(series.name(), suffix), name -> new LinkedHashMap<>())
                .computeIfAbsent(series.labels(), labels -> new Histogram());
    }

    private static String baseName(String name, String suffix) {
        return name.substring(0, name.length() - suffix.length());
    }

    private void addCounter(SeriesName series, long value) {
        String name = baseName(series.name(), COUNTER_SUFFIX);
        counters.computeIfAbsent(name, n -> CounterSnapshot.builder().name(n))
                .dataPoint(
                        CounterDataPointSnapshot.builder()
                                .value(value)
                                .labels(series.labels())
                                .build());
    }

    private void addGauge(SeriesName series, long value) {
        gauges.computeIfAbsent(series.name(), n -> GaugeSnapshot.builder().name(n))
                .dataPoint(
                        GaugeDataPointSnapshot.builder()
                                .value(value)
                                .labels(series.labels())
                                .build());
    }

    MetricSnapshots snapshots() {
        MetricSnapshots.Builder all = MetricSnapshots.builder();
        counters.values().forEach(counter -> all.metricSnapshot(counter.build()));
        gauges.values().forEach(gauge -> all.metricSnapshot(gauge.build()));
        histograms.forEach(
                (name, points) -> {
                    HistogramSnapshot.Builder histogram = HistogramSnapshot.builder().name(name);
                    points.forEach((labels, point) -> histogram.dataPoint(point.snapshot(labels)));
                    all.metricSnapshot(histogram.build());
                });
        return all.build();
    }
}
