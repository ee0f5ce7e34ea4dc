package io.headrace.engine.source.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class SerialLineTest {
    private final SerialLine line = new SerialLine();
    private final List<String> flown = new ArrayList<>();

    @Test
    void aFlightThatFailsKeepsNobodyWaiting() {
        RuntimeException failure = new IllegalStateException("thrown by the test");
        line.add(
                () -> {
                    throw failure;
                });
        line.add(() -> flown.add("behind it"));
        assertSame(failure, assertThrows(IllegalStateException.class, line::run));
        line.add(() -> flown.add("later"));
        line.run();
        assertEquals(List.of("behind it", "later"), flown);
    }
}
