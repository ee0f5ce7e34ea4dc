package io.headrace.testing.history;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What was found in a history.
 *
 * @param seed of the run that made it
 * @param operations how many operations it had
 * @param counts how often each anomaly was found
 * @param violations the first ones of each
 */
public record Report(
        long seed, long operations, Map<Anomaly, Long> counts, List<Violation> violations) {
    public Report {
        counts = Map.copyOf(counts);
        violations = List.copyOf(violations);
    }

    public boolean isClean() {
        return violations.isEmpty();
    }

    public Set<Anomaly> anomalies() {
        return counts.keySet();
    }

    /**
     * @throws ViolationException unless it is clean
     */
    public void orThrow() {
        if (!isClean()) {
            throw new ViolationException(toString());
        }
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("seed=" + seed + " operations=" + operations);
        text.append(isClean() ? " clean" : " " + new TreeMap<>(counts));
        violations.forEach(violation -> text.append("\n  ").append(violation));
        return text.toString();
    }
}
