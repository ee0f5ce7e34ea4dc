package io.headrace.server.powercut;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Random;

/**
 * The files of one cycle, from which its cut can be made again: the disk before the boot, the log
 * of what was asked of it, and what the guest said.
 *
 * @param folder exists, and is nobody else's
 */
record CycleFolder(Path folder) {
    private static final long DISK_BYTES = 256L << 20;

    Path disk() {
        return folder.resolve("disk.img");
    }

    /** The disk that the guest writes to: a copy. */
    Path diskInUse() {
        return folder.resolve("disk-in-use.img");
    }

    Path log() {
        return folder.resolve("log.bin");
    }

    Path console() {
        return folder.resolve("console.txt");
    }

    /** The first one: an empty file system. */
    static CycleFolder format(Path folder) throws IOException, InterruptedException {
        CycleFolder first = new CycleFolder(Files.createDirectories(folder));
        try (FileChannel channel =
                FileChannel.open(
                        first.disk(), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.allocate(1), DISK_BYTES - 1);
        }
        execute("mke2fs", "-q", "-F", "-t", "ext4", first.disk().toString());
        return first;
    }

    /** Copies the disk for the guest, and empties the log. */
    void prepare() throws IOException, InterruptedException {
        copySparse(disk(), diskInUse());
        Files.createFile(log());
    }

    /** Makes the folder of the next cycle, with the disk that the cut has left. */
    DiskAfterCut.Summary cut(CycleFolder next, Random coin, long toldPosition)
            throws IOException, InterruptedException {
        Files.delete(diskInUse());
        Files.createDirectories(next.folder());
        copySparse(disk(), next.disk());
        try (WriteLog requests = WriteLog.open(log());
                FileChannel channel = FileChannel.open(next.disk(), StandardOpenOption.WRITE)) {
            return DiskAfterCut.make(requests, channel, coin, toldPosition);
        }
    }

    void delete() throws IOException {
        for (Path file : List.of(disk(), diskInUse(), log(), console())) {
            Files.deleteIfExists(file);
        }
        Files.delete(folder);
    }

    private static void copySparse(Path from, Path to) throws IOException, InterruptedException {
        execute("cp", "--sparse=always", from.toString(), to.toString());
    }

    private static void execute(String... command) throws IOException, InterruptedException {
        int status = new ProcessBuilder(command).inheritIO().start().waitFor();
        if (status != 0) {
            throw new IOException("status=" + status + " command=" + List.of(command));
        }
    }
}
