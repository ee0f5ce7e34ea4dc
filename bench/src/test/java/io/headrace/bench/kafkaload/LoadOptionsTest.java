package io.headrace.bench.kafkaload;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class LoadOptionsTest {
    private static final Path HOME = Path.of("/home/headrace");

    @Test
    void withoutArgumentsEveryWorkloadAlternatesTenTimes() {
        LoadOptions options = LoadOptions.parse(new String[0], HOME);

        assertEquals(10, options.rounds());
        assertEquals(Workload.all(), options.workloads());
        assertEquals(List.of("headrace", "kafka"), options.contestants());
    }

    @Test
    void anUnknownOptionIsNamed() {
        IllegalArgumentException refused =
                assertThrows(
                        IllegalArgumentException.class,
                        () -> LoadOptions.parse(new String[] {"--round", "1"}, HOME));

        assertTrue(refused.getMessage().contains("option=--round\n"), refused::getMessage);
    }

    @Test
    void anUnknownModeIsNamed() {
        IllegalArgumentException refused =
                assertThrows(
                        IllegalArgumentException.class,
                        () -> LoadOptions.parse(new String[] {"--mode", "fast"}, HOME));

        assertTrue(refused.getMessage().contains("mode=fast"), refused::getMessage);
    }
}
