package io.headrace.bench.topics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TopicsOptionsTest {
    @Test
    void withoutOptionsRunsTheFourSizes() {
        TopicsOptions options = parse();
        assertEquals(List.of(10, 1000, 100_000, 1_000_000), options.counts());
        assertEquals(Path.of("/home/bench/target/topics"), options.dataDirectory());
    }

    @Test
    void takesWhatIsGiven() {
        TopicsOptions options =
                parse(
                        "--counts",
                        "1,2",
                        "--batch",
                        "7",
                        "--topic-config",
                        "headrace.storage.mode=memory",
                        "--set",
                        "a=b=c");
        assertEquals(List.of(1, 2), options.counts());
        assertEquals(7, options.batch());
        assertEquals(Map.of("headrace.storage.mode", "memory"), options.topicConfigs());
        assertEquals(List.of("a=b=c"), options.serverSettings());
    }

    @Test
    void namesWhatItDoesNotTake() {
        assertNames("--count", "--count", "1");
        assertNames("--batch", "--batch");
        assertNames("--batch=0", "--batch", "0");
        assertNames("--restart=never", "--restart", "never");
        assertNames("nothing", "--topic-config", "nothing");
    }

    private static void assertNames(String what, String... arguments) {
        var failure = assertThrows(IllegalArgumentException.class, () -> parse(arguments));
        assertTrue(failure.getMessage().contains(what), failure.getMessage());
    }

    private static TopicsOptions parse(String... arguments) {
        return TopicsOptions.parse(arguments, Path.of("/home"));
    }
}
