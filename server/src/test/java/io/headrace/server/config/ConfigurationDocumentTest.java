package io.headrace.server.config;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/**
 * Keeps docs/configuration.md and the table of keys the same. {@code -Dheadrace.docs.write=true}
 * writes the document anew.
 */
class ConfigurationDocumentTest {
    private static final Path DOCUMENT = Path.of("../docs/configuration.md");
    private static final String BEGIN = "<!-- keys: written by ConfigurationDocumentTest -->\n";

    @Test
    void listsEveryKeyWithDefaultAndRange() throws IOException {
        String document = Files.readString(DOCUMENT);
        int begin = document.indexOf(BEGIN) + BEGIN.length();
        if (Boolean.getBoolean("headrace.docs.write")) {
            Files.writeString(DOCUMENT, document.substring(0, begin) + keys());
            return;
        }
        assertEquals(
                keys(),
                document.substring(begin),
                "docs/configuration.md is not up to date; run"
                        + " ./mvnw test -pl server -am -Dheadrace.docs.write=true");
    }

    private static String keys() {
        StringBuilder text = new StringBuilder("\n## Keys of Kafka\n\n");
        header(text);
        ConfigKeys.ALL.stream().filter(key -> !isOurs(key)).forEach(key -> row(text, key));
        text.append("\n## Keys of Headrace\n\n");
        header(text);
        ConfigKeys.ALL.stream()
                .filter(ConfigurationDocumentTest::isOurs)
                .forEach(key -> row(text, key));
        text.append("\n## Keys with a name of your choice\n\n| key | meaning |\n|---|---|\n");
        ConfigKeys.FAMILIES.forEach(
                family ->
                        text.append(
                                "| `%s` | %s |\n".formatted(family.pattern(), family.meaning())));
        return text.toString();
    }

    private static boolean isOurs(ConfigKey<?> key) {
        return key.name().startsWith("headrace.");
    }

    private static void header(StringBuilder text) {
        text.append("| key | default | allowed | meaning |\n|---|---|---|---|\n");
    }

    private static void row(StringBuilder text, ConfigKey<?> key) {
        String value = key.defaultText().isEmpty() ? "" : "`" + key.defaultText() + "`";
        text.append(
                "| `%s` | %s | %s | %s |\n"
                        .formatted(key.name(), value, key.allowed(), key.meaning()));
    }
}
