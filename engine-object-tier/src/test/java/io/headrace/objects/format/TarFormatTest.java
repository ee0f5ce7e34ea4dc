package io.headrace.objects.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.spi.ObjectStore.StoredObject;
import io.headrace.engine.spi.Sample;
import io.headrace.engine.spi.Sample.Part;
import io.headrace.engine.spi.SampleFormat.Options;
import io.headrace.engine.spi.SampleScanner;
import io.headrace.engine.spi.SampleScanner.Progress;
import io.headrace.objects.format.Scans.Found;
import io.headrace.objects.format.Scans.Outcome;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** WebDataset's tars, as GNU tar, Python and hands write them. */
final class TarFormatTest {
    @TempDir private Path folder;

    private static List<Found> sound(byte[] tar) {
        return new Scans(BundledReaders.TAR).sound(tar);
    }

    private static String refusal(byte[] tar) {
        Outcome outcome = new Scans(BundledReaders.TAR).whole(tar);
        assertNotNull(outcome.error());
        assertNotNull(new Scans(BundledReaders.TAR).pieces(tar, 100, false).error());
        String message = String.valueOf(outcome.error().getMessage());
        return message.substring(0, message.indexOf(": position="));
    }

    /** The samples as the script prints them. */
    private static String printed(List<Found> samples) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < samples.size(); i++) {
            for (Part part : samples.get(i).parts()) {
                text.append(i).append('\t').append(samples.get(i).key()).append('\t');
                text.append(part.name()).append('\t').append(part.position()).append('\t');
                text.append(part.length()).append('\n');
            }
        }
        return text.toString();
    }

    private void assertReadAsPythonDoes(String file) throws Exception {
        byte[] tar = Files.readAllBytes(folder.resolve(file));
        List<Found> samples = sound(tar);
        assertTrue(samples.size() > 3);
        assertTrue(samples.stream().allMatch(Found::isMultiPart));
        assertEquals(Tools.python(folder, "webdataset_samples.py", file), printed(samples));
    }

    private void write(String name, String content) throws IOException {
        Path file = folder.resolve("tree").resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, content);
    }

    private void writeTree() throws IOException {
        for (int i = 0; i < 3; i++) {
            write("train/000" + i + ".jpg", "image " + i);
            write("train/000" + i + ".json", "x".repeat(511 + i));
            write("train/000" + i + ".seg.png", "");
        }
        write("train.v2/a.b.c", "dots");
        write("README", "no dot");
        write("__meta__/x.json", "not a sample");
        write("__info__.json", "a sample: its name goes on behind the underscores");
        write("train/0003.cls", "7");
        Files.createSymbolicLink(folder.resolve("tree/train/0003.jpg"), Path.of("0000.jpg"));
        Files.createLink(
                folder.resolve("tree/train/0003.txt"), folder.resolve("tree/train/0003.cls"));
        Files.createDirectories(folder.resolve("tree/train/0003.json"));
        write("train/0003.zip", "behind a directory, and still of the sample");
    }

    @ParameterizedTest
    @ValueSource(strings = {"v7", "oldgnu", "gnu", "ustar", "pax"})
    void readsEveryFormatOfGnuTar(String layout) throws Exception {
        Tools.requireGnuTar();
        writeTree();
        if (!layout.equals("v7")) {
            write("p".repeat(90) + "/" + "q".repeat(60) + ".txt", "in ustar's prefix");
        }
        if (!layout.equals("v7") && !layout.equals("ustar")) {
            String longName = "ö".repeat(100) + "/" + "r".repeat(200);
            write(longName + ".jpg", "long");
            write(longName + ".cls", "name");
            Files.createSymbolicLink(
                    folder.resolve("tree/link.txt"), Path.of("target/" + "t".repeat(200)));
        }
        Tools.run(
                folder,
                "tar",
                "--format=" + layout,
                "--sort=name",
                "-C",
                "tree",
                "-cf",
                "a.tar",
                ".");
        assertReadAsPythonDoes("a.tar");
    }

    @ParameterizedTest
    @CsvSource({"ustar,20", "ustar,90", "gnu,150", "gnu,500", "pax,20", "pax,150", "pax,500"})
    void readsEveryFormatOfPython(String layout, int nameLength) throws Exception {
        Tools.python(folder, "write_tar.py", "a.tar", layout, 5, nameLength);
        assertReadAsPythonDoes("a.tar");
    }

    @ParameterizedTest
    @CsvSource({"gnu,", "oldgnu,", "pax,0.0", "pax,0.1", "pax,1.0"})
    void refusesSparseMembers(String layout, String version) throws Exception {
        Tools.requireGnuTar();
        Files.createFile(folder.resolve("hole.bin"));
        Tools.run(folder, "truncate", "-s", "1M", "hole.bin");
        Files.writeString(folder.resolve("hole.bin"), "end", StandardOpenOption.APPEND);
        List<String> command = new ArrayList<>(List.of("tar", "--format=" + layout, "-S"));
        if (version != null) {
            command.add("--sparse-version=" + version);
        }
        command.addAll(List.of("-cf", "a.tar", "hole.bin"));
        Tools.run(folder, command.toArray(new String[0]));
        byte[] tar = Files.readAllBytes(folder.resolve("a.tar"));
        assertEquals("sparse tar members are not supported", refusal(tar));
    }

    @Test
    void asksForNoData() throws Exception {
        byte[] tar = new TarBytes().file("a.bin", 100_000).file("a.txt", 9).end();
        PieceWindow window = new PieceWindow(tar, true);
        Outcome outcome =
                new Scans(BundledReaders.TAR)
                        .scan(
                                tar,
                                BundledReaders.TAR.scanner(
                                        new StoredObject("a", tar.length, "1", 0),
                                        0,
                                        new byte[0],
                                        new Options(0)),
                                window,
                                1 << 20);
        assertEquals(1, outcome.samples().size());
        assertEquals(3 * TarHeader.LENGTH, window.suppliedCount());
    }

    @Test
    void takesTimesOfGnuForNoPrefix() {
        byte[] tar = new TarBytes().gnuTimes().file("a.jpg", 5).end();
        assertEquals("a", sound(tar).get(0).key());
    }

    @Test
    void readsSizesInBase256() {
        byte[] tar = new TarBytes().base256Size().file("a.jpg", 5).file("b.jpg", 700).end();
        List<Found> samples = sound(tar);
        assertEquals(List.of(new Part("jpg", 512, 5)), samples.get(0).parts());
        assertEquals(List.of(new Part("jpg", 1536, 700)), samples.get(1).parts());
    }

    @Test
    void stepsOverMembersOfMoreThanEightGibibytes() throws Exception {
        long size = 9L << 30;
        byte[] head = new TarBytes().base256Size().header("a.bin", size, (byte) '0').bytes();
        byte[] tail = new TarBytes().file("b.bin", 3).end();
        FarWindow window = new FarWindow(head, 512 + size, tail);
        List<Part> parts = new ArrayList<>();
        SampleScanner scanner =
                BundledReaders.TAR.scanner(
                        new StoredObject("a", window.length(), "1", 0),
                        0,
                        new byte[0],
                        new Options(0));
        Sample sample = new Sample();
        while (scanner.next(window, sample) == Progress.SAMPLE) {
            parts.addAll(sample.parts());
        }
        assertEquals(List.of(new Part("bin", 512, size), new Part("bin", 1024 + size, 3)), parts);
    }

    @Test
    void givesOnlySamplesWhoseEndWasSeen() throws Exception {
        byte[] tar = new TarBytes().file("a.jpg", 5).file("a.cls", 1).file("b.jpg", 5).bytes();
        Outcome outcome = new Scans(BundledReaders.TAR).whole(tar);
        assertEquals(1, outcome.samples().size());
        assertEquals("truncated", refusal(tar));
    }

    @Test
    void stopsAtTheFirstBlockOfZeros() {
        byte[] tar = new TarBytes().file("a.jpg", 5).zeros(512).file("b.jpg", 5).zeros(512).bytes();
        Outcome outcome = new Scans(BundledReaders.TAR).whole(tar);
        assertNull(outcome.error());
        assertEquals(1, outcome.samples().size());
        assertEquals(List.of(), sound(new byte[1024]));
        assertEquals(List.of(), sound(new byte[0]));
    }

    @Test
    void refusesEveryFlippedBitOfAHeader() {
        byte[] sound = new TarBytes().file("a.jpg", 5).end();
        for (int bit = 0; bit < TarHeader.LENGTH * 8; bit++) {
            byte[] tar = sound.clone();
            tar[bit / 8] ^= (byte) (1 << bit % 8);
            Outcome outcome = new Scans(BundledReaders.TAR).whole(tar);
            boolean isChecksumBlank = bit / 8 >= 148 && bit / 8 < 156;
            assertTrue(outcome.error() != null || isChecksumBlank, "bit=" + bit);
        }
    }

    @Test
    void leavesOutWhatWebDatasetLeavesOut() throws Exception {
        byte[] tar =
                new TarBytes()
                        .file("__meta__/x.json", 1)
                        .file("__info__", 1)
                        .file("__x__.json", 1)
                        .file("d/__meta__/x.json", 1)
                        .file("README", 1)
                        .file("d.v2/README", 1)
                        .file(".hidden", 1)
                        .file("d.v2/a.b.c", 1)
                        .end();
        Files.write(folder.resolve("a.tar"), tar);
        List<Found> samples = sound(tar);
        assertEquals(
                List.of("__x__", "d/__meta__/x", "d.v2/a"),
                samples.stream().map(Found::key).toList());
        assertEquals(Tools.python(folder, "webdataset_samples.py", "a.tar"), printed(samples));
        assertEquals(List.of(), sound(new TarBytes().file("d/.hidden", 1).end()));
    }

    @Test
    void takesChecksumsOfSignedBytes() {
        byte[] tar = new TarBytes().file("ä.jpg", 5).end();
        int unsigned = Integer.parseInt(new String(tar, 148, 6, StandardCharsets.US_ASCII), 8);
        String signed = String.format(Locale.ROOT, "%06o", unsigned - 2 * 256);
        System.arraycopy(signed.getBytes(StandardCharsets.US_ASCII), 0, tar, 148, 6);
        assertEquals(1, sound(tar).size());
        tar[153]++;
        assertEquals("wrong checksum of a tar header", refusal(tar));
    }

    @Test
    void refusesWhatCannotBeOneSample() {
        assertEquals(
                "two parts of one sample have the same name",
                refusal(new TarBytes().file("a.jpg", 5).file("a.jpg", 5).end()));
        assertEquals(
                "name of a part is too long",
                refusal(new TarBytes().longName("a." + "x".repeat(256)).file("a", 5).end()));
        assertEquals(
                1,
                sound(new TarBytes().longName("a." + "x".repeat(255)).file("a", 5).end()).size());
        assertEquals(
                "path of a tar member is too long",
                refusal(new TarBytes().pax("path", "a".repeat(70_000)).file("a", 5).end()));
        TarBytes many = new TarBytes();
        for (int i = 0; i <= 65_535; i++) {
            many.file("a." + i, 0);
        }
        assertEquals("too many parts in one sample", refusal(many.end()));
    }

    @Test
    void refusesHeadersThatLie() {
        assertEquals(
                "truncated tar member",
                refusal(new TarBytes().header("a.jpg", 1 << 20, (byte) '0').end()));
        assertEquals(
                "impossible size of a tar member",
                refusal(
                        new TarBytes()
                                .base256Size()
                                .header("a.jpg", Long.MAX_VALUE, (byte) '0')
                                .end()));
        for (byte type : new byte[] {'0', 'K', 'L', 'V'}) {
            long size = Long.MAX_VALUE - 600;
            assertEquals(
                    "impossible size of a tar member",
                    refusal(new TarBytes().base256Size().header("a.b", size, type).end()));
        }
        assertEquals(
                "size of a tar member is no number",
                refusal(new TarBytes().base256Size().header("a.jpg", -5, (byte) '0').end()));
        assertEquals(
                "extension header of a tar is too long",
                refusal(new TarBytes().header("x", 65_537, (byte) 'L').zeros(70_144).end()));
        assertEquals(
                "too many extension headers before a tar member",
                refusal(manyExtensions(17).file("a.jpg", 5).end()));
        assertEquals(1, sound(manyExtensions(16).file("a.jpg", 5).end()).size());
        assertEquals(
                "members of multi-volume tars are not supported",
                refusal(new TarBytes().header("a.jpg", 0, (byte) 'M').end()));
        assertEquals("a name is not UTF-8", refusal(new TarBytes().file("\uDCFF.jpg", 5).end()));
    }

    private static TarBytes manyExtensions(int count) {
        TarBytes tar = new TarBytes();
        for (int i = 0; i < count; i++) {
            tar.pax("comment", "" + i);
        }
        return tar;
    }

    @Test
    void readsPathAndSizeOfPax() {
        byte[] tar = new TarBytes().pax("path", "ü/x.jpg").pax("size", "3").file("a", 3).end();
        Found sample = sound(tar).get(0);
        assertEquals("ü/x", sample.key());
        assertEquals(3, sample.parts().get(0).length());
        byte[] takenBack = new TarBytes().pax("path", "x.jpg").pax("path", "").file("a.b", 3).end();
        assertEquals("a", sound(takenBack).get(0).key());
    }

    @Test
    void refusesMalformedPax() {
        for (String record :
                List.of(
                        "x",
                        "5 a=b\n",
                        "99 a=b\n",
                        "7 path=\n",
                        "6 a=bc",
                        "8 size=\n9 size=xy\n",
                        "0 =\n",
                        "-6 a=b\n",
                        "6 a=b\n6",
                        "4 a\n\n",
                        "99999999999999999999 a=b\n",
                        "9 size=-1\n")) {
            assertEquals(
                    "malformed pax header",
                    refusal(new TarBytes().extension('x', record).file("a.b", 1).end()),
                    record);
        }
        assertEquals(
                "a global pax header with a path or size is not supported",
                refusal(new TarBytes().extension('g', "10 path=a\n").file("a.b", 1).end()));
    }
}
