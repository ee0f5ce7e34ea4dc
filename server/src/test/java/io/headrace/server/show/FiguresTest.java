package io.headrace.server.show;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.SourceStatus;
import io.headrace.engine.SourceStatus.Listing;
import io.headrace.engine.SourceStatus.Partition;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class FiguresTest {
    @Test
    void lengthsHaveThreeDigitsAndAUnit() {
        assertEquals("0 B", Units.bytes(0));
        assertEquals("999 B", Units.bytes(999));
        assertEquals("1.0 KB", Units.bytes(1000));
        assertEquals("12.3 GB", Units.bytes(12_345_678_901L));
        assertEquals("123 MB/s", Units.rate(123_400_000));
        assertEquals("1.0 MB", Units.bytes(999_999));
        assertEquals("9.2 EB", Units.bytes(Long.MAX_VALUE));
    }

    @Test
    void timesHaveTheirTwoLargestUnits() {
        assertEquals("850 ms", Units.duration(850));
        assertEquals("12 s", Units.duration(12_345));
        assertEquals("3 min 20 s", Units.duration(200_000));
        assertEquals("2 h 22 min", Units.duration(8_521_000));
        assertEquals("3 d 4 h", Units.duration(76 * 3600_000L));
        assertEquals("1 h", Units.duration(3600_000));
    }

    @Test
    void hundredPercentIsAllOfIt() {
        assertEquals("99 %", Units.percent(0.9999));
        assertEquals("100 %", Units.percent(1));
        assertEquals("1 object", Units.count(1, "object"));
        assertEquals("1,281,167 records", Units.count(1_281_167, "record"));
    }

    @Test
    void columnsStandBelowEachOther() {
        StringWriter text = new StringWriter();
        PrintWriter out = new PrintWriter(text);
        new Table("lrl", "topic", "records", "state")
                .row("a", "1,000", "complete")
                .row("longer", "7", "")
                .print(out);
        out.flush();
        assertEquals(
                "topic   records  state\na         1,000  complete\nlonger        7\n",
                text.toString());
    }

    private static SourceStatus status(
            long objectBytes, int objects, int indexed, long indexedBytes, boolean isComplete) {
        Partition partition =
                new Partition(0, objects, indexed, indexedBytes, 1000L * indexed, isComplete, "");
        return new SourceStatus(
                1,
                "t",
                Listing.DONE,
                0,
                true,
                objects,
                objectBytes,
                !isComplete,
                0,
                0,
                0,
                "",
                List.of(partition),
                List.of());
    }

    @Test
    void progressCountsTheBytesOfAnObjectInWork() {
        assertEquals(0.35, IndexProgress.share(status(1000, 10, 3, 350, false)), 1e-9);
        assertEquals(0.5, IndexProgress.share(status(1000, 1, 0, 500, false)), 1e-9);
        assertEquals(1, IndexProgress.share(status(0, 0, 0, 0, true)), 1e-9);
    }

    /** Ten times as many bytes come out as are stored. */
    @Test
    void progressOfCompressedObjectsStaysWithinTheirCount() {
        assertEquals(0.4, IndexProgress.share(status(1000, 10, 3, 3500, false)), 1e-9);
        assertEquals(0.9, IndexProgress.share(status(1000, 10, 9, 800, false)), 1e-9);
    }

    @Test
    void progressTellsRateAndTimeLeft() {
        IndexProgress progress = new IndexProgress();
        long second = TimeUnit.SECONDS.toNanos(1);
        long gigabyte = 1_000_000_000;
        String first = progress.line(status(10 * gigabyte, 10, 1, gigabyte, false), 5 * second);
        assertTrue(first.contains("10 %   1.0 GB of 10.0 GB   1,000 records"), first);
        assertTrue(!first.contains("left"), first);
        String next = progress.line(status(10 * gigabyte, 10, 3, 3 * gigabyte, false), 15 * second);
        assertTrue(next.endsWith("200 MB/s   35 s left"), next);
    }
}
