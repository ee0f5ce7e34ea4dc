package io.headrace.engine.source.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Shares of the window, and blocks that take nothing of it. */
final class PrefetchWindowTest {
    private final PrefetchWindow window = new PrefetchWindow(1000);
    private final TestCache cache = new TestCache(Path.of("unused"), 4, 0, 1).open();
    private final PartitionBlocks first = cache.partition(1);
    private final PartitionBlocks second = cache.partition(2);

    @AfterEach
    void close() {
        cache.close();
    }

    private void assertSecondHasAllToItself() {
        assertTrue(window.tryTake(second, 300));
        assertTrue(window.tryTake(second, 700));
        assertFalse(window.tryTake(second, 1));
        assertEquals(1000, window.bytes());
    }

    @Test
    void holdersShareEvenly() {
        assertTrue(window.tryTake(first, 100));
        assertTrue(window.tryTake(second, 400));
        assertTrue(window.tryTake(second, 100));
        assertFalse(window.tryTake(second, 1));
        window.give(first, 100);
        assertTrue(window.tryTake(second, 1));
    }

    @Test
    void whoTookNothingIsNoHolder() {
        assertTrue(window.tryTake(first, 0));
        assertTrue(window.tryTake(first, 100));
        window.give(first, 0);
        window.give(first, 100);
        assertSecondHasAllToItself();
    }

    @Test
    void whoGaveAllBackIsNoHolderOnceMore() {
        assertTrue(window.tryTake(first, 100));
        window.correct(first, 100, 0);
        window.give(first, 0);
        window.give(first, 0);
        assertSecondHasAllToItself();
    }
}
