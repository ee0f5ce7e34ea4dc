package io.headrace.server.clients;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A client that runs as a process of its own.
 *
 * @param command that runs it, without arguments
 * @param probe command that succeeds if it is installed
 * @param installation line that installs it
 */
record ProcessClient(String name, List<String> command, List<String> probe, String installation)
        implements Client {
    static final Path SCRIPTS = Path.of("src/test/clients");
    private static final long RUN_SECONDS_MAX = 180;
    private static final long PROBE_SECONDS_MAX = 60;

    @Override
    public String missing() throws Exception {
        Path output = Files.createTempFile("probe", ".log");
        try {
            return execute(probe, output, PROBE_SECONDS_MAX) == 0 ? null : installation;
        } catch (IOException notFound) {
            return installation;
        } finally {
            Files.delete(output);
        }
    }

    @Override
    public List<String> run(Run run) throws Exception {
        List<String> line = new ArrayList<>(command);
        line.addAll(
                List.of(
                        run.bootstrapServers(),
                        run.phase(),
                        run.topicPrefix(),
                        String.join(",", run.codecs()),
                        Integer.toString(run.recordCount())));
        Path output = Files.createTempFile(name, ".out");
        try {
            int status = execute(line, output, RUN_SECONDS_MAX);
            String printed = Files.readString(output);
            if (status != 0) {
                throw new AssertionError(name + " failed: status=" + status + "\n" + printed);
            }
            return printed.lines().filter(text -> text.matches("[a-z0-9]+ [0-9]+")).toList();
        } finally {
            Files.delete(output);
        }
    }

    private static int execute(List<String> line, Path output, long secondsMax) throws Exception {
        Process process =
                new ProcessBuilder(line)
                        .redirectErrorStream(true)
                        .redirectOutput(output.toFile())
                        .start();
        try {
            if (!process.waitFor(secondsMax, TimeUnit.SECONDS)) {
                throw new AssertionError(
                        line.get(0) + " did not end in time:\n" + Files.readString(output));
            }
            return process.exitValue();
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }
}
