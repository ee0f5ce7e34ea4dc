package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Every dependency that a module declares has its line in docs/design/dependencies.md. */
class DependenciesDocumentTest {
    private static final Path ROOT = Path.of("..");
    private static final Pattern DEPENDENCY =
            Pattern.compile(
                    "<dependency>\\s*<groupId>([^<]+)</groupId>\\s*<artifactId>([^<]+)</artifactId>");

    @Test
    void givesAReasonForEveryDependency() throws IOException {
        String document = Files.readString(ROOT.resolve("docs/design/dependencies.md"));
        Set<String> missing = new TreeSet<>();
        for (String dependency : declared()) {
            if (!document.contains("| `" + dependency + "` |")) {
                missing.add(dependency);
            }
        }
        assertEquals(Set.of(), missing, "no line in docs/design/dependencies.md");
    }

    private static Set<String> declared() throws IOException {
        Set<String> declared = new TreeSet<>();
        try (Stream<Path> modules = Files.list(ROOT)) {
            for (Path pom : modules.map(module -> module.resolve("pom.xml")).toList()) {
                if (Files.exists(pom) && !pom.getParent().endsWith("bom")) {
                    addTo(declared, Files.readString(pom));
                }
            }
        }
        declared.removeIf(dependency -> dependency.startsWith("io.headrace:"));
        return declared;
    }

    private static void addTo(Set<String> declared, String pom) {
        Matcher matcher = DEPENDENCY.matcher(pom);
        while (matcher.find()) {
            declared.add(matcher.group(1) + ":" + matcher.group(2));
        }
    }
}
