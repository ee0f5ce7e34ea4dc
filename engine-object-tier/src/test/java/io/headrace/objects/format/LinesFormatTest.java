package io.headrace.objects.format;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.headrace.engine.spi.ObjectStore.StoredObject;
import io.headrace.engine.spi.Sample;
import io.headrace.engine.spi.SampleFormat.Options;
import io.headrace.engine.spi.SampleScanner;
import io.headrace.engine.spi.SampleScanner.Progress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Text as samples. */
final class LinesFormatTest {
    private static List<String> lines(String text) {
        byte[] object = text.getBytes(StandardCharsets.UTF_8);
        return new Scans(BundledReaders.LINES)
                .sound(object).stream().map(found -> found.values(object).get(0)).toList();
    }

    @Test
    void endsBeforeLineFeedOrCarriageReturnAndLineFeed() {
        assertEquals(List.of("a", "b", "c"), lines("a\nb\r\nc\n"));
        assertEquals(List.of("a", "c"), lines("a\nc"));
        assertEquals(List.of("a", "", "", "b"), lines("a\n\n\r\nb"));
        assertEquals(List.of("a\r", "\rb\r", "c\r"), lines("a\r\r\n\rb\r\r\nc\r"));
        assertEquals(List.of(""), lines("\n"));
        assertEquals(List.of("\r"), lines("\r"));
        assertEquals(List.of(), lines(""));
        assertEquals(List.of("käse", "\u0001\uffff"), lines("käse\n\u0001\uffff\n"));
    }

    @Test
    void findsWhatSplittingByBytesFinds() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int run = 0; run < 30; run++) {
            StringBuilder text = new StringBuilder();
            for (int i = random.nextInt(400); i > 0; i--) {
                text.append("\n\r\u000bxy\t".charAt(random.nextInt(6)));
            }
            List<String> expected = new ArrayList<>();
            int from = 0;
            for (int at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", from)) {
                expected.add(text.substring(from, at).replaceFirst("\r$", ""));
                from = at + 1;
            }
            if (from < text.length()) {
                expected.add(text.substring(from));
            }
            assertEquals(expected, lines(text.toString()), "seed=" + seed);
        }
    }

    @Test
    void findsALineFeedInEveryPlaceAndByteOrderAmongAllBytes() {
        for (ByteOrder order : List.of(ByteOrder.BIG_ENDIAN, ByteOrder.LITTLE_ENDIAN)) {
            for (int filling = 0; filling < 256; filling++) {
                if (filling != '\n') {
                    findsALineFeedAmong((byte) filling, order);
                }
            }
        }
    }

    private static void findsALineFeedAmong(byte filling, ByteOrder order) {
        ByteBuffer text = ByteBuffer.allocateDirect(64).order(order);
        for (int begin = 0; begin < 9; begin++) {
            for (int length = 0; length < 30; length++) {
                for (int at = 0; at < text.capacity(); at++) {
                    text.put(at, filling);
                }
                text.put(begin + length, (byte) '\n');
                text.put(begin + length + 1, (byte) 0x0B); // what a borrow may take for one
                text.limit(begin + length).position(begin);
                assertEquals(-1, LineFeeds.first(text));
                text.limit(begin + length + 3);
                assertEquals(begin + length, LineFeeds.first(text));
                text.clear();
            }
        }
    }

    @Test
    void tellsHowLongAnUnfinishedLineIs() throws Exception {
        byte[] object = "0123456789\n".getBytes(StandardCharsets.UTF_8);
        SampleScanner scanner =
                BundledReaders.LINES.scanner(
                        new StoredObject("a", 11, "1", 0), 0, new byte[0], new Options(0));
        PieceWindow window = new PieceWindow(object, true);
        Sample sample = new Sample();
        for (int count = 0; count < 10; count++) {
            assertEquals(Progress.NEEDS_BYTES, scanner.next(window, sample));
            assertEquals(
                    count == 0 ? List.of() : List.of(new Sample.Part("", 0, count)),
                    sample.parts());
            assertEquals(0, scanner.position());
            window.supply(1);
        }
    }
}
