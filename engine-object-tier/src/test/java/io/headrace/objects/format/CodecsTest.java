package io.headrace.objects.format;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.spi.ObjectCodec;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Compressions, written by their own programs. */
final class CodecsTest {
    private static final byte[] TEXT = text(300_000);
    private static final String LZ4_LINKED =
            "import lz4.frame,sys;i=open(sys.argv[1],'rb').read();"
                    + "open(sys.argv[2],'wb').write(lz4.frame.compress(i,block_linked=True,"
                    + "block_size=int(sys.argv[3]),content_checksum=True,block_checksum=True,"
                    + "compression_level=int(sys.argv[4])))";

    @TempDir private Path folder;

    /** Compressible, with matches near and far. */
    private static byte[] text(int length) {
        Random random = new Random(7);
        byte[] text = new byte[length];
        for (int at = 0; at < length; ) {
            int from = random.nextInt(at + 1);
            int count = Math.min(length - at, 1 + random.nextInt(random.nextBoolean() ? 8 : 400));
            boolean isMatch = random.nextInt(3) > 0;
            for (int i = 0; i < count; i++, at++) {
                text[at] = isMatch ? text[from + i] : (byte) random.nextInt();
            }
        }
        return text;
    }

    private static ObjectCodec codec(String name) {
        ObjectCodec codec = new BundledReaders().codec(name);
        assertNotNull(codec);
        return codec;
    }

    private byte[] compress(String name, byte[] text, String... options) throws Exception {
        Tools.require(name, "apt-get install " + name, name, "--version");
        Files.write(folder.resolve("text"), text);
        String line = name + " " + String.join(" ", options) + " -c < text > compressed";
        Tools.run(folder, "sh", "-c", line);
        return Files.readAllBytes(folder.resolve("compressed"));
    }

    private byte[] linkedLz4(byte[] text, int blockSize, int level) throws Exception {
        Tools.require(
                "python3-lz4",
                "apt-get install python3-lz4",
                Tools.PYTHON,
                "-c",
                "import lz4.frame");
        Files.write(folder.resolve("text"), text);
        Tools.run(
                folder,
                Tools.PYTHON,
                "-c",
                LZ4_LINKED,
                "text",
                "compressed",
                "" + blockSize,
                "" + level);
        return Files.readAllBytes(folder.resolve("compressed"));
    }

    /**
     * A stream that gives a few bytes at a time and never says that it has any, as a socket may.
     */
    private static final class Dribble extends FilterInputStream {
        private boolean isClosed;

        private int readCount;

        Dribble(byte[] bytes) {
            super(new ByteArrayInputStream(bytes));
        }

        @Override
        public int read(byte[] into, int offset, int length) throws IOException {
            return super.read(into, offset, Math.min(length, 1 + readCount++ % 5));
        }

        @Override
        public int available() {
            return 0;
        }

        @Override
        public void close() {
            isClosed = true;
        }
    }

    private static byte[] decode(ObjectCodec codec, byte[] compressed) throws IOException {
        Dribble source = new Dribble(compressed);
        byte[] decoded;
        try (InputStream stream = codec.decode(source)) {
            decoded = stream.readAllBytes();
        }
        assertTrue(source.isClosed, "source was closed");
        return decoded;
    }

    private static byte[] join(byte[]... parts) {
        ByteArrayOutputStream joined = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            joined.writeBytes(part);
        }
        return joined.toByteArray();
    }

    @ParameterizedTest
    @CsvSource({
        "gzip,-1",
        "gzip,-9",
        "gzip,--name",
        "zstd,-3",
        "zstd,--no-check",
        "zstd,--long=27",
        "lz4,-1",
        "lz4,-9 -BD -B4",
        "lz4,-BX --content-size",
        "lz4,-B5 --no-frame-crc"
    })
    void decodesWhatItsOwnProgramWrote(String name, String options) throws Exception {
        assertArrayEquals(TEXT, decode(codec(name), compress(name, TEXT, options)));
        assertArrayEquals(new byte[0], decode(codec(name), compress(name, new byte[0], options)));
    }

    @ParameterizedTest
    @CsvSource({"4,0", "5,9", "6,0", "7,9"})
    void decodesLz4OfLinkedBlocks(int blockSize, int level) throws Exception {
        byte[] text = text(1_500_000);
        assertArrayEquals(text, decode(codec("lz4"), linkedLz4(text, blockSize, level)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"gzip", "zstd", "lz4"})
    void decodesConcatenatedObjects(String name) throws Exception {
        byte[] first = compress(name, TEXT);
        byte[] empty = compress(name, new byte[0]);
        byte[] last = compress(name, "last".getBytes());
        assertArrayEquals(
                join(TEXT, "last".getBytes(), TEXT),
                decode(codec(name), join(first, empty, last, first)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"gzip", "zstd", "lz4", "linked"})
    void refusesEveryTruncation(String name) throws Exception {
        byte[] text = Arrays.copyOf(TEXT, 3000);
        boolean isLinked = name.equals("linked");
        byte[] sound = isLinked ? linkedLz4(text, 4, 0) : compress(name, text);
        ObjectCodec codec = codec(isLinked ? "lz4" : name);
        for (int length = 0; length < sound.length; length++) {
            byte[] cut = Arrays.copyOf(sound, length);
            assertThrows(IOException.class, () -> decode(codec, cut), "cut to " + length);
            if (length > 0) {
                byte[] second = join(sound, cut);
                assertThrows(IOException.class, () -> decode(codec, second), "second " + length);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gzip", "zstd", "lz4", "linked"})
    void neverDecodesDamagedObjectsToOtherBytes(String name) throws Exception {
        byte[] text = Arrays.copyOf(TEXT, 3000);
        boolean isLinked = name.equals("linked");
        byte[] sound = isLinked ? linkedLz4(text, 4, 0) : compress(name, text);
        ObjectCodec codec = codec(isLinked ? "lz4" : name);
        int refused = 0;
        for (int bit = 0; bit < sound.length * 8; bit++) {
            byte[] damaged = sound.clone();
            damaged[bit / 8] ^= (byte) (1 << bit % 8);
            try {
                assertArrayEquals(text, decode(codec, damaged), "bit=" + bit);
            } catch (IOException expected) {
                refused++;
            }
        }
        assertTrue(refused > sound.length * 7, "refused=" + refused);
    }

    @Test
    void readsAllFieldsOfAGzipHeader() throws Exception {
        byte[] plain = compress("gzip", "text".getBytes());
        byte[] extended =
                join(
                        new byte[] {0x1f, (byte) 0x8b, 8, 4 | 8 | 16, 1, 2, 3, 4, 0, 3},
                        new byte[] {2, 0, 'e', 'x'},
                        "name\0comment\0".getBytes(),
                        Arrays.copyOfRange(plain, 10, plain.length));
        assertArrayEquals("text".getBytes(), decode(codec("gzip"), extended));
        assertArrayEquals("text".getBytes(), decode(codec("gzip"), join(extended, new byte[1000])));
        assertThrows(
                IOException.class,
                () -> decode(codec("gzip"), join(extended, new byte[] {0, 0, 1})));
    }

    /** Where no checksum would notice. */
    @Test
    void refusesLz4BlocksThatReachBeyondTheirBounds() throws IOException {
        byte[] content = Arrays.copyOf("history.".getBytes(), 32);
        byte[] sound = {0x10, 'a', 9, 0, 0x10, 'b'}; // a, then 4 from 9 back, b
        assertEquals(14, Lz4Block.decode(sound, sound.length, content, 0, 8, 32));
        assertEquals("history.ahistb", new String(content, 0, 14));
        for (byte[] block :
                new byte[][] {
                    {0x10, 'a', 10, 0, 0x10, 'b'}, // before the history
                    {0x10, 'a', 0, 0, 0x10, 'b'}, // from itself
                    {0x1F, 'a', 9, 0, 20, 0x10, 'b'}, // more than fits
                    {(byte) 0xF0, 30}, // more literals than there are
                    {0x20, 'a'},
                    {0x10, 'a', 9},
                    {0x10, 'a', 9, 0},
                    {}
                }) {
            assertThrows(
                    IOException.class,
                    () -> Lz4Block.decode(block, block.length, content.clone(), 0, 8, 32),
                    Arrays.toString(block));
        }
    }

    @Test
    void skipsSkippableFramesOfLz4() throws Exception {
        byte[] skippable = {0x53, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3};
        byte[] frame = compress("lz4", "text".getBytes());
        assertArrayEquals(
                "texttext".getBytes(),
                decode(codec("lz4"), join(skippable, frame, skippable, frame, skippable)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"gzip", "zstd", "lz4"})
    void throwsNothingButIoErrorsOnGarbage(String name) throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        byte[] sound = compress(name, Arrays.copyOf(TEXT, 500));
        for (int run = 0; run < 3000; run++) {
            byte[] garbage = sound.clone();
            for (int i = random.nextInt(20); i >= 0; i--) {
                garbage[random.nextInt(garbage.length)] = (byte) random.nextInt();
            }
            try {
                decode(codec(name), garbage);
            } catch (IOException expected) {
                continue;
            } catch (RuntimeException other) {
                throw new AssertionError("seed=" + seed + " run=" + run, other);
            }
        }
    }

    @Test
    void isNamedByTheEndOfAKey() {
        BundledReaders readers = new BundledReaders();
        ObjectCodec gzip = readers.codecFor("a/train-00.TAR.GZ");
        assertNotNull(gzip);
        assertEquals("gzip", gzip.name());
        assertEquals("a/train-00.TAR", gzip.plainKey("a/train-00.TAR.GZ"));
        assertEquals("b.tar", codec("gzip").plainKey("b.tgz"));
        assertEquals("b.tar", codec("zstd").plainKey("b.tzst"));
        assertEquals("shard.00000.mds", codec("zstd").plainKey("shard.00000.mds.zstd"));
        assertEquals("x.jsonl", codec("lz4").plainKey("x.jsonl.lz4"));
        assertEquals("x.jsonl", codec("lz4").plainKey("x.jsonl"));
        assertFalse(codec("zstd").isNamedBy("a.gz"));
        assertNull(readers.codecFor("a.tar"));
        assertNull(readers.codec("brotli"));
    }
}
