package io.headrace.server.show;

import java.util.Locale;

/** Figures with their units, as short as they can be compared by eye. */
public final class Units {
    private static final String[] BYTES = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};
    private static final int STEP = 1000;
    private static final int SHOWN_WHOLE = 100;
    private static final long SECOND_MS = 1000;
    private static final long MINUTE_MS = 60 * SECOND_MS;
    private static final long HOUR_MS = 60 * MINUTE_MS;
    private static final long DAY_MS = 24 * HOUR_MS;

    private Units() {}

    /** A count with its thousands apart: {@code 1,281,167}. */
    public static String count(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }

    /** A count and what is counted: {@code 1 object}, {@code 2 objects}. */
    public static String count(long number, String noun) {
        return count(number) + " " + noun + (number == 1 ? "" : "s");
    }

    /** A length in bytes, three digits of it, in powers of 1000: {@code 12.3 GB}. */
    public static String bytes(double length) {
        double shown = length;
        int unit = 0;
        while (shown >= STEP - 0.5 && unit < BYTES.length - 1) {
            shown /= STEP;
            unit++;
        }
        String format = unit == 0 || shown >= SHOWN_WHOLE ? "%.0f %s" : "%.1f %s";
        return String.format(Locale.ROOT, format, shown, BYTES[unit]);
    }

    /** Bytes per second. */
    public static String rate(double bytesPerSecond) {
        return bytes(bytesPerSecond) + "/s";
    }

    /** A share of 1, rounded down, so that 100 % means all of it. */
    public static String percent(double share) {
        return (long) Math.floor(share * 100) + " %";
    }

    /** A time in its two largest units: {@code 2 h 22 min}. */
    public static String duration(long ms) {
        if (ms < SECOND_MS) {
            return ms + " ms";
        }
        if (ms < MINUTE_MS) {
            return ms / SECOND_MS + " s";
        }
        if (ms < HOUR_MS) {
            return pair(ms, MINUTE_MS, "min", SECOND_MS, "s");
        }
        return ms < DAY_MS
                ? pair(ms, HOUR_MS, "h", MINUTE_MS, "min")
                : pair(ms, DAY_MS, "d", HOUR_MS, "h");
    }

    private static String pair(long ms, long large, String largeUnit, long small, String unit) {
        long rest = ms % large / small;
        return ms / large + " " + largeUnit + (rest == 0 ? "" : " " + rest + " " + unit);
    }
}
