package io.headrace.bench.kafkaload;

/**
 * One phase of one workload on one contestant.
 *
 * @param cpuSecondsPerGb CPU time of the broker per 10^9 bytes of record values
 * @param idleCpuFraction what the other broker, which should be idle, took of a core meanwhile
 */
record Measurement(
        int round,
        String contestant,
        String workload,
        String phase,
        double recordsPerSecond,
        double megabytesPerSecond,
        double p50Ms,
        double p99Ms,
        double p999Ms,
        double cpuSeconds,
        double cpuSecondsPerGb,
        double idleCpuFraction) {

    static final String CSV_HEADER =
            "round,contestant,workload,phase,records_per_s,mb_per_s,p50_ms,p99_ms,p999_ms,"
                    + "broker_cpu_s,broker_cpu_s_per_gb,idle_broker_cpu_fraction";

    String csv() {
        return "%d,%s,%s,%s,%.0f,%.2f,%.1f,%.1f,%.1f,%.2f,%.3f,%.3f"
                .formatted(
                        round,
                        contestant,
                        workload,
                        phase,
                        recordsPerSecond,
                        megabytesPerSecond,
                        p50Ms,
                        p99Ms,
                        p999Ms,
                        cpuSeconds,
                        cpuSecondsPerGb,
                        idleCpuFraction);
    }
}
