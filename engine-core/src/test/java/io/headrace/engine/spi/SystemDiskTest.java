package io.headrace.engine.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an allocation says is so: a store through a mapping cannot be refused any more. */
class SystemDiskTest {
    private static final int BLOCK = 512;
    private static final int ALLOCATED_BYTES = 8 << 20;

    /** More than any disk has. */
    private static final long FAR_TOO_MUCH = 1L << 60;

    @TempDir Path folder;
    private Path file;

    @BeforeEach
    void write() throws IOException {
        file = folder.resolve("file");
        Files.writeString(file, "content");
    }

    /** Of the file system, whatever the file's length says. */
    private long blocks() throws Exception {
        Process stat = new ProcessBuilder("stat", "-c", "%b", file.toString()).start();
        String said = new String(stat.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, stat.waitFor());
        return Long.parseLong(said.strip());
    }

    @Test
    void whatIsAllocatedIsTakenFromTheDiskAndTheFileIsNoLonger() throws Exception {
        Disk.SYSTEM.allocate(file, ALLOCATED_BYTES);
        assertTrue(blocks() >= ALLOCATED_BYTES / BLOCK, "blocks " + blocks());
        assertEquals("content", Files.readString(file));
        long before = blocks();
        try (FileChannel channel = Disk.SYSTEM.open(file, StandardOpenOption.WRITE)) {
            Disk.write(channel, ByteBuffer.allocate(BLOCK), ALLOCATED_BYTES - BLOCK);
        }
        assertEquals(before, blocks());
    }

    /** The C library says so by a number alone. */
    @Test
    void whatTheDiskDoesNotHaveIsRefusedAndNamed() throws IOException {
        IOException refusal =
                assertThrows(IOException.class, () -> Disk.SYSTEM.allocate(file, FAR_TOO_MUCH));
        assertTrue(refusal.getMessage().contains(file.toString()), refusal.getMessage());
        assertTrue(refusal.getMessage().contains("" + FAR_TOO_MUCH), refusal.getMessage());
        assertEquals("content", Files.readString(file));
    }
}
