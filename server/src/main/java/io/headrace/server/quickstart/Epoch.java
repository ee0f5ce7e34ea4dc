package io.headrace.server.quickstart;

import java.util.Arrays;
import java.util.Locale;

/**
 * What one pass over the dataset took, as the reading process tells it to the one that started it.
 *
 * @param number from 1
 * @param sampleCount records read
 * @param bytes of their values
 * @param nanos from the first poll to the last record
 * @param p50Micros the median time that a poll waited for records
 * @param p99Micros the time that 99 of 100 polls waited at most
 */
public record Epoch(
        int number, long sampleCount, long bytes, long nanos, long p50Micros, long p99Micros) {
    private static final String MARK = "epoch-result";

    /** From the times of the polls; the array is sorted in place. */
    static Epoch of(int number, long sampleCount, long bytes, long nanos, long[] pollNanos) {
        Arrays.sort(pollNanos);
        return new Epoch(
                number,
                sampleCount,
                bytes,
                nanos,
                percentile(pollNanos, 50) / 1000,
                percentile(pollNanos, 99) / 1000);
    }

    /** The nearest-rank percentile of sorted values; 0 if there are none. */
    static long percentile(long[] sorted, int percent) {
        int rank = (int) Math.ceil(percent / 100.0 * sorted.length);
        return sorted.length == 0 ? 0 : sorted[Math.max(0, rank - 1)];
    }

    /** One line for the other process. */
    String encoded() {
        return "%s %d %d %d %d %d %d"
                .formatted(MARK, number, sampleCount, bytes, nanos, p50Micros, p99Micros);
    }

    static boolean isEncoded(String line) {
        return line.startsWith(MARK + " ");
    }

    static Epoch decode(String line) {
        long[] fields =
                Arrays.stream(line.split(" ", -1)).skip(1).mapToLong(Long::parseLong).toArray();
        return new Epoch((int) fields[0], fields[1], fields[2], fields[3], fields[4], fields[5]);
    }

    static String header() {
        return "epoch    samples      MB/s   p50 fetch   p99 fetch";
    }

    /** A row of the table. */
    String row() {
        return String.format(
                Locale.ROOT,
                "%5d %10d %9.1f %8.2f ms %8.2f ms",
                number,
                sampleCount,
                bytes / 1e6 / (nanos / 1e9),
                p50Micros / 1e3,
                p99Micros / 1e3);
    }
}
