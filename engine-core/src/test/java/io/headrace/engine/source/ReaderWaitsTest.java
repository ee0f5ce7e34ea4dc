package io.headrace.engine.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.SourceStatus.Reader;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class ReaderWaitsTest {
    private final AtomicLong now = new AtomicLong();
    private final ReaderWaits waits = new ReaderWaits(now::get);

    private List<String> names() {
        return waits.list().stream().map(Reader::name).toList();
    }

    private long sum() {
        return waits.list().stream().mapToLong(Reader::waitNanos).sum();
    }

    @Test
    void eachReadersWaitsAddUpAndTheLongestComesFirst() {
        waits.add("a", 10);
        waits.add("b", 30);
        waits.add("a", 5);
        assertEquals(List.of(new Reader("b", 30), new Reader("a", 15)), waits.list());
    }

    @Test
    void whoComesTooLateIsCountedAmongTheOthers() {
        for (int i = 0; i < 10 * ReaderWaits.READERS_MAX; i++) {
            waits.add("reader-" + i, 1);
        }
        assertEquals(ReaderWaits.READERS_MAX + 1, names().size());
        assertEquals(new Reader("other", 9 * ReaderWaits.READERS_MAX), waits.list().get(0));
        assertEquals(10 * ReaderWaits.READERS_MAX, sum());
    }

    @Test
    void whoHasNotWaitedForAWhileGivesItsPlaceToAnotherAndItsWaitsToTheOthers() {
        for (int i = 0; i < ReaderWaits.READERS_MAX; i++) {
            now.set(i);
            waits.add("reader-" + i, 100);
        }
        now.set(1 + ReaderWaits.IDLE_NANOS);
        waits.add("reader-0", 1);
        waits.add("new", 1000);
        assertEquals("new", names().get(0));
        assertEquals("reader-0", names().get(1));
        assertFalse(names().contains("reader-1"), names()::toString);
        assertEquals(100L * ReaderWaits.READERS_MAX + 1 + 1000, sum());
    }

    @Test
    void namesCanStandWithinQuotes() {
        waits.add("a\"b\\c\nd e\u00e9", 1);
        waits.add("x".repeat(1000), 2);
        waits.add("other", 3);
        waits.add("", 3);
        assertEquals(List.of("other", "x".repeat(64), "a_b_c_d_e_"), names());
    }

    @Test
    void nothingIsLostWhenPlacesChangeHandsWhileReadersWait() throws Exception {
        int threads = 4;
        int each = 20_000;
        ExecutorService readers = Executors.newFixedThreadPool(threads);
        try {
            List<Future<?>> all = new ArrayList<>();
            for (int thread = 0; thread < threads; thread++) {
                int first = thread;
                all.add(
                        readers.submit(
                                () -> {
                                    for (int i = 0; i < each; i++) {
                                        now.addAndGet(ReaderWaits.IDLE_NANOS / 10);
                                        waits.add("reader-" + (first + i) % 50, 1);
                                    }
                                }));
            }
            for (Future<?> reader : all) {
                reader.get(60, TimeUnit.SECONDS);
            }
        } finally {
            readers.shutdownNow();
        }
        assertEquals((long) threads * each, sum());
        assertTrue(names().size() <= ReaderWaits.READERS_MAX + 1, names()::toString);
    }
}
