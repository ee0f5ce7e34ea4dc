package io.headrace.objects.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Programs of others that write what is read here. */
final class Tools {
    static final String PYTHON = "/usr/bin/python3";
    private static final Path SCRIPTS = Path.of("src/test/scripts").toAbsolutePath();
    private static final long TIMEOUT_SECONDS = 120;

    private Tools() {}

    /** Skips the test where a program is absent; there it fails instead if {@code CI=true}. */
    static void require(String name, String installation, String... probe) throws Exception {
        boolean isThere = isRunnable(probe);
        if (!isThere && "true".equals(System.getenv("CI"))) {
            fail(name + " is not installed: " + installation);
        }
        assumeTrue(isThere, () -> name + " is not installed; to run it: " + installation);
    }

    private static boolean isRunnable(String... probe) throws InterruptedException {
        try {
            Process process =
                    new ProcessBuilder(probe)
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start();
            return process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS) && process.exitValue() == 0;
        } catch (IOException absent) {
            return false;
        }
    }

    static void requirePython() throws Exception {
        require("python3", "apt-get install python3", PYTHON, "--version");
    }

    static void requireGnuTar() throws Exception {
        require("GNU tar", "apt-get install tar", "tar", "--format=pax", "--version");
    }

    /** Runs a program to its end in a folder, and gives its output. */
    static String run(Path folder, String... command) throws Exception {
        Process process =
                new ProcessBuilder(command)
                        .directory(folder.toFile())
                        .redirectErrorStream(true)
                        .start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        process.waitFor();
        assertEquals(0, process.exitValue(), () -> String.join(" ", command) + "\n" + output);
        return output;
    }

    /** Runs a script of {@code src/test/scripts}. */
    static String python(Path folder, String script, Object... arguments) throws Exception {
        requirePython();
        List<String> command = new ArrayList<>();
        command.add(PYTHON);
        command.add("-X");
        command.add("utf8");
        command.add(SCRIPTS.resolve(script).toString());
        for (Object argument : arguments) {
            command.add(argument.toString());
        }
        return run(folder, command.toArray(new String[0]));
    }
}
