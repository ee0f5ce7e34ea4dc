package io.headrace.server.crash;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A small ext4 file system in a file, mounted; needs root. */
final class LoopDisk implements AutoCloseable {
    private static final long PATIENCE_S = 30;

    private final Path mountPoint;

    private LoopDisk(Path mountPoint) {
        this.mountPoint = mountPoint;
    }

    /** Skips the test where nothing can be mounted; in a CI run that is a failure. */
    static LoopDisk mount(Path folder, long bytes) throws IOException {
        assumeTrue(
                "root".equals(System.getProperty("user.name")) || isCi(),
                "disk full is not tested: mounting an ext4 image needs root");
        Path image = folder.resolve("disk.img");
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(bytes);
        }
        Path mountPoint = Files.createDirectories(folder.resolve("disk"));
        // No blocks kept for root, who would otherwise find space where nobody else does.
        run("mkfs.ext4", "-q", "-F", "-m", "0", image.toString());
        String said = tryRun("mount", "-o", "loop", image.toString(), mountPoint.toString());
        assumeTrue(said.isEmpty() || isCi(), "disk full is not tested: " + said);
        if (!said.isEmpty()) {
            throw new IOException(said);
        }
        return new LoopDisk(mountPoint);
    }

    private static boolean isCi() {
        return "true".equals(System.getenv("CI"));
    }

    Path folder() {
        return mountPoint;
    }

    /** Takes all the space that is left, to the last block, with a file of somebody else's. */
    Path fill() throws IOException {
        Path file = mountPoint.resolve("of-somebody-else");
        byte[] chunk = new byte[1 << 20];
        try (var out = Files.newOutputStream(file)) {
            while (true) {
                out.write(chunk);
            }
        } catch (IOException full) {
            if (mountPoint.toFile().getUsableSpace() > chunk.length) {
                throw full;
            }
        }
        return file;
    }

    private static void run(String... command) throws IOException {
        String said = tryRun(command);
        if (!said.isEmpty()) {
            throw new IOException(said);
        }
    }

    /** What it complained of if it failed. */
    private static String tryRun(String... command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes()).trim();
        return isSuccess(process) ? "" : List.of(command) + " failed: " + said;
    }

    private static boolean isSuccess(Process process) {
        try {
            return process.waitFor(PATIENCE_S, TimeUnit.SECONDS) && process.exitValue() == 0;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    @Override
    public void close() throws IOException {
        run("umount", mountPoint.toString());
    }
}
