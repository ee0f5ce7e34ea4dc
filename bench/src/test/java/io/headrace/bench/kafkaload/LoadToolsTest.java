package io.headrace.bench.kafkaload;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

class LoadToolsTest {
    private static final Workload WORKLOAD = new Workload("64KB", 65536, 6144, 614, -1, true);

    private static final String OF_ALL =
            "6144 records sent, 1754.4 records/sec (109.65 MB/sec), 252.31 ms avg latency, 410.00"
                    + " ms max latency, 240 ms 50th, 377 ms 95th, 394 ms 99th, 403 ms 99.9th.";

    private static final String OF_STEADY_STATE =
            "5530 steady state records sent, 1802.1 records/sec (112.63 MB/sec), 232.31 ms avg"
                    + " latency, 400.00 ms max latency, 220 ms 50th, 277 ms 95th, 294 ms 99th, 303"
                    + " ms 99.9th.";

    @Test
    void throughputIsOfAllRecordsAndLatencyIsOfThoseAfterTheWarmUp() {
        LoadTools.Result result = LoadTools.produced(List.of(OF_ALL, OF_STEADY_STATE), WORKLOAD);

        assertEquals(new LoadTools.Result(1754.4, 220, 294, 303), result);
    }

    @Test
    void aProducerThatDidNotSendAllIsRefused() {
        Workload larger = WORKLOAD.scaled(2);

        assertThrows(
                IllegalStateException.class, () -> LoadTools.produced(List.of(OF_ALL), larger));
    }

    @Test
    void consumerThroughputLeavesOutTheTimeToJoin() {
        String summary =
                "2026-11-23 00:49:28:123, 2026-11-23 00:49:31:123, 384.0000, 128.0, 6144, 2048.0,"
                        + " 1000, 2000, 192.0, 3072.0";

        LoadTools.Result result = LoadTools.consumed(List.of(summary), WORKLOAD);

        assertEquals(3072.0, result.recordsPerSecond());
    }

    @Test
    void aConsumerThatDidNotReceiveAllIsRefused() {
        String summary =
                "2026-11-23 00:49:28:123, 2026-11-23 00:49:31:123, 384.0000, 128.0, 6143, 2048.0,"
                        + " 1000, 2000, 192.0, 3072.0";

        assertThrows(
                IllegalStateException.class, () -> LoadTools.consumed(List.of(summary), WORKLOAD));
    }
}
