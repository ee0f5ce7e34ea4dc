package io.headrace.bench.kafkaload;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class ReportTest {

    @Test
    void ratiosPairTheMeasurementsOfOneRound() {
        Report report =
                new Report(
                        List.of(
                                measurement(1, "headrace", 2),
                                measurement(1, "kafka", 4),
                                measurement(2, "kafka", 10),
                                measurement(2, "headrace", 10),
                                measurement(3, "headrace", 3),
                                measurement(3, "kafka", 4)));

        assertTrue(
                report.tables()
                        .contains(
                                "| 64KB | consume | broker CPU s/GB | 3.00 (2.00–10.00) | 4.00"
                                        + " (4.00–10.00) | 0.75 (0.50–1.00) |"),
                report::tables);
    }

    @Test
    void aContestantAloneHasNoRatio() {
        Report report = new Report(List.of(measurement(1, "kafka", 4)));

        assertTrue(
                report.tables().contains("| broker CPU s/GB | – | 4.00 (4.00–4.00) | – |"),
                report::tables);
    }

    private static Measurement measurement(int round, String contestant, double cpuSecondsPerGb) {
        return new Measurement(
                round, contestant, "64KB", "consume", 1, 1, 0, 0, 0, 1, cpuSecondsPerGb, 0);
    }
}
