package io.headrace.bench.topics;

import io.headrace.bench.kafkaload.ChildProcess;
import io.headrace.bench.kafkaload.Machine;
import io.headrace.bench.kafkaload.MetadataProbe;
import io.headrace.bench.kafkaload.ProcessStat;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * A server process of ours, started as {@code ./headrace} starts it, with the same JVM flags and
 * heap. Whoever starts it closes it; its data stays.
 */
final class TopicsServer implements AutoCloseable {
    private static final String MAIN = "io.headrace.server.Headrace";
    private static final String HOST = "127.0.0.1";
    private static final int PORT = 19392;
    private static final Duration START_PATIENCE = Duration.ofSeconds(120);

    private final ChildProcess process;
    private final double startSeconds;

    private TopicsServer(ChildProcess process, double startSeconds) {
        this.process = process;
        this.startSeconds = startSeconds;
    }

    /** Starts the server and waits for the first answered Metadata request. */
    static TopicsServer start(Path home, Path log, Path data, TopicsOptions options, String run)
            throws InterruptedException {
        ChildProcess process =
                ChildProcess.start("headrace", log, command(home, data, options, run));
        try {
            MetadataProbe.await(address(), process, process.startNs() + START_PATIENCE.toNanos());
            return new TopicsServer(process, (System.nanoTime() - process.startNs()) / 1e9);
        } catch (RuntimeException | InterruptedException failure) {
            process.close();
            throw failure;
        }
    }

    private static List<String> command(Path home, Path data, TopicsOptions options, String run) {
        List<String> command = new ArrayList<>();
        command.add(Machine.javaBinary());
        command.add("@" + jvmFlags(home));
        command.add("@" + home.resolve("server/src/main/jvm/server.args"));
        options.serverJvmArguments().forEach(each -> command.add(each.replace("%RUN%", run)));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), MAIN, "serve"));
        command.addAll(List.of("--set", "listeners=PLAINTEXT://" + bootstrapServer()));
        command.addAll(List.of("--set", "log.dirs=" + data));
        options.serverSettings().forEach(each -> command.addAll(List.of("--set", each)));
        return command;
    }

    private static Path jvmFlags(Path home) {
        String file = Runtime.version().feature() >= 24 ? "jvm24.args" : "jvm17.args";
        return home.resolve("engine-core/src/main/resources/META-INF/headrace").resolve(file);
    }

    static String bootstrapServer() {
        return HOST + ":" + PORT;
    }

    static InetSocketAddress address() {
        return new InetSocketAddress(HOST, PORT);
    }

    /** From the start of the process to the first answered Metadata request. */
    double startSeconds() {
        return startSeconds;
    }

    double cpuSeconds() {
        return ProcessStat.cpuSeconds(process.pid());
    }

    long residentBytes() {
        return ProcessStat.residentBytes(process.pid());
    }

    int descriptorCount() {
        return ProcessStat.descriptorCount(process.pid());
    }

    /** SIGKILL: what is not durable is lost. */
    void kill() throws InterruptedException {
        process.kill();
    }

    /** SIGTERM, and SIGKILL when that is not enough. */
    @Override
    public void close() {
        process.close();
    }
}
