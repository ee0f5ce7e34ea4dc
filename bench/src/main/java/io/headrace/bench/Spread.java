package io.headrace.bench;

import java.util.Arrays;
import java.util.Locale;

/** Several measurements of one thing, as reports show them. */
public final class Spread {
    private Spread() {}

    /**
     * Median, and in parentheses least and greatest.
     *
     * @param format of one value
     */
    public static String of(double[] values, String format) {
        if (values.length == 0) {
            return "–";
        }
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return "%s (%s–%s)"
                .formatted(
                        show(median(sorted), format),
                        show(sorted[0], format),
                        show(sorted[sorted.length - 1], format));
    }

    private static String show(double value, String format) {
        return String.format(Locale.ROOT, format, value);
    }

    private static double median(double[] sorted) {
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
