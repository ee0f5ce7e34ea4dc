package io.headrace.engine.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import org.junit.jupiter.api.Test;

/** Who may take what was read ahead. */
final class ReadAheadTest {
    private static final StoredObject OBJECT = new StoredObject("a", 10 << 20, "1", 0);
    private final HeapMemory memory = new HeapMemory();

    private ReadAhead readAhead() {
        return readAhead(Runnable::run);
    }

    private ReadAhead readAhead(Executor executor) {
        return new ReadAhead(
                AbsentStore.spec(Map.of()),
                ordinal -> OBJECT,
                0,
                ReadAhead.DEPTH_MAX,
                new StoreReader(),
                new SlabSource(memory, length -> {}),
                new AheadBudget(Long.MAX_VALUE),
                executor);
    }

    @Test
    void whoReadTheSameObjectBeforeTakesNothingOfWhatIsReadNow() throws IOException {
        try (ReadAhead readAhead = readAhead()) {
            ChunkSource before = readAhead.begin(0, OBJECT, 0);
            ChunkSource now = readAhead.begin(0, OBJECT, 0);
            assertThrows(IOException.class, before::next);
            assertFalse(before.skipTo(5 << 20));
            Chunk first = now.next();
            assertNotNull(first);
            assertEquals(0, first.position());
            first.release();
        }
        assertEquals(0, memory.inUse());
    }

    @Test
    void behindABoundNothingIsReadBeforeSomebodyWaitsForIt() throws IOException {
        List<Runnable> begun = new ArrayList<>();
        try (ReadAhead readAhead = readAhead(begun::add)) {
            readAhead.endAt(0, 300_000);
            ChunkSource source = readAhead.begin(0, OBJECT, 0);
            long end = 0;
            while (end < 300_000) {
                end = passed(source);
            }
            assertEquals(300_000, end);
            int begunBefore = begun.size();
            passed(source);
            assertEquals(begunBefore, begun.size());
            readAhead.goOn();
            passed(source);
            assertTrue(begun.size() > begunBefore);
        }
        assertEquals(0, memory.inUse());
    }

    private static long passed(ChunkSource source) throws IOException {
        Chunk next = source.next();
        assertNotNull(next);
        next.release();
        return next.plannedEnd();
    }

    @Test
    void objectThatIsOfUseAsAWholeIsReadToItsEndIfTheGreaterPartIs() throws IOException {
        try (ReadAhead readAhead = readAhead()) {
            ChunkSource source = readAhead.begin(0, OBJECT, 0);
            readAhead.endWithObject();
            assertEquals(0, readAhead.limitOf(0));
            readAhead.goOn();
            while (passed(source) < OBJECT.length() / 2) {
                // on to the second half
            }
            readAhead.endWithObject();
            assertEquals(Long.MAX_VALUE, readAhead.limitOf(0));
            assertEquals(0, readAhead.limitOf(1));
        }
    }

    @Test
    void nothingIsAheadOfWhoReadsNothing() {
        try (ReadAhead readAhead = readAhead()) {
            readAhead.end();
            assertEquals(0, readAhead.limitOf(0));
            assertFalse(readAhead.isInUse());
        }
    }
}
