package io.headrace.server.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.PartitionLog.EpochEnd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A topic that does not sync before it acknowledges, after a power cut that took a record back. */
class OffsetReserveTest {
    private static final Map<String, String> UNSYNCED =
            Map.of("flush.messages", String.valueOf(Long.MAX_VALUE));

    @TempDir Path folder;
    @TempDir Path afterCut;

    @BeforeEach
    void loseTheRecordAtOffset1() throws IOException {
        try (TestEngine engine = new TestEngine(folder, context -> context.bootId("before"))) {
            engine.create("unsynced", 1, UNSYNCED);
            PartitionLog log = engine.log("unsynced", 0);
            assertEquals(0, TestEngine.append(log, TestEngine.batch("stays")));
            // Answered when it is synced and in the index.
            TestEngine.get(log.maxTimestamp());
            copy(folder.resolve("journal"), Files.createDirectories(afterCut.resolve("journal")));
            assertEquals(1, TestEngine.append(log, TestEngine.batch("goes")));
        }
    }

    @Test
    void itsOffsetIsNotUsedAgain() {
        try (TestEngine engine = openAfterCut()) {
            PartitionLog log = engine.log("unsynced", 0);
            long offset = TestEngine.append(log, TestEngine.batch("later"));
            assertTrue(offset > 1, "offset used again: " + offset);
            assertEquals(List.of("0:stays", offset + ":later"), TestEngine.readAll(log, 0));
            // Whoever has read further than that learns that it is gone.
            assertEquals(new EpochEnd(1, 1), log.endOffsetForEpoch(1));
        }
    }

    @Test
    void whoReadsToTheEndGetsThereAndGoesOnBehindTheSkippedOffsets() {
        try (TestEngine engine = openAfterCut()) {
            PartitionLog log = engine.log("unsynced", 0);
            assertEquals(1, log.highWatermark());
            // A mark of the log's in the journal, so that it is synced.
            TestEngine.get(log.deleteRecords(1));
            assertEquals(1, log.highWatermark());
            long offset = TestEngine.append(log, TestEngine.batch("later"));
            assertEquals(List.of(offset + ":later"), TestEngine.readAll(log, 1));
        }
    }

    private TestEngine openAfterCut() {
        return new TestEngine(afterCut, context -> context.bootId("after"));
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> paths = Files.walk(from)) {
            for (Path path : paths.filter(each -> !each.equals(from)).toList()) {
                Files.copy(path, to.resolve(from.relativize(path).toString()));
            }
        }
    }
}
