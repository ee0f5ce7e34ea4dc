package io.headrace.server.quickstart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The parts of quickstart; the whole is run by .ci/run. */
class QuickstartPartsTest {
    @TempDir Path folder;

    @Test
    void unpacksTheDatasetAndCountsItsLines() throws IOException {
        Dataset dataset = Dataset.unpack(folder);
        long lines = 0;
        for (String name : Dataset.FILES) {
            try (var all = Files.lines(folder.resolve(name))) {
                lines += all.count();
            }
        }
        assertEquals(lines, dataset.sampleCount());
        assertTrue(dataset.sampleCount() > 100_000);
        assertTrue(
                Files.readString(folder.resolve("data.noun")).contains("Princeton University"),
                "the licence is part of the files");
    }

    @Test
    void anEpochCrossesBetweenProcessesAsItIs() {
        Epoch epoch = new Epoch(2, 117_907, 21_790_000, 3_000_000_000L, 1_200, 9_000);
        assertTrue(Epoch.isEncoded(epoch.encoded()));
        assertEquals(epoch, Epoch.decode(epoch.encoded()));
        assertEquals("    2     117907       7.3     1.20 ms     9.00 ms", epoch.row());
        assertFalse(Epoch.isEncoded("some line of a log"));
    }

    @Test
    void theHitRateIsTheShareThatDidNotComeFromTheStore() {
        StoreFigures figures = new StoreFigures(20, 350).since(new StoreFigures(8, 100));
        assertEquals("      75.0 %            12", figures.row(1000));
        assertEquals("     100.0 %             0", new StoreFigures(0, 0).row(1000));
        assertEquals("       0.0 %             3", new StoreFigures(3, 1001).row(1000));
    }

    @Test
    void percentilesAreThoseOfTheNearestRank() {
        long[] hundred = LongStream.rangeClosed(1, 100).toArray();
        assertEquals(50, Epoch.percentile(hundred, 50));
        assertEquals(99, Epoch.percentile(hundred, 99));
        assertEquals(7, Epoch.percentile(new long[] {7}, 99));
        assertEquals(0, Epoch.percentile(new long[0], 50));
    }
}
