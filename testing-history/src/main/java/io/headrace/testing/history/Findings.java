package io.headrace.testing.history;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Collects violations: counts all, and keeps the first of each anomaly. */
final class Findings {
    private static final int KEPT_MAX = 10;

    private final Map<Anomaly, List<Violation>> kept = new EnumMap<>(Anomaly.class);
    private final Map<Anomaly, Long> counts = new EnumMap<>(Anomaly.class);

    Findings() {}

    Findings(Findings others) {
        others.kept.forEach(
                (anomaly, violations) -> kept.put(anomaly, new ArrayList<>(violations)));
        counts.putAll(others.counts);
    }

    void add(Anomaly anomaly, String where, long offset, String... operations) {
        counts.merge(anomaly, 1L, Long::sum);
        List<Violation> same = kept.computeIfAbsent(anomaly, a -> new ArrayList<>());
        if (same.size() < KEPT_MAX) {
            same.add(new Violation(anomaly, where, offset, List.of(operations)));
        }
    }

    Report report(long seed, long operations) {
        List<Violation> all = kept.values().stream().flatMap(List::stream).toList();
        return new Report(seed, operations, counts, all);
    }
}
