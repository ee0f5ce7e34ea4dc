package io.headrace.engine.view;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import io.headrace.engine.RecordsLease;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Each lease is given to one reader or back, and there are never too many. */
final class LoadedRecordsTest {
    private final List<String> closed = new ArrayList<>();
    private final LoadedRecords loaded = new LoadedRecords(100);

    private final class Lease implements RecordsLease {
        private final String name;
        private final int length;

        Lease(String name, int length) {
            this.name = name;
            this.length = length;
        }

        @Override
        public int sliceCount() {
            return 1;
        }

        @Override
        public ByteBuffer slice(int index) {
            throw new UnsupportedOperationException();
        }

        @Override
        public int length() {
            return length;
        }

        @Override
        public long nextOffset() {
            return 1;
        }

        @Override
        public void close() {
            closed.add(name);
        }
    }

    private RecordsLease keep(String name, long offset, int length, long nowMs) {
        RecordsLease lease = new Lease(name, length);
        loaded.keep(1, 0, offset, lease, nowMs);
        return lease;
    }

    @Test
    void theFirstWhoComesForItHasIt() {
        RecordsLease lease = keep("a", 5, 40, 0);
        assertNull(loaded.take(1, 0, 4, 100));
        assertNull(loaded.take(1, 1, 5, 100));
        assertNull(loaded.take(2, 0, 5, 100));
        assertNull(loaded.take(1, 0, 5, 39), "longer than there is room for");
        assertSame(lease, loaded.take(1, 0, 5, 40));
        assertNull(loaded.take(1, 0, 5, 40));
        loaded.close();
        assertEquals(List.of(), closed, "the reader's");
    }

    @Test
    void theEldestGoFirst() {
        keep("a", 1, 50, 0);
        keep("b", 2, 50, 0);
        keep("again", 1, 50, 0);
        assertEquals(List.of("a"), closed);
        keep("c", 3, 50, 0);
        assertEquals(List.of("a", "b"), closed);
        keep("too long", 4, 101, 0);
        assertEquals(List.of("a", "b", "again", "c", "too long"), closed);
        RecordsLease fits = keep("fits", 5, 100, 0);
        assertSame(fits, loaded.take(1, 0, 5, 100));
    }

    @Test
    void whatNobodyComesForIsGivenBack() {
        keep("a", 1, 10, 0);
        keep("b", 2, 10, 1_000);
        loaded.expire(1_999);
        assertEquals(List.of(), closed);
        loaded.expire(2_000);
        assertEquals(List.of("a"), closed);
        loaded.close();
        keep("late", 3, 10, 3_000);
        assertEquals(List.of("a", "b", "late"), closed);
    }
}
