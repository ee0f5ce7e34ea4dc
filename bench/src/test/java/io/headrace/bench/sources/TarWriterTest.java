package io.headrace.bench.sources;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TarWriterTest {
    @TempDir Path folder;

    @Test
    void writesWhatTarReads() throws Exception {
        TarWriter tar = new TarWriter();
        tar.add("0001.txt", "one".getBytes());
        tar.add("0002.bin", new byte[512]);
        Files.write(folder.resolve("x.tar"), tar.finish());
        Process reader =
                new ProcessBuilder("tar", "-xf", "x.tar")
                        .directory(folder.toFile())
                        .inheritIO()
                        .start();
        assertTrue(reader.waitFor(30, TimeUnit.SECONDS));
        assertEquals(0, reader.exitValue());
        assertEquals("one", Files.readString(folder.resolve("0001.txt")));
        assertArrayEquals(new byte[512], Files.readAllBytes(folder.resolve("0002.bin")));
    }
}
