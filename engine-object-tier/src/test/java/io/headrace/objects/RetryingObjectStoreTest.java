package io.headrace.objects;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.headrace.engine.spi.ObjectStore;
import io.headrace.engine.spi.ObjectStore.ObjectChangedException;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class RetryingObjectStoreTest {
    private static final StoredObject OBJECT = new StoredObject("k", 4, "v", 0);

    private final Deque<IOException> failures = new ArrayDeque<>();
    private final List<Long> pausesMs = new ArrayList<>();
    private int asked;

    private final ObjectStore failing =
            new ObjectStore() {
                @Override
                public String name() {
                    return "s";
                }

                @Override
                public List<StoredObject> list(String prefix, String afterKey, int limit)
                        throws IOException {
                    fail();
                    return List.of(OBJECT);
                }

                @Override
                public void read(StoredObject object, long offset, ByteBuffer into)
                        throws IOException {
                    into.put((byte) 'x'); // part of an answer that then fails
                    fail();
                    into.put("yz".getBytes());
                }

                private void fail() throws IOException {
                    asked++;
                    if (!failures.isEmpty()) {
                        throw failures.removeFirst();
                    }
                }

                @Override
                public void close() {}
            };

    private final StoreCounters counters = new StoreCounters("s");

    private final ObjectStore store =
            new RetryingObjectStore(
                    failing,
                    8,
                    counters,
                    bound -> bound - 1,
                    nanos -> pausesMs.add(Math.round(nanos / 1e6)));

    private void failNext(int count) {
        for (int i = 0; i < count; i++) {
            failures.add(new TransientStoreException("passing", new IOException()));
        }
    }

    @Test
    void readBeginsAnewInTheBufferUntilItSucceeds() throws IOException {
        failNext(3);
        ByteBuffer into = ByteBuffer.allocate(4);
        into.put((byte) '-');
        store.read(OBJECT, 0, into);
        assertEquals("-xyz", new String(into.array()));
        assertEquals(3, counters.retries.sum());
        assertEquals(0, counters.errors.sum());
        failNext(1);
        assertEquals(List.of(OBJECT), store.list("", null, 1));
    }

    @Test
    void asksABoundedNumberOfTimesWithLongerPausesUpToABound() {
        failNext(100);
        assertThrows(
                TransientStoreException.class, () -> store.read(OBJECT, 0, ByteBuffer.allocate(4)));
        assertEquals(8, asked);
        assertEquals(List.of(100L, 200L, 400L, 800L, 1600L, 3200L, 5000L), pausesMs);
        assertEquals(1, counters.errors.sum());
    }

    @Test
    void pausesAreDrawnBelowTheBound() throws IOException {
        List<Long> bounds = new ArrayList<>();
        ObjectStore drawing =
                new RetryingObjectStore(
                        failing,
                        8,
                        counters,
                        bound -> {
                            bounds.add(TimeUnit.NANOSECONDS.toMillis(bound));
                            return 7_000_000;
                        },
                        nanos -> pausesMs.add(TimeUnit.NANOSECONDS.toMillis(nanos)));
        failNext(2);
        drawing.read(OBJECT, 0, ByteBuffer.allocate(4));
        assertEquals(List.of(100L, 200L), bounds);
        assertEquals(List.of(7L, 7L), pausesMs);
    }

    @Test
    void whatDoesNotPassIsNotTriedAgain() {
        failures.add(new ObjectChangedException("k", "v", "w"));
        assertThrows(
                ObjectChangedException.class, () -> store.read(OBJECT, 0, ByteBuffer.allocate(4)));
        failures.add(new IOException("refused"));
        assertThrows(IOException.class, () -> store.list("", null, 1));
        assertEquals(2, asked);
        assertEquals(2, counters.errors.sum());
    }
}
