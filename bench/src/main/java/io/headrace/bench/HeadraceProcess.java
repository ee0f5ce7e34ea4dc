package io.headrace.bench;

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
public final class HeadraceProcess implements AutoCloseable {
    private static final String MAIN = "io.headrace.server.Headrace";
    private static final String HOST = "127.0.0.1";
    private static final Duration START_PATIENCE = Duration.ofSeconds(120);

    private final ChildProcess process;
    private final int port;
    private final double startSeconds;

    private HeadraceProcess(ChildProcess process, int port, double startSeconds) {
        this.process = process;
        this.port = port;
        this.startSeconds = startSeconds;
    }

    /**
     * Starts the server and waits for the first answered Metadata request.
     *
     * @param home root of the repository
     * @param log where its output goes
     * @param data its data folder
     * @param port where it serves Kafka's protocol
     * @param jvmArguments beside those that it is shipped with
     * @param settings key=value
     */
    public static HeadraceProcess start(
            Path home,
            Path log,
            Path data,
            int port,
            List<String> jvmArguments,
            List<String> settings)
            throws InterruptedException {
        ChildProcess process =
                ChildProcess.start(
                        "headrace", log, command(home, data, port, jvmArguments, settings));
        try {
            MetadataProbe.await(
                    new InetSocketAddress(HOST, port),
                    process,
                    process.startNs() + START_PATIENCE.toNanos());
            return new HeadraceProcess(
                    process, port, (System.nanoTime() - process.startNs()) / 1e9);
        } catch (RuntimeException | InterruptedException failure) {
            process.close();
            throw failure;
        }
    }

    private static List<String> command(
            Path home, Path data, int port, List<String> jvmArguments, List<String> settings) {
        List<String> command = new ArrayList<>();
        command.add(Machine.javaBinary());
        command.add("@" + jvmFlags(home));
        command.add("@" + home.resolve("server/src/main/jvm/server.args"));
        command.addAll(jvmArguments);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), MAIN, "serve"));
        command.addAll(List.of("--set", "listeners=PLAINTEXT://" + HOST + ":" + port));
        command.addAll(List.of("--set", "log.dirs=" + data));
        settings.forEach(each -> command.addAll(List.of("--set", each)));
        return command;
    }

    private static Path jvmFlags(Path home) {
        String file = Runtime.version().feature() >= 24 ? "jvm24.args" : "jvm17.args";
        return home.resolve("engine-core/src/main/resources/META-INF/headrace").resolve(file);
    }

    /** For clients' {@code bootstrap.servers}. */
    public String bootstrapServer() {
        return HOST + ":" + port;
    }

    /** From the start of the process to the first answered Metadata request. */
    public double startSeconds() {
        return startSeconds;
    }

    /** User and system time so far. */
    public double cpuSeconds() {
        return ProcessStat.cpuSeconds(process.pid());
    }

    /** Resident set now. */
    public long residentBytes() {
        return ProcessStat.residentBytes(process.pid());
    }

    /** Descriptors that are open now. */
    public int descriptorCount() {
        return ProcessStat.descriptorCount(process.pid());
    }

    /** SIGKILL: what is not durable is lost. */
    public void kill() throws InterruptedException {
        process.kill();
    }

    /** SIGTERM, and SIGKILL when that is not enough. */
    @Override
    public void close() {
        process.close();
    }
}
