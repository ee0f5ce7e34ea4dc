package io.headrace.bench.kafkaload;

import java.util.List;

/**
 * One load on one partition: produce, and then perhaps consume what was produced.
 *
 * @param name how it is named in reports and on the command line
 * @param recordLength bytes of a record's value
 * @param recordCount records of one phase
 * @param warmUpRecordCount the first records, which the latencies leave out
 * @param recordsPerSecond the rate to produce at; −1 as fast as it goes
 * @param consumes whether a consume phase follows
 */
record Workload(
        String name,
        int recordLength,
        long recordCount,
        long warmUpRecordCount,
        int recordsPerSecond,
        boolean consumes) {

    private static final int UNTHROTTLED = -1;

    /** Every workload there is, in the order in which a round runs them. */
    static List<Workload> all() {
        return List.of(
                unthrottled("100B", 100, 2_000_000),
                unthrottled("4KB", 4 * 1024, 128 * 1024),
                unthrottled("64KB", 64 * 1024, 12 * 1024),
                new Workload("latency", 1000, 100_000, 20_000, 10_000, false));
    }

    private static Workload unthrottled(String name, int recordLength, long recordCount) {
        return new Workload(name, recordLength, recordCount, recordCount / 10, UNTHROTTLED, true);
    }

    /** The same workload with more or fewer records. */
    Workload scaled(double factor) {
        return new Workload(
                name,
                recordLength,
                Math.max(1000, Math.round(recordCount * factor)),
                Math.max(100, Math.round(warmUpRecordCount * factor)),
                recordsPerSecond,
                consumes);
    }

    boolean isThrottled() {
        return recordsPerSecond != UNTHROTTLED;
    }

    /** Bytes of all values; what throughput and CPU per GB refer to. */
    long length() {
        return recordLength * recordCount;
    }
}
