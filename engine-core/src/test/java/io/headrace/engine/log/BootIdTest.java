package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class BootIdTest {
    @TempDir Path folder;

    @Test
    void oneBootHasOneId() throws IOException {
        Path file = Files.writeString(folder.resolve("boot_id"), "5f0c\n");
        assertEquals("5f0c", BootId.read(file));
    }

    @Test
    void whereThereIsNoneNoTwoBootsAreTheSame() throws IOException {
        Path absent = folder.resolve("absent");
        assertNotEquals(BootId.read(absent), BootId.read(absent));
        Path empty = Files.writeString(folder.resolve("empty"), "\n");
        assertNotEquals(BootId.read(empty), BootId.read(empty));
    }
}
