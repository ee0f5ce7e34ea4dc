package io.headrace.testing.history;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Pages that are not in memory, and histories that are longer than it. */
final class BoundedMemoryTest {
    private static final long BUDGET_BYTES = 1 << 20;

    @Test
    void tableRemembersWhatWasWrittenWhereverItsPagesAre() {
        long seed = Long.getLong("headrace.seed", System.nanoTime());
        Random random = new Random(seed);
        try (PageStore pages = new PageStore(1)) {
            Table table = new Table(pages);
            long[] expected = new long[20_000];
            for (int i = 0; i < 100_000; i++) {
                int row = random.nextInt(expected.length);
                assertEquals(expected[row], table.get(row, 2), "headrace.seed=" + seed);
                expected[row] = random.nextLong();
                table.set(row, 2, expected[row]);
            }
            assertEquals(2, pages.residentCount());
        }
    }

    @Test
    void freedPagesAreZeroWhenTheyComeBack() {
        try (PageStore pages = new PageStore(1)) {
            Table table = new Table(pages);
            for (int row = 0; row < 5_000; row++) {
                table.set(row, 0, 1);
            }
            table.dropBefore(5_000);
            for (int row = 100_000; row < 104_000; row += 1_000) {
                table.set(row, 1, 1);
            }
            for (int row = 100_000; row < 104_000; row++) {
                assertEquals(0, table.get(row, 0));
            }
            assertEquals(0, table.get(0, 0));
        }
    }

    @Test
    void aMillionRecordsAreCheckedInOneMebibyte() {
        int count = 1_000_000;
        try (History history = new History(7, System::nanoTime, BUDGET_BYTES)) {
            PartitionHistory log = history.partition("long", Promise.persistent());
            ProducerHistory producer = history.producer("p");
            for (int i = 0; i < count; i++) {
                log.acknowledged(log.send(producer), i);
            }
            Assignment reader = log.assign("r");
            reader.fromStart(0);
            for (int i = 0; i < count; i++) {
                if (i != 777_777) {
                    reader.read(i, RecordId.of(producer.number(), i), 0);
                }
            }
            reader.reachedEnd(count);
            Report report = history.verifyAtEnd();
            assertEquals(Set.of(Anomaly.LOST_WRITE), report.anomalies());
            assertEquals(777_777, report.violations().get(0).offset());
            assertTrue(history.pages.residentCount() <= history.pages.residentMax());
            assertEquals(BUDGET_BYTES / (PageStore.LONGS * 8), history.pages.residentMax());
        }
    }
}
