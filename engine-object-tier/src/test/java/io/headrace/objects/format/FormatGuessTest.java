package io.headrace.objects.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.headrace.engine.spi.DatasetReaders;
import io.headrace.engine.spi.SampleFormat;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What an object is taken for. */
final class FormatGuessTest {
    private final BundledReaders readers = new BundledReaders();
    @TempDir private Path folder;

    /** The name of the guess; "one" if the object is one sample. */
    private String guess(String key, byte[] object) {
        boolean isWhole = object.length <= DatasetReaders.HEAD_LENGTH;
        int length = Math.min(object.length, DatasetReaders.HEAD_LENGTH);
        ByteBuffer head = ByteBuffer.allocateDirect(length + 7).position(7);
        head.put(object, 0, length).position(7);
        SampleFormat guess = readers.guess(key, head, isWhole);
        assertEquals(7, head.position(), "left as it was");
        return guess == null ? "one" : guess.name();
    }

    private String guess(String key, String text) {
        return guess(key, text.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void knowsTarsByTheirMagic() throws Exception {
        Tools.requireGnuTar();
        Files.writeString(folder.resolve("a.txt"), "text\n");
        for (String layout : List.of("ustar", "gnu", "pax")) {
            Tools.run(folder, "tar", "--format=" + layout, "-cf", "a.tar", "a.txt");
            assertEquals("tar", guess("x.bin", Files.readAllBytes(folder.resolve("a.tar"))));
        }
        assertEquals("tar", guess("x.tar", new byte[0]));
        byte[] onlyMagic = new byte[600];
        System.arraycopy("ustar".getBytes(), 0, onlyMagic, 257, 5);
        assertEquals("one", guess("x.bin", onlyMagic));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 30, 700, 5000})
    void knowsMdsByItsHeaderAlsoWhereItsDescriptionIsFar(int count) throws Exception {
        Tools.python(folder, "write_mds.py", "a.mds", count);
        byte[] shard = Files.readAllBytes(folder.resolve("a.mds"));
        assertEquals("mds", guess("x.bin", shard));
        assertEquals("mds", guess("x.mds", new byte[0]));
        Arrays.fill(shard, 8, 12, (byte) 0); // an offset that does not grow
        assertEquals("one", guess("x.bin", shard));
    }

    @Test
    void knowsTfRecordsByTheirChecksum() throws Exception {
        Tools.python(folder, "write_tfrecord.py", "a.bin", 5);
        byte[] shard = Files.readAllBytes(folder.resolve("a.bin"));
        assertEquals("tfrecord", guess("train-00000-of-00010", shard));
        assertEquals("tfrecord", guess("x", Arrays.copyOf(shard, 12)));
        assertEquals("one", guess("x", Arrays.copyOf(shard, 11)));
        shard[3] ^= 1;
        assertEquals("one", guess("x", shard));
        assertEquals("tfrecord", guess("a.tfrecord", new byte[0]));
    }

    @Test
    void knowsTextByItsKeyOrItsBytes() {
        assertEquals("lines", guess("a.jsonl", "{}"));
        assertEquals("lines", guess("a.TXT", ""));
        assertEquals("lines", guess("a.csv", new byte[] {(byte) 0xE9, ';'})); // Latin-1
        assertEquals("lines", guess("corpus", "käse\nbrot"));
        assertEquals("one", guess("corpus", "käse"));
        assertEquals("one", guess("corpus", "a\n\u0000b"));
        assertEquals("one", guess("corpus", new byte[] {'\n', (byte) 0xFF}));
        assertEquals("one", guess("image.jpg", new byte[] {(byte) 0xFF, (byte) 0xD8, '\n'}));
        assertEquals("one", guess("empty", ""));
        String cutInACharacter = "\n" + "ä".repeat(DatasetReaders.HEAD_LENGTH);
        assertEquals("lines", guess("corpus", cutInACharacter));
        assertEquals("one", guess("corpus", new byte[] {'\n', (byte) 0xC3})); // and nothing follows
    }

    @Test
    void tellsJsonLinesFromOneDocument() {
        assertEquals("lines", guess("a.json", "{\"a\": 1}\n{\"a\": 2}\n"));
        assertEquals("lines", guess("a.json", "{\"a\": 1}\r\n"));
        assertEquals("one", guess("a.json", "{\n  \"a\": 1\n}\n"));
        assertEquals("one", guess("a.json", "{\"a\": 1}"));
        assertEquals("lines", guess("a.json", "{\"a\": \"" + "x".repeat(9000)));
    }

    @Test
    void namesItsFormats() {
        assertEquals(List.of("lines", "tar", "mds", "tfrecord", "fixed"), readers.formatNames());
        for (String name : readers.formatNames()) {
            assertEquals(name, String.valueOf(readers.format(name).name()));
        }
        assertNull(readers.format("files"));
    }

    @Test
    void takesGarbageForOneSample() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int run = 0; run < 20_000; run++) {
            byte[] garbage = new byte[16 + random.nextInt(600)];
            random.nextBytes(garbage);
            assertEquals("one", guess("x", garbage), "seed=" + seed + " run=" + run);
        }
    }
}
