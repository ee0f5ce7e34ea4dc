package io.headrace.objects.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.spi.ObjectStore.StoredObject;
import io.headrace.engine.spi.Sample.Part;
import io.headrace.engine.spi.SampleFormat.Options;
import io.headrace.objects.format.Scans.Found;
import io.headrace.objects.format.Scans.Outcome;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** MosaicML's shards. */
final class MdsFormatTest {
    private static final String DESCRIPTION =
            "{\"column_names\": [\"a\"], \"column_sizes\": [null], \"format\": \"mds\","
                    + " \"version\": 2}";

    @TempDir private Path folder;

    private byte[] shard(int count) throws Exception {
        Tools.python(folder, "write_mds.py", "shard.mds", count);
        return Files.readAllBytes(folder.resolve("shard.mds"));
    }

    /** A shard of one sample by hand; what it says about itself may be wrong. */
    private static byte[] shard(long count, String description, String sample, int tableLength) {
        byte[] json = description.getBytes(StandardCharsets.UTF_8);
        int jsonAt = 4 + 4 * tableLength;
        int first = jsonAt + json.length;
        ByteBuffer shard =
                ByteBuffer.allocate(first + sample.length()).order(ByteOrder.LITTLE_ENDIAN);
        shard.putInt((int) count).putInt(first);
        for (int i = 1; i < tableLength; i++) {
            shard.putInt(first + sample.length());
        }
        shard.put(json).put(sample.getBytes(StandardCharsets.ISO_8859_1));
        return shard.array();
    }

    private static String refusal(byte[] object) {
        Outcome outcome = new Scans(BundledReaders.MDS).whole(object);
        assertNotNull(outcome.error());
        String message = String.valueOf(outcome.error().getMessage());
        Outcome pieces = new Scans(BundledReaders.MDS).pieces(object, 3, false);
        assertNotNull(pieces.error());
        return message.substring(0, message.indexOf(": position="));
    }

    @Test
    void readsWhatAnotherWriterWrote() throws Exception {
        byte[] object = shard(30);
        List<Found> samples = new Scans(BundledReaders.MDS).sound(object);
        assertEquals(30, samples.size());
        for (int i = 0; i < 30; i++) {
            Found sample = samples.get(i);
            assertEquals(List.of("caption", "id", "image"), names(sample));
            assertEquals("sample " + i + " ü", sample.values(object).get(0));
            long idAt = sample.parts().get(1).position();
            assertEquals(
                    i, ByteBuffer.wrap(object).order(ByteOrder.LITTLE_ENDIAN).getLong((int) idAt));
            assertEquals(i * 31 % 97, sample.parts().get(2).length());
        }
    }

    private static List<String> names(Found sample) {
        return sample.parts().stream().map(Part::name).toList();
    }

    @Test
    void readsAnEmptyShardAndColumnsOfFixedSizesAlone() throws Exception {
        assertEquals(List.of(), new Scans(BundledReaders.MDS).sound(shard(0)));
        String fixed = DESCRIPTION.replace("null", "3");
        byte[] object = shard(2, fixed, "abcdef", 3);
        List<Found> samples = new Scans(BundledReaders.MDS).sound(object);
        assertEquals(
                List.of(List.of("abc"), List.of("def")),
                samples.stream().map(sample -> sample.values(object)).toList());
    }

    @Test
    void asksNeitherForTheTableNorForValues() throws Exception {
        byte[] object = shard(1000);
        PieceWindow window = new PieceWindow(object, true);
        Outcome outcome =
                new Scans(BundledReaders.MDS)
                        .scan(
                                object,
                                BundledReaders.MDS.scanner(
                                        new StoredObject("a", object.length, "1", 0),
                                        0,
                                        new byte[0],
                                        new Options(0)),
                                window,
                                1 << 20);
        assertEquals(1000, outcome.samples().size());
        int description = 4 + 4 * 1001;
        int first = ByteBuffer.wrap(object).order(ByteOrder.LITTLE_ENDIAN).getInt(4);
        assertEquals(8 + 4 + (first - description) + 1000 * 8, window.suppliedCount());
    }

    @Test
    void refusesWhatContradictsItself() {
        String sample = "\2\0\0\0ab";
        assertEquals(
                1, new Scans(BundledReaders.MDS).sound(shard(1, DESCRIPTION, sample, 2)).size());
        assertEquals("not an MDS shard", refusal(shard(0xFFFF_FFFFL, DESCRIPTION, sample, 2)));
        assertEquals("not an MDS shard", refusal(shard(1, "", sample, 2)));
        assertEquals(
                "not an MDS shard of version 2",
                refusal(shard(1, DESCRIPTION.replace("2", "3"), sample, 2)));
        assertEquals(
                "not an MDS shard of version 2",
                refusal(shard(1, DESCRIPTION.replace("mds", "mdx"), sample, 2)));
        assertTrue(refusal(shard(1, DESCRIPTION + "x", sample, 2)).startsWith("not JSON"));
        assertTrue(refusal(shard(1, "[".repeat(100), sample, 2)).startsWith("not JSON"));
        assertEquals(
                "description of an MDS shard is not an object",
                refusal(shard(1, "[1, 2, 3]", sample, 2)));
        assertEquals(
                "MDS shard without names and sizes of its columns",
                refusal(shard(1, DESCRIPTION.replace("[null]", "[1, 2]"), sample, 2)));
        assertEquals(
                "MDS shard without names and sizes of its columns",
                refusal(shard(1, DESCRIPTION.replace("null", "").replace("\"a\"", ""), sample, 2)));
        assertEquals(
                "size of an MDS column is no length",
                refusal(shard(1, DESCRIPTION.replace("null", "-1"), sample, 2)));
        assertEquals(
                "two MDS columns have the same name",
                refusal(
                        shard(
                                1,
                                DESCRIPTION
                                        .replace("[null]", "[1, 1]")
                                        .replace("\"a\"", "\"a\", \"a\""),
                                sample,
                                2)));
        assertEquals(
                "name of an MDS column is too long or no text",
                refusal(shard(1, DESCRIPTION.replace("\"a\"", "\"\\ud800\""), sample, 2)));
        assertEquals(
                "name of an MDS column is too long or no text",
                refusal(
                        shard(
                                1,
                                DESCRIPTION.replace("\"a\"", '"' + "a".repeat(256) + '"'),
                                sample,
                                2)));
        assertEquals(
                "MDS sample goes beyond its shard",
                refusal(shard(1, DESCRIPTION, "\3\0\0\0ab", 2)));
        assertEquals(
                "more samples than the MDS shard says",
                refusal(shard(1, DESCRIPTION, sample + sample, 2)));
        assertEquals(
                "fewer samples than the MDS shard says",
                refusal(shard(2, DESCRIPTION, "\6\0\0\0abcdef", 3)));
        assertEquals(
                "MDS shard is shorter than its samples",
                refusal(shard(2, DESCRIPTION, "\0\0\0\0", 3)));
    }

    @Test
    void refusesMoreColumnsThanFitIntoItsNotes() {
        List<String> names = new ArrayList<>();
        List<String> sizes = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            names.add('"' + "n".repeat(80) + i + '"');
            sizes.add("1");
        }
        String description =
                DESCRIPTION
                        .replace("\"a\"", String.join(",", names))
                        .replace("null", String.join(",", sizes));
        assertEquals("too many MDS columns", refusal(shard(1, description, "x".repeat(1000), 2)));
    }
}
