package io.headrace.bench.kafkaload;

import io.headrace.bench.Spread;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * The results as Markdown, to be pasted into docs/benchmarks.md. A ratio is Headrace divided by
 * Kafka within one round, so that what disturbs the machine for longer than a round cancels out;
 * its median, least and greatest are shown.
 */
final class Report {
    private static final String HEADRACE = "headrace";
    private static final String KAFKA = "kafka";

    private final List<Measurement> measurements;

    Report(List<Measurement> measurements) {
        this.measurements = measurements;
    }

    String tables() {
        StringBuilder text = new StringBuilder();
        text.append("| load | phase | figure | Headrace | Kafka | ratio (median, min–max) |\n");
        text.append("|---|---|---|---|---|---|\n");
        for (String workload : distinct(measurements, Measurement::workload)) {
            for (String phase : phasesOf(workload)) {
                rows(text, workload, phase);
            }
        }
        return text.toString();
    }

    private List<String> phasesOf(String workload) {
        return distinct(
                measurements.stream().filter(m -> m.workload().equals(workload)).toList(),
                Measurement::phase);
    }

    private static List<String> distinct(
            List<Measurement> of, java.util.function.Function<Measurement, String> key) {
        return of.stream().map(key).distinct().toList();
    }

    private void rows(StringBuilder text, String workload, String phase) {
        row(text, workload, phase, "records/s", Measurement::recordsPerSecond, "%,.0f");
        row(text, workload, phase, "MB/s", Measurement::megabytesPerSecond, "%.1f");
        row(text, workload, phase, "broker CPU s/GB", Measurement::cpuSecondsPerGb, "%.2f");
        if (phase.equals(KafkaLoad.PRODUCE)) {
            row(text, workload, phase, "p50 ms", Measurement::p50Ms, "%.0f");
            row(text, workload, phase, "p99 ms", Measurement::p99Ms, "%.0f");
            row(text, workload, phase, "p99.9 ms", Measurement::p999Ms, "%.0f");
        }
    }

    private void row(
            StringBuilder text,
            String workload,
            String phase,
            String figure,
            ToDoubleFunction<Measurement> value,
            String format) {
        List<Measurement> ours = select(HEADRACE, workload, phase);
        List<Measurement> theirs = select(KAFKA, workload, phase);
        text.append("| %s | %s | %s | ".formatted(workload, phase, figure))
                .append(Spread.of(values(ours, value), format))
                .append(" | ")
                .append(Spread.of(values(theirs, value), format))
                .append(" | ")
                .append(Spread.of(ratios(ours, theirs, value), "%.2f"))
                .append(" |\n");
    }

    private List<Measurement> select(String contestant, String workload, String phase) {
        return measurements.stream()
                .filter(m -> m.contestant().equals(contestant))
                .filter(m -> m.workload().equals(workload) && m.phase().equals(phase))
                .toList();
    }

    private static double[] values(List<Measurement> of, ToDoubleFunction<Measurement> value) {
        return of.stream().mapToDouble(value).toArray();
    }

    private static double[] ratios(
            List<Measurement> ours, List<Measurement> theirs, ToDoubleFunction<Measurement> value) {
        List<Double> ratios = new ArrayList<>();
        for (Measurement our : ours) {
            theirs.stream()
                    .filter(their -> their.round() == our.round())
                    .filter(their -> value.applyAsDouble(their) > 0)
                    .forEach(
                            their ->
                                    ratios.add(
                                            value.applyAsDouble(our) / value.applyAsDouble(their)));
        }
        return ratios.stream().mapToDouble(Double::doubleValue).toArray();
    }

    /** How much of a core the broker that should have been idle took, at most. */
    double idleCpuFractionMax() {
        return measurements.stream().mapToDouble(Measurement::idleCpuFraction).max().orElse(0);
    }
}
