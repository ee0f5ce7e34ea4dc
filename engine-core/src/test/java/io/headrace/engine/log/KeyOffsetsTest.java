package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What is noted of keys, up to the last that there is room for. */
class KeyOffsetsTest {
    private final KeyOffsets offsets = new KeyOffsets();

    private static ByteBuffer key(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void aFullTableKnowsEveryKeyAndNoOther() {
        for (int bytes : new int[] {1024, 1025, 4096, 100_000}) {
            offsets.begin(ByteBuffer.allocate(bytes));
            int count = offsets.keysMax();
            assertEquals(bytes / KeyOffsets.BYTES_PER_KEY, count);
            for (int i = 0; i < count; i++) {
                assertTrue(offsets.hasRoom(count - i));
                assertFalse(offsets.hasRoom(count - i + 1));
                offsets.put(key("key " + i), i);
            }
            assertFalse(offsets.hasRoom(1));
            for (int i = 0; i < count; i++) {
                assertEquals(i, offsets.newest(key("key " + i)));
            }
            assertEquals(-1, offsets.newest(key("another")));
        }
    }

    @Test
    void itIsTheNewestOffsetThatStays() {
        offsets.begin(ByteBuffer.allocateDirect(1 << 16));
        Map<String, Long> model = new HashMap<>();
        Random random = new Random(1);
        for (long offset = 0; offset < 10_000; offset++) {
            String key = "k" + random.nextInt(1500);
            offsets.put(key(key), offset);
            offsets.put(key(key), offset / 2);
            model.put(key, offset);
        }
        model.forEach((key, offset) -> assertEquals(offset, offsets.newest(key(key))));
        assertTrue(offsets.hasRoom(offsets.keysMax() - model.size()));
        assertFalse(offsets.hasRoom(offsets.keysMax() - model.size() + 1));
    }

    @Test
    void nothingIsKnownAfterANewBeginningInTheSameMemory() {
        ByteBuffer memory = ByteBuffer.allocate(1024);
        offsets.begin(memory);
        offsets.put(key("key"), 7);
        offsets.begin(memory);
        assertEquals(-1, offsets.newest(key("key")));
        assertTrue(offsets.hasRoom(32));
    }
}
