package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.readAll;
import static io.headrace.server.engine.TestEngine.records;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Unavailable;
import io.headrace.engine.journal.JournalRepair;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Batches that the index still knows, and that a repair has cut out. */
class CutOutTest {
    private static final List<String> VALUES = List.of("first", "second", "third", "fourth");

    @TempDir Path data;

    private Path journal() {
        return data.resolve("journal/data-1");
    }

    private TestEngine start() {
        return new TestEngine(data, context -> context.journalCount(1));
    }

    @BeforeEach
    void fill() {
        try (TestEngine engine = start()) {
            engine.create("t", 1, Map.of());
            VALUES.forEach(value -> append(engine.log("t", 0), batch(value)));
        }
    }

    private void damage(String value) throws IOException {
        Path cycle;
        try (Stream<Path> files = Files.walk(journal())) {
            cycle =
                    files.filter(file -> file.toString().endsWith(".cq4"))
                            .findFirst()
                            .orElseThrow();
        }
        byte[] bytes = Files.readAllBytes(cycle);
        byte[] wanted = value.getBytes(StandardCharsets.UTF_8);
        int at = 0;
        while (!Arrays.equals(bytes, at, at + wanted.length, wanted, 0, wanted.length)) {
            at++;
        }
        bytes[at] ^= 1;
        Files.write(cycle, bytes);
    }

    private void repair() throws IOException {
        assertTrue(!JournalRepair.run(journal(), data.resolve("side")).isEmpty(), "sound");
    }

    @Test
    void readersPassOverThem() throws IOException {
        damage("second");
        damage("third");
        try (TestEngine engine = start()) {
            assertEquals(Unavailable.CORRUPT, TestEngine.read(engine.log("t", 0), 1, 1 << 16));
        }
        repair();
        try (TestEngine engine = start()) {
            PartitionLog log = engine.log("t", 0);
            assertEquals(List.of("0:first", "3:fourth"), readAll(log, 0));
            assertEquals(List.of("3:fourth"), readAll(log, 2));
        }
    }

    /** Not as if the reader had caught up: it would wait for what is to come, and that is there. */
    @Test
    void thoseAtTheEndAreSaidToBeCutOutUntilSomethingFollows() throws IOException {
        damage("fourth");
        repair();
        try (TestEngine engine = start()) {
            PartitionLog log = engine.log("t", 0);
            assertEquals(Unavailable.CUT_OUT, TestEngine.read(log, 3, 1 << 16));
            append(log, batch("new"));
        }
        try (TestEngine engine = start()) {
            try (ReadResult result = TestEngine.read(engine.log("t", 0), 3, 1 << 16)) {
                assertEquals(List.of("4:new"), records((RecordsLease) result, 3));
            }
        }
    }
}
