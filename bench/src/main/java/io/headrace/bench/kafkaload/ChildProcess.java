package io.headrace.bench.kafkaload;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A process of ours whose output goes to a file. It never outlives this JVM: a shutdown hook ends
 * it, whatever happens.
 */
public final class ChildProcess implements AutoCloseable {
    private static final Duration END_PATIENCE = Duration.ofSeconds(20);

    private final String name;
    private final Path log;
    private final Process process;
    private final long startNs;
    private final Thread hook;

    private ChildProcess(String name, Path log, Process process, long startNs) {
        this.name = name;
        this.log = log;
        this.process = process;
        this.startNs = startNs;
        this.hook = new Thread(process::destroyForcibly, "end-" + name);
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /** Starts a command; standard output and error go to the log. */
    public static ChildProcess start(String name, Path log, List<String> command) {
        try {
            Files.createDirectories(log.toAbsolutePath().getParent());
            long startNs = System.nanoTime();
            Process process =
                    new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(log.toFile())
                            .start();
            return new ChildProcess(name, log, process, startNs);
        } catch (IOException e) {
            throw new IllegalStateException("cannot start: name=" + name, e);
        }
    }

    /** {@link System#nanoTime} just before the start. */
    public long startNs() {
        return startNs;
    }

    /** Its process id. */
    public long pid() {
        return process.pid();
    }

    /** Whether it has not ended yet. */
    public boolean isAlive() {
        return process.isAlive();
    }

    /** Waits for the end and returns what was written. A failure or a late end is an exception. */
    public List<String> output(Duration patience) throws InterruptedException, IOException {
        try {
            if (!process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
                throw failure("did not end within " + patience);
            }
            if (process.exitValue() != 0) {
                throw failure("exit status " + process.exitValue());
            }
            return Files.readAllLines(log);
        } finally {
            close();
        }
    }

    /** An exception that says what happened and ends with the last lines of the log. */
    public IllegalStateException failure(String what) {
        return new IllegalStateException(name + ": " + what + ", log=" + log + "\n" + tail());
    }

    private String tail() {
        try {
            List<String> lines = Files.readAllLines(log);
            return String.join("\n", lines.subList(Math.max(0, lines.size() - 20), lines.size()));
        } catch (IOException e) {
            return "(log cannot be read: " + e + ")";
        }
    }

    /** Ends the process at once, as a crash does. */
    public void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
        removeHook();
    }

    /** Asks the process to end, and makes it when it does not. */
    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(END_PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
        removeHook();
    }

    private void removeHook() {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // This JVM is going down already; then the hook does the work.
        }
    }
}
