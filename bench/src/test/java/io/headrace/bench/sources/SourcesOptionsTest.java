package io.headrace.bench.sources;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class SourcesOptionsTest {
    private static SourcesOptions parse(String... arguments) {
        return SourcesOptions.parse(arguments, Path.of("/home"));
    }

    @Test
    void withoutOptionsMeasuresEverythingAtFullSize() {
        SourcesOptions options = parse();
        assertEquals(
                List.of("epochs", "trainers", "belady", "cold", "warm", "mounts", "tar", "listing"),
                options.parts());
        assertEquals(256 << 20, options.scaledCacheBytes());
        assertEquals(60_000_000, options.bandwidth());
    }

    @Test
    void scalesSizes() {
        SourcesOptions options = parse("--scale", "0.01", "--parts", "cold,tar");
        assertEquals(List.of("cold", "tar"), options.parts());
        assertEquals(10_000, options.scaled(1_000_000));
        assertEquals(1, options.scaled(3));
    }

    @Test
    void whatItDoesNotKnowIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> parse("--parts", "cold,hot"));
        assertThrows(IllegalArgumentException.class, () -> parse("--scale", "0"));
        assertThrows(IllegalArgumentException.class, () -> parse("--rounds", "0"));
        assertThrows(IllegalArgumentException.class, () -> parse("--round", "1"));
    }
}
