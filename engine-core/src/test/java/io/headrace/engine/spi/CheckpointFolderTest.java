package io.headrace.engine.spi;

import io.headrace.engine.testing.FaultyDisk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Journal files go on the strength of a checkpoint, so it has to be there. */
class CheckpointFolderTest {
    private static final int SEEDS = 50;

    @TempDir Path root;

    /** However the names and sectors fall that were not forced. */
    @Test
    void aSealedCheckpointSurvivesAPowerCut() throws IOException {
        for (int seed = 0; seed < SEEDS; seed++) {
            Path before = Files.createDirectories(root.resolve("before-" + seed));
            FaultyDisk disk = new FaultyDisk(before, seed);
            Path target = before.resolve("1");
            Path temporary = CheckpointFolder.temporaryFor(target, disk);
            disk.createFolders(temporary);
            write(disk, temporary.resolve("a"), 3000);
            write(disk, temporary.resolve("b"), 10);
            CheckpointFolder.seal(temporary, target, disk);
            Path after = root.resolve("after-" + seed);
            disk.afterPowerCut(after, new Random(seed));
            CheckpointFolder.verify(after.resolve("1"), Disk.SYSTEM);
        }
    }

    private static void write(Disk disk, Path file, int length) throws IOException {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        try (FileChannel channel =
                disk.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            Disk.write(channel, ByteBuffer.wrap(bytes), 0);
        }
    }
}
