package io.headrace.engine;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class JvmFlagsTest {

    /** Runs in a JVM of its own, so that a flag can be left out. */
    static final class Check {
        public static void main(String[] args) {
            JvmFlags.check();
            System.out.println("all set");
        }
    }

    @Test
    void passesWhereTheBuildSetsTheFlags() {
        assertDoesNotThrow(JvmFlags::check);
    }

    @Test
    void namesTheFlagThatIsMissing() throws Exception {
        for (String flag : JvmFlags.required()) {
            List<String> others = new ArrayList<>(JvmFlags.required());
            others.remove(flag);
            String output = check(others);
            if (flag.startsWith("--add-")) {
                assertTrue(output.contains("missing JVM flags: flags=" + flag + " file="), output);
            } else {
                assertTrue(output.contains("all set"), output);
            }
        }
    }

    @Test
    void theBuildAndTheArgumentFileAgree() throws Exception {
        String pom = Files.readString(Path.of("../pom.xml"));
        String flags = property(pom, "headrace.jvm.flags");
        if (Runtime.version().feature() >= 24) {
            flags += " " + property(pom, "headrace.jvm.flags.jdk");
        }
        assertEquals(List.of(flags.split(" ")), JvmFlags.required());
    }

    private static String property(String pom, String name) {
        Matcher matcher =
                Pattern.compile("<" + Pattern.quote(name) + ">([^<]+)</" + Pattern.quote(name))
                        .matcher(pom);
        assertTrue(matcher.find(), name);
        return matcher.group(1);
    }

    private static String check(List<String> flags) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(flags);
        command.addAll(
                List.of("-cp", System.getProperty("java.class.path"), Check.class.getName()));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(30, TimeUnit.SECONDS));
        return output;
    }
}
