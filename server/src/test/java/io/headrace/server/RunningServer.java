package io.headrace.server;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** A server in a process of its own, as users run it, for tests that talk to it or kill it. */
public final class RunningServer implements AutoCloseable {
    private static final long START_TIMEOUT_NS = TimeUnit.SECONDS.toNanos(180);

    private final Process process;
    private final Path output;
    private final int port;

    private RunningServer(Process process, Path output, int port) {
        this.process = process;
        this.output = output;
        this.port = port;
    }

    /** A port that is free now. */
    public static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /**
     * Starts a server and waits until it listens.
     *
     * @param folder data folder; the output goes to {@code server.log} beside it
     */
    public static RunningServer start(Path folder, int port, Map<String, String> settings)
            throws IOException {
        List<String> command = java();
        command.add("serve");
        set(command, "listeners", "PLAINTEXT://127.0.0.1:" + port);
        set(command, "log.dirs", folder.toString());
        set(command, "headrace.admin.listener", "");
        settings.forEach((key, value) -> set(command, key, value));
        Path output = folder.resolveSibling("server.log");
        Process process =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.appendTo(output.toFile()))
                        .start();
        RunningServer server = new RunningServer(process, output, port);
        server.awaitListening();
        return server;
    }

    /** Begins a command of the command line in a process of its own. */
    public static Process command(Path output, String... arguments) throws IOException {
        List<String> command = java();
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(output.toFile()))
                .start();
    }

    private static List<String> java() {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(argument -> !argument.startsWith("-javaagent"))
                .forEach(command::add);
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.add(Headrace.class.getName());
        return command;
    }

    private static void set(List<String> command, String key, String value) {
        command.add("--set");
        command.add(key + "=" + value);
    }

    private void awaitListening() throws IOException {
        long deadline = System.nanoTime() + START_TIMEOUT_NS;
        while (!isListening()) {
            if (!process.isAlive() || System.nanoTime() > deadline) {
                kill();
                throw new AssertionError("server does not listen:\n" + Files.readString(output));
            }
            LockSupport.parkNanos(20_000_000);
        }
    }

    private boolean isListening() {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1000);
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    /** For clients' {@code bootstrap.servers}. */
    public String bootstrapServers() {
        return "127.0.0.1:" + port;
    }

    /** SIGKILL: nothing is flushed, nothing is said. */
    public void kill() {
        process.destroyForcibly();
        join(30);
    }

    /** SIGTERM, and the wait for the end. Returns the exit status. */
    public int stop() {
        process.destroy();
        join(30);
        return process.exitValue();
    }

    private void join(int seconds) {
        try {
            if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
                throw new AssertionError("server does not end: pid=" + process.pid());
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }

    /** What it printed, over all starts on this folder. */
    public String output() throws IOException {
        return Files.readString(output);
    }

    @Override
    public void close() {
        if (process.isAlive()) {
            kill();
        }
    }
}
