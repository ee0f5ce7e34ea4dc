package io.headrace.engine.source.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Who has a share of the window, and how large it is. */
final class PrefetchWindowTest {
    private long spareBytes;
    private final PrefetchWindow window = new PrefetchWindow(1000, () -> spareBytes);
    private final TestCache cache = new TestCache(Path.of("unused"), 4, 0, 1).open();
    private final PartitionBlocks first = cache.partition(1);
    private final PartitionBlocks second = cache.partition(2);

    @AfterEach
    void close() {
        cache.close();
    }

    @Test
    void readersShareEvenly() {
        window.read(first, 0);
        window.read(first, 1);
        window.read(second, 2);
        assertTrue(window.tryTake(second, 400));
        assertTrue(window.tryTake(second, 100));
        assertFalse(window.tryTake(second, 1));
        assertTrue(window.tryTake(first, 500));
        window.give(second, 1);
        assertTrue(window.tryTake(second, 1));
        assertEquals(1000, window.bytes());
    }

    @Test
    void whoHasNothingYetMayTakeABlockInAnyCase() {
        window.read(first, 0);
        window.read(second, 0);
        assertTrue(window.tryTake(first, 700));
        assertFalse(window.tryTake(first, 1));
        assertTrue(window.tryTake(second, 400));
        assertFalse(window.tryTake(second, 1));
    }

    @Test
    void nothingIsTakenOfNothing() {
        PrefetchWindow none = new PrefetchWindow(0, () -> 0);
        none.read(first, 0);
        assertFalse(none.tryTake(first, 1));
    }

    @Test
    void isWiderWhileThereIsRoom() {
        window.read(first, 0);
        window.read(second, 0);
        spareBytes = 200;
        assertTrue(window.tryTake(first, 1));
        assertTrue(window.tryTake(first, 599));
        assertFalse(window.tryTake(first, 1));
        spareBytes = 0;
        assertTrue(window.tryTake(second, 1));
        assertFalse(window.tryTake(second, 400));
        assertTrue(window.tryTake(second, 399));
    }

    @Test
    void whoReadsNoMoreHasNoShare() {
        window.read(first, -1);
        window.read(second, -1);
        window.read(second, 0);
        assertTrue(window.tryTake(second, 500));
        assertFalse(window.tryTake(second, 500));
        window.read(second, PrefetchWindow.STRETCH_NANOS);
        assertTrue(window.tryTake(second, 500));
    }

    @Test
    void whatLiesAheadOfWhoLeftDoesNotCountUntilItIsReadAgain() {
        window.read(first, -1);
        window.read(second, -1);
        assertTrue(window.tryTake(first, 500));
        window.read(second, 0);
        assertEquals(500, window.bytes());
        window.read(second, PrefetchWindow.STRETCH_NANOS);
        assertEquals(0, window.bytes());
        window.give(first, 100);
        assertEquals(0, window.bytes());
        assertTrue(window.tryTake(second, 1000));
        window.read(first, PrefetchWindow.STRETCH_NANOS);
        assertEquals(1400, window.bytes());
    }

    @Test
    void shareIsThatOfOneAfterASilenceOfAll() {
        window.read(first, 0);
        window.read(second, 0);
        window.read(second, 9 * PrefetchWindow.STRETCH_NANOS);
        assertTrue(window.tryTake(second, 500));
        assertTrue(window.tryTake(second, 500));
        window.correct(second, 1000, 0);
        assertEquals(0, window.bytes());
    }
}
