package io.headrace.engine.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Who may take what was read ahead. */
final class ReadAheadTest {
    private static final StoredObject OBJECT = new StoredObject("a", 10 << 20, "1", 0);
    private final HeapMemory memory = new HeapMemory();

    private ReadAhead readAhead() {
        return new ReadAhead(
                AbsentStore.spec(Map.of()),
                ordinal -> OBJECT,
                0,
                ReadAhead.DEPTH_MAX,
                new StoreReader(),
                new SlabSource(memory, length -> {}),
                new AheadBudget(Long.MAX_VALUE),
                Runnable::run);
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
}
