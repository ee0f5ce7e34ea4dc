package io.headrace.objects.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.headrace.engine.spi.ObjectStore.StoredObject;
import io.headrace.engine.spi.SampleFormat.Options;
import io.headrace.objects.format.Scans.Outcome;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Records of one length. */
final class FixedFormatTest {
    @Test
    void cutsTheObjectIntoRecords() {
        byte[] object = "aaabbbccc".getBytes();
        Scans scans = new Scans(BundledReaders.FIXED, 3);
        assertEquals(
                List.of(List.of("aaa"), List.of("bbb"), List.of("ccc")),
                scans.sound(object).stream().map(found -> found.values(object)).toList());
        assertEquals(List.of(), scans.sound(new byte[0]));
    }

    @Test
    void refusesAPartialRecordAtTheEnd() {
        Outcome outcome = new Scans(BundledReaders.FIXED, 4).whole("aaaabb".getBytes());
        assertEquals(1, outcome.samples().size());
        assertNotNull(outcome.error());
        assertEquals(4, outcome.error().position());
    }

    @Test
    void asksForNoByteWhereTheLengthIsKnown() {
        byte[] object = new byte[3000];
        PieceWindow window = new PieceWindow(object, true);
        Outcome outcome =
                new Scans(BundledReaders.FIXED)
                        .scan(
                                object,
                                BundledReaders.FIXED.scanner(
                                        new StoredObject("a", 3000, "1", 0),
                                        0,
                                        new byte[0],
                                        new Options(1000)),
                                window,
                                1);
        assertEquals(3, outcome.samples().size());
        assertEquals(0, window.suppliedCount());
    }

    @Test
    void needsALength() {
        StoredObject object = new StoredObject("a", 1, "1", 0);
        assertThrows(
                IllegalArgumentException.class,
                () -> BundledReaders.FIXED.scanner(object, 0, new byte[0], new Options(0)));
    }
}
