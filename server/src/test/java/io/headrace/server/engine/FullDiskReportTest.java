package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.batch;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.testing.FaultyDisk;
import io.headrace.engine.testing.LeakCheck;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Who runs the server is told that producers are refused, and what is free. */
class FullDiskReportTest {
    private static final String REFUSED = "producers are refused until more of the disk is free";
    private static final String OVER = "producers are no longer refused";

    @TempDir Path folder;
    @RegisterExtension final LeakCheck leaks = new LeakCheck();

    private final ByteArrayOutputStream said = new ByteArrayOutputStream();
    private final PrintStream before = System.err;

    @BeforeEach
    void listen() {
        System.setErr(new PrintStream(said, true, StandardCharsets.UTF_8));
    }

    @AfterEach
    void listenNoMore() {
        System.setErr(before);
    }

    @Test
    void refusedProducersAreReportedOnceAndCounted() {
        FaultyDisk disk = new FaultyDisk(folder, 1);
        try (TestEngine engine = new TestEngine(folder, context -> context.disk(disk))) {
            engine.create("t", 1, Map.of());
            PartitionLog log = engine.log("t", 0);
            ByteBuffer batch = batch("x".repeat(100_000));
            assertEquals(0, append(log, batch));
            disk.usableBytes(9 << 20);
            refuse(log, batch);
            await("said", () -> count(REFUSED) == 1);
            assertEquals(1, engine.metric("headrace_appends_refused_total"));
            assertEquals(9 << 20, engine.metric("headrace_disk_free_bytes"));
            assertTrue(engine.metric("headrace_disk_kept_bytes") > 9 << 20);

            refuse(log, batch);
            disk.usableBytes(Long.MAX_VALUE);
            await("said", () -> count(OVER) == 1);
            assertTrue(append(log, batch) > 0);
            assertEquals(1, count(REFUSED));

            disk.usableBytes(9 << 20);
            refuse(log, batch);
            await("said again", () -> count(REFUSED) == 2);
        }
    }

    private static void refuse(PartitionLog log, ByteBuffer batch) {
        long appended = 0;
        while (appended >= 0) {
            appended = append(log, batch);
        }
        assertEquals(PartitionLog.OUT_OF_SPACE, appended);
    }

    private int count(String message) {
        return said.toString(StandardCharsets.UTF_8).split(message, -1).length - 1;
    }
}
