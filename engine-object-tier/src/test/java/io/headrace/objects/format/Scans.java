package io.headrace.objects.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.spi.ObjectStore.StoredObject;
import io.headrace.engine.spi.Sample;
import io.headrace.engine.spi.Sample.Part;
import io.headrace.engine.spi.SampleFormat;
import io.headrace.engine.spi.SampleFormat.Options;
import io.headrace.engine.spi.SampleScanner;
import io.headrace.engine.spi.SampleScanner.MalformedObjectException;
import io.headrace.engine.spi.SampleScanner.Progress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Scans objects in all the ways that have to come to the same. */
final class Scans {
    private static final int[] LARGER_PIECES = {100, 511, 512, 513, 1000, 4096, 100_000};
    private static final int SMALL_PIECE_MAX = 40;
    private static final int EACH_BYTE_LENGTH_MAX = 12 << 10;

    private final SampleFormat format;
    private final Options options;

    Scans(SampleFormat format) {
        this(format, 0);
    }

    Scans(SampleFormat format, int recordLength) {
        this.format = format;
        options = new Options(recordLength);
    }

    /** A sample, and where its scanner stood before it. */
    record Found(@Nullable String key, boolean isMultiPart, List<Part> parts, long from) {
        boolean isSameSample(Found other) {
            return isMultiPart == other.isMultiPart
                    && parts.equals(other.parts)
                    && Objects.equals(key, other.key);
        }

        /** Values as text. */
        List<String> values(byte[] object) {
            return parts.stream()
                    .map(
                            part ->
                                    new String(
                                            object,
                                            (int) part.position(),
                                            (int) part.length(),
                                            StandardCharsets.UTF_8))
                    .toList();
        }
    }

    /** What a scan came to: samples, and then an error or the end. */
    record Outcome(
            List<Found> samples,
            long position,
            byte[] notes,
            @Nullable MalformedObjectException error) {}

    private SampleScanner scanner(byte[] object, long position, byte[] notes) {
        StoredObject stored = new StoredObject("shard", object.length, "1", 0);
        return format.scanner(stored, position, notes, options);
    }

    /** Scans with all bytes here. */
    Outcome whole(byte[] object) {
        return scan(
                object, scanner(object, 0, new byte[0]), new PieceWindow(object, true).whole(), 1);
    }

    /** Scans with as many bytes as each call asks for and gets in pieces. */
    Outcome pieces(byte[] object, int pieceLength, boolean isLengthKnown) {
        PieceWindow window = new PieceWindow(object, isLengthKnown);
        return scan(object, scanner(object, 0, new byte[0]), window, pieceLength);
    }

    Outcome scan(byte[] object, SampleScanner scanner, PieceWindow window, int pieceLength) {
        List<Found> samples = new ArrayList<>();
        Sample sample = new Sample();
        byte[] notes = new byte[0];
        int withoutSample = 0;
        try {
            while (true) {
                long from = scanner.position();
                Progress progress = scanner.next(window, sample);
                assertTrue(withoutSample++ <= object.length + 2, "no progress");
                if (progress != Progress.NEEDS_BYTES && samples.isEmpty()) {
                    notes = scanner.notes();
                    assertTrue(notes.length <= SampleScanner.NOTES_LENGTH_MAX);
                }
                switch (progress) {
                    case SAMPLE -> {
                        samples.add(found(sample, from));
                        withoutSample = 0;
                    }
                    case NEEDS_BYTES -> window.supply(pieceLength);
                    case END -> {
                        assertEquals(Progress.END, scanner.next(window, sample), "ends again");
                        return new Outcome(samples, scanner.position(), notes, null);
                    }
                }
                window.takeBack();
            }
        } catch (MalformedObjectException malformed) {
            return new Outcome(samples, scanner.position(), notes, malformed);
        }
    }

    private static Found found(Sample sample, long from) {
        return new Found(sample.key(), sample.isMultiPart(), List.copyOf(sample.parts()), from);
    }

    /** Scans a sound object in all ways; returns its samples. */
    List<Found> sound(byte[] object) {
        Outcome whole = whole(object);
        assertNull(whole.error());
        for (int length = 1; length <= SMALL_PIECE_MAX; length++) {
            inPieces(object, length, whole);
        }
        for (int length : LARGER_PIECES) {
            inPieces(object, length, whole);
        }
        resumed(object, whole);
        truncated(object, whole);
        return whole.samples();
    }

    private void inPieces(byte[] object, int length, Outcome whole) {
        for (boolean isLengthKnown : new boolean[] {true, false}) {
            Outcome pieces = pieces(object, length, isLengthKnown);
            assertSame(whole, pieces, "pieces of " + length + " known=" + isLengthKnown);
        }
    }

    private static void assertSame(Outcome expected, Outcome found, String what) {
        assertEquals(String.valueOf(expected.error()), String.valueOf(found.error()), what);
        assertEquals(expected.samples().size(), found.samples().size(), what);
        for (int i = 0; i < expected.samples().size(); i++) {
            assertTrue(
                    expected.samples().get(i).isSameSample(found.samples().get(i)),
                    what + " sample=" + i);
        }
    }

    /** A new scanner at each place between two samples, and at the end. */
    private void resumed(byte[] object, Outcome whole) {
        for (int i = 1; i <= whole.samples().size(); i++) {
            boolean isEnd = i == whole.samples().size();
            long from = isEnd ? whole.position() : whole.samples().get(i).from();
            Outcome rest =
                    scan(
                            object,
                            scanner(object, from, whole.notes()),
                            new PieceWindow(object, i % 2 == 0),
                            1 + i % 50);
            List<Found> expected = whole.samples().subList(i, whole.samples().size());
            assertSame(new Outcome(expected, 0, new byte[0], null), rest, "resumed at " + i);
        }
    }

    /**
     * Cut at each byte (of large objects: at many): a prefix of the samples, and the same whether
     * the length is known.
     */
    private void truncated(byte[] object, Outcome whole) {
        int step = 1 + object.length / EACH_BYTE_LENGTH_MAX;
        for (int length = 0; length < object.length; length += step) {
            byte[] cut = Arrays.copyOf(object, length);
            Outcome known = whole(cut);
            Outcome unknown = pieces(cut, 1 + length % 1000, false);
            String what = "cut to " + length;
            assertEquals(known.error() == null, unknown.error() == null, what);
            assertEquals(known.samples().size(), unknown.samples().size(), what);
            for (int i = 0; i < known.samples().size(); i++) {
                Found sample = known.samples().get(i);
                assertTrue(sample.isSameSample(unknown.samples().get(i)), what);
                if (format != BundledReaders.LINES || i < known.samples().size() - 1) {
                    assertTrue(sample.isSameSample(whole.samples().get(i)), what + " sample=" + i);
                }
            }
            if (known.error() != null) {
                assertTrue(known.error().position() <= length, what);
            }
        }
    }
}
