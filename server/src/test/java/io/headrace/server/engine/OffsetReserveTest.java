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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Offsets of records that a power cut takes back are not given to others. */
class OffsetReserveTest {
    private static final Map<String, String> UNSYNCED =
            Map.of("flush.messages", String.valueOf(Long.MAX_VALUE));

    @TempDir Path folder;
    @TempDir Path afterCut;

    @Test
    void anAcknowledgedOffsetOfAnUnsyncedTopicIsNotUsedAgainAfterAPowerCut() throws IOException {
        try (TestEngine engine = new TestEngine(folder, context -> context.bootId("before"))) {
            engine.create("unsynced", 1, UNSYNCED);
            PartitionLog log = engine.log("unsynced", 0);
            assertEquals(0, TestEngine.append(log, TestEngine.batch("stays")));
            // Answered when it is synced and in the index.
            TestEngine.get(log.maxTimestamp());
            copy(folder.resolve("journal"), Files.createDirectories(afterCut.resolve("journal")));
            assertEquals(1, TestEngine.append(log, TestEngine.batch("goes")));
        }
        try (TestEngine engine = new TestEngine(afterCut, context -> context.bootId("after"))) {
            PartitionLog log = engine.log("unsynced", 0);
            long offset = TestEngine.append(log, TestEngine.batch("later"));
            assertTrue(offset > 1, "offset used again: " + offset);
            // Whoever has read further than that learns that it is gone.
            assertEquals(new EpochEnd(1, 1), log.endOffsetForEpoch(1));
            assertEquals(List.of("0:stays", offset + ":later"), TestEngine.readAll(log, 0));
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> paths = Files.walk(from)) {
            for (Path path : paths.filter(each -> !each.equals(from)).toList()) {
                Files.copy(path, to.resolve(from.relativize(path).toString()));
            }
        }
    }
}
