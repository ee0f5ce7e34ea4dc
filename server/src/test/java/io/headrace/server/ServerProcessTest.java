package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The real process, with the flags that the launcher gives it. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class ServerProcessTest {
    /** What the JVM ends with after a SIGTERM that its hooks have answered. */
    private static final int STATUS_TERMINATED = 128 + 15;

    private static final Pattern READY = Pattern.compile("ready: port=(\\d+)");

    private final List<Process> processes = new ArrayList<>();

    @TempDir Path data;

    @AfterEach
    void endProcesses() {
        processes.forEach(Process::destroyForcibly);
    }

    @Test
    void endsOnSigtermAndVerifiesClean() throws Exception {
        Process server = start();
        produce(awaitPort(server));
        server.destroy();
        assertTrue(server.waitFor(30, TimeUnit.SECONDS), "still running");
        assertEquals(STATUS_TERMINATED, server.exitValue());
        Process verify = java("journal", "verify", data.toString());
        verify.getInputStream().readAllBytes();
        assertEquals(0, verify.waitFor());
    }

    private Process start() throws IOException {
        List<String> arguments = new ArrayList<>(List.of("serve"));
        ServerTestSettings.of(data)
                .forEach((key, value) -> arguments.addAll(List.of("--set", key + "=" + value)));
        return java(arguments.toArray(String[]::new));
    }

    private Process java(String... arguments) throws IOException {
        int jdk = Runtime.version().feature() >= 24 ? 24 : 17;
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin/java").toString());
        command.add("@../engine-core/src/main/resources/META-INF/headrace/jvm" + jdk + ".args");
        command.add("@src/main/jvm/server.args");
        // Another test jar's logging may come first in the class path; this line is waited for.
        command.add("-Dorg.slf4j.simpleLogger.log.io.headrace.server.ServerProcess=info");
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.add(Headrace.class.getName());
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        processes.add(process);
        return process;
    }

    private static int awaitPort(Process server) throws IOException {
        BufferedReader output = server.inputReader();
        StringBuilder seen = new StringBuilder();
        for (String line = output.readLine(); line != null; line = output.readLine()) {
            Matcher ready = READY.matcher(line);
            if (ready.find()) {
                return Integer.parseInt(ready.group(1));
            }
            seen.append(line).append('\n');
        }
        throw new AssertionError("the server did not start:\n" + seen);
    }

    private static void produce(int port) throws Exception {
        Map<String, Object> properties = Map.of("bootstrap.servers", "127.0.0.1:" + port);
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(
                        properties, new ByteArraySerializer(), new ByteArraySerializer())) {
            producer.send(new ProducerRecord<>("created-by-producing", new byte[100])).get();
        }
    }
}
