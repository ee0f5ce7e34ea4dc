package io.headrace.server.powercut;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A virtual machine that boots a kernel and starts the server on a virtual disk, every request to
 * which is recorded.
 */
final class Guest implements AutoCloseable {
    private static final long BOOT_PATIENCE_NS = TimeUnit.MINUTES.toNanos(6);
    private static final int CONSOLE_TAIL = 6_000;

    /**
     * The disk is slow, so that there is a time between the writes that belong together, and
     * between them and the flush: there the plug is pulled.
     */
    private static final int WRITES_PER_S = 100;

    private final Process process;
    private final Path console;

    private Guest(Process process, Path console) {
        this.process = process;
        this.console = console;
    }

    /**
     * Switches it on.
     *
     * @param system the folder that {@code tests/powercut/build-guest} made
     * @param port on which the server is reached
     * @param kernelArguments what the guest's first process is told
     */
    static Guest boot(Path system, CycleFolder files, int port, String kernelArguments)
            throws IOException {
        Process process =
                new ProcessBuilder(command(system, files, port, kernelArguments))
                        .inheritIO()
                        .start();
        return new Guest(process, files.console());
    }

    private static List<String> command(
            Path system, CycleFolder files, int port, String kernelArguments) {
        // Plain emulation, which works on every machine. The recorder answers the guest when the
        // request stands in the log; that, and the disk, are in the host's page cache then, which
        // outlives the kill, so that flushing for real (cache.no-flush) would only cost time.
        String command =
                """
                qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 768
                -nodefaults -no-reboot -display none
                -kernel {system}/vmlinuz -initrd {system}/initrd
                -chardev file,id=console,path={console} -serial chardev:console
                -drive file={system}/system.img,format=raw,if=none,id=system,readonly=on
                -device virtio-blk-pci,drive=system,addr=4
                -blockdev driver=file,node-name=disk-file,cache.no-flush=on,filename={disk}
                -blockdev driver=file,node-name=log-file,cache.no-flush=on,filename={log}
                -blockdev driver=blklogwrites,node-name=logged,file=disk-file,log=log-file,log-sector-size=512
                -object throttle-group,id=slow,x-iops-write={writes}
                -blockdev driver=throttle,node-name=disk,file=logged,throttle-group=slow
                -device virtio-blk-pci,drive=disk,addr=5,write-cache=on,discard=off,write-zeroes=off
                -netdev user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:9092
                -device virtio-net-pci,netdev=net,addr=6,romfile=
                -append\
                """;
        List<String> words = new ArrayList<>();
        for (String word : command.split("\\s+")) {
            words.add(
                    word.replace("{system}", system.toString())
                            .replace("{console}", files.console().toString())
                            .replace("{disk}", files.diskInUse().toString())
                            .replace("{log}", files.log().toString())
                            .replace("{writes}", String.valueOf(WRITES_PER_S))
                            .replace("{port}", String.valueOf(port)));
        }
        words.add("console=ttyS0 quiet panic=-1 port=" + port + " " + kernelArguments);
        return words;
    }

    /** Waits until the server says that it is ready; false if that cannot come any more. */
    boolean awaitReady() throws IOException {
        long deadline = System.nanoTime() + BOOT_PATIENCE_NS;
        while (isAlive() && !hasFailed() && System.nanoTime() < deadline) {
            if (said().contains("ready: port=")) {
                return true;
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
        }
        return false;
    }

    /** Whether it said that something failed while the power was on. */
    boolean hasFailed() throws IOException {
        String said = said();
        return said.contains("FAILED") || said.contains("Kernel panic");
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** The end of what it said. */
    String lastWords() throws IOException {
        String said = said();
        return said.substring(Math.max(0, said.length() - CONSOLE_TAIL));
    }

    private String said() throws IOException {
        return Files.exists(console) ? Files.readString(console, StandardCharsets.ISO_8859_1) : "";
    }

    /** Pulls the plug: SIGKILL to the virtual machine. Returns when it is dead. */
    void kill() {
        process.destroyForcibly();
        process.onExit().join();
    }

    @Override
    public void close() {
        kill();
    }
}
