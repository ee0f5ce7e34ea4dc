package io.headrace.examples.embed;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbedTest {
    @TempDir Path folder;

    private record Run(int status, String output) {}

    @Test
    void appendsAndReadsInAProcessOfItsOwn() throws Exception {
        Run run = run(ManagementFactory.getRuntimeMXBean().getInputArguments());
        assertEquals(0, run.status, run.output);
        assertTrue(run.output.contains("read 3 records from offset 0"), run.output);
        Run again = run(ManagementFactory.getRuntimeMXBean().getInputArguments());
        assertTrue(again.output.contains("read 3 records from offset 3"), again.output);
    }

    @Test
    void aMissingFlagIsNamed() throws Exception {
        Run run = run(List.of());
        assertTrue(run.status != 0, run.output);
        assertTrue(run.output.contains("--add-exports"), run.output);
    }

    @Test
    void noProtocolIsOnTheClassPath() {
        for (String name :
                List.of(
                        "org.apache.kafka.clients.ClientUtils",
                        "io.netty.channel.Channel",
                        "io.aeron.Aeron",
                        "software.amazon.awssdk.core.SdkClient")) {
            assertThrows(ClassNotFoundException.class, () -> Class.forName(name), name);
        }
    }

    private Run run(List<String> jvmArguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        jvmArguments.stream()
                .filter(argument -> !argument.startsWith("-javaagent"))
                .forEach(command::add);
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.addAll(List.of(Embed.class.getName(), folder.toString()));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(60, TimeUnit.SECONDS));
        return new Run(process.exitValue(), output);
    }
}
