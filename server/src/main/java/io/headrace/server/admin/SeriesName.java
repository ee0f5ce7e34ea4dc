package io.headrace.server.admin;

import io.prometheus.metrics.model.snapshots.Labels;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A series as a {@link MetricSource} names it, taken apart: {@code name{label="value",…}}.
 *
 * @param name without labels
 * @param labels in order, without {@code le}
 * @param upperBound value of {@code le}; not a number if there is none
 */
record SeriesName(String name, Labels labels, double upperBound) {
    private static final Pattern LABEL = Pattern.compile("([a-zA-Z_]\\w*)=\"([^\"]*)\"");

    static SeriesName of(String text) {
        int brace = text.indexOf('{');
        if (brace < 0) {
            return new SeriesName(text, Labels.EMPTY, Double.NaN);
        }
        Labels.Builder labels = Labels.builder();
        double upperBound = Double.NaN;
        Matcher matcher = LABEL.matcher(text).region(brace, text.length());
        while (matcher.find()) {
            if (matcher.group(1).equals("le")) {
                upperBound = bound(matcher.group(2));
            } else {
                labels.label(matcher.group(1), matcher.group(2));
            }
        }
        return new SeriesName(text.substring(0, brace), labels.build(), upperBound);
    }

    private static double bound(String text) {
        return text.equals("+Inf") ? Double.POSITIVE_INFINITY : Double.parseDouble(text);
    }

    boolean isBucket() {
        return !Double.isNaN(upperBound);
    }
}
