package io.headrace.engine.spi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.headrace.engine.testing.FaultyDisk;
import io.headrace.engine.testing.FaultyDisk.Fault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is made of the single calls. */
class DiskTest {
    private static final int CALLS = 20;

    @TempDir Path temporary;

    @Test
    void aFileThatCouldNotBeReplacedIsReplacedByANewOneTheNextTime() throws IOException {
        byte[] content = {1, 2, 3};
        for (int call = 1; call <= CALLS; call++) {
            Path root = Files.createDirectories(temporary.resolve("root-" + call));
            FaultyDisk disk = new FaultyDisk(root, call);
            Path file = root.resolve("file");
            disk.replace(file, new byte[] {9});
            disk.at(call, Fault.FAIL);
            try {
                disk.replace(file, content);
            } catch (IOException expected) {
                assertFalse(disk.faultyCallName().isEmpty(), expected.toString());
            }
            String faulty = disk.faultyCallName();
            disk.at(0, Fault.FAIL);
            disk.replace(file, content);
            assertEquals(0, disk.retriedForces(), faulty);
            Path after = temporary.resolve("after-" + call);
            disk.afterPowerCut(after, new Random(call));
            assertArrayEquals(content, Files.readAllBytes(after.resolve("file")));
        }
    }
}
