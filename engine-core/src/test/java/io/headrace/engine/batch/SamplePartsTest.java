package io.headrace.engine.batch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What {@link SamplePartsLayout} writes and {@link SampleParts} reads. */
final class SamplePartsTest {
    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] hex(String digits) {
        String tight = digits.replace(" ", "");
        byte[] bytes = new byte[tight.length() / 2];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) Integer.parseInt(tight.substring(2 * i, 2 * i + 2), 16);
        }
        return bytes;
    }

    private static byte[] encode(Map<String, byte[]> parts) {
        long length = SamplePartsLayout.headerLength();
        for (Map.Entry<String, byte[]> part : parts.entrySet()) {
            length += SamplePartsLayout.partLength(part.getKey(), part.getValue().length);
        }
        byte[] value = new byte[(int) length];
        ByteBuffer into = ByteBuffer.wrap(value);
        SamplePartsLayout layout = new SamplePartsLayout().begin(into, 0, parts.size());
        parts.forEach((name, bytes) -> into.put(layout.part(name, bytes.length), bytes));
        assertEquals(length, layout.end());
        return value;
    }

    private static Map<String, byte[]> decode(byte[] value) {
        Map<String, byte[]> parts = new LinkedHashMap<>();
        SampleParts.decode(value)
                .forEach(
                        (name, slice) -> {
                            byte[] bytes = new byte[slice.remaining()];
                            slice.get(bytes);
                            parts.put(name, bytes);
                        });
        return parts;
    }

    private static void assertSame(Map<String, byte[]> expected, Map<String, byte[]> found) {
        assertEquals(List.copyOf(expected.keySet()), List.copyOf(found.keySet()));
        expected.forEach((name, bytes) -> assertArrayEquals(bytes, found.get(name), name));
    }

    @Test
    void writesFixedWidthFormsOnly() {
        Map<String, byte[]> parts = new LinkedHashMap<>();
        parts.put("jpg", hex("01 02"));
        parts.put("é", hex(""));
        assertArrayEquals(
                hex("de 00 02  d9 03 6a 70 67 c6 00 00 00 02 01 02  d9 02 c3 a9 c6 00 00 00 00"),
                encode(parts));
    }

    @Test
    void readsWhatItWrites() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int run = 0; run < 200; run++) {
            Map<String, byte[]> parts = new LinkedHashMap<>();
            int count = random.nextInt(20);
            for (int i = 0; i < count; i++) {
                byte[] bytes = new byte[random.nextInt(300)];
                random.nextBytes(bytes);
                parts.put(
                        "x".repeat(random.nextInt(200)) + "ü".repeat(random.nextInt(3)) + i, bytes);
            }
            assertSame(parts, decode(encode(parts)));
        }
        System.out.println("seed=" + seed);
    }

    @Test
    void holdsAsManyPartsAndAsLongNamesAsItSays() {
        Map<String, byte[]> parts = new LinkedHashMap<>();
        for (int i = 0; i < SamplePartsLayout.PART_COUNT_MAX; i++) {
            parts.put("p" + i, hex("07"));
        }
        assertSame(parts, decode(encode(parts)));
        String longest = "n".repeat(SamplePartsLayout.NAME_LENGTH_MAX);
        assertSame(Map.of(longest, hex("")), decode(encode(Map.of(longest, hex("")))));
        assertThrows(
                IllegalArgumentException.class,
                () -> {
                    ByteBuffer into = ByteBuffer.allocate(1000);
                    new SamplePartsLayout().begin(into, 0, 1).part(longest + "n", 0);
                });
        assertThrows(
                IllegalArgumentException.class,
                () -> new SamplePartsLayout().begin(ByteBuffer.allocate(9), 0, 65_536));
    }

    @Test
    void readsEveryWidthOfMessagePack() {
        List<String> values =
                List.of(
                        "81 a1 61 c4 01 07", // fixmap, fixstr, bin8
                        "de 00 01 d9 01 61 c5 00 01 07", // map16, str8, bin16
                        "df 00 00 00 01 da 00 01 61 c6 00 00 00 01 07", // map32, str16, bin32
                        "81 db 00 00 00 01 61 a1 07", // str32, text as value
                        "81 a1 61 d9 01 07");
        for (String value : values) {
            assertSame(Map.of("a", hex("07")), decode(hex(value)));
        }
        assertSame(Map.of(), decode(hex("80")));
    }

    @Test
    void refusesWhatIsNoSampleOfParts() {
        List<String> values =
                List.of(
                        "", // nothing
                        "91 a1 61", // an array
                        "81 c4 01 61 c4 00", // bytes as a name
                        "81 a1 61 07", // a number as a value
                        "81 a1 61 c4 02 07", // a value behind the end
                        "82 a1 61 c4 00 a1 61 c4 00", // one name twice
                        "81 a1 ff c4 00", // a name that is not UTF-8
                        "81 a1 61 c4 00 00", // a byte too many
                        "df ff ff ff ff a1 61 c4 00", // four billion parts
                        "81 db ff ff ff ff 61"); // a name of four billion bytes
        for (String value : values) {
            assertThrows(
                    IllegalArgumentException.class, () -> SampleParts.decode(hex(value)), value);
        }
    }

    @Test
    void refusesEveryTruncation() {
        Map<String, byte[]> parts = new LinkedHashMap<>();
        parts.put("jpg", hex("01 02 03"));
        parts.put("json", utf8("{}"));
        byte[] value = encode(parts);
        for (int length = 0; length < value.length; length++) {
            byte[] cut = Arrays.copyOf(value, length);
            assertThrows(IllegalArgumentException.class, () -> SampleParts.decode(cut));
        }
    }

    @Test
    void throwsNothingElseOnGarbage() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        byte[] sound = encode(Map.of("jpg", hex("01 02 03 04 05"), "cls", hex("06")));
        for (int run = 0; run < 200_000; run++) {
            byte[] value = sound.clone();
            for (int i = random.nextInt(4); i >= 0; i--) {
                value[random.nextInt(value.length)] = (byte) random.nextInt();
            }
            try {
                SampleParts.decode(Arrays.copyOf(value, random.nextInt(value.length + 1)));
            } catch (IllegalArgumentException expected) {
                continue;
            } catch (RuntimeException other) {
                throw new AssertionError("seed=" + seed + " run=" + run, other);
            }
        }
    }
}
