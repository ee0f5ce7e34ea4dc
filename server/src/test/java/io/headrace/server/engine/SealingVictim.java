package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.batch;

import io.headrace.engine.PartitionLog;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;

/**
 * Appends to topics that keep their records, among batches that are dead at once, and says what was
 * acknowledged, until it is killed or halts: {@code A topic offset round number}. Before it deletes
 * records it says so: {@code D topic offset}.
 */
final class SealingVictim {
    static final List<String> TOPICS = List.of("kept", "trimmed");

    /** Some ten journal files; each pass leaves a segment, until several are made one. */
    private static final int APPENDS_PER_PASS = 200;

    private static final long PATIENCE_NS = 2_000_000_000L;
    private static final int APPENDS_MAX = 20_000;
    private static final String DEAD = "x".repeat(60_000);

    private SealingVictim() {}

    /** Arguments: folder, step to halt at, round. */
    public static void main(String[] arguments) {
        HaltingFiles files = new HaltingFiles(HaltingFiles.Step.valueOf(arguments[1]));
        TestEngine engine = engine(Path.of(arguments[0]), files);
        if (engine.engine.catalog().find("dead") == null) {
            TOPICS.forEach(topic -> engine.create(topic, 1, Map.of("retention.ms", "-1")));
            engine.create("dead", 1, Map.of("retention.ms", "3600000"));
        }
        files.arm();
        for (int i = 0; i < APPENDS_MAX; i++) {
            append(engine.log("dead", 0), batch(1_000, DEAD));
            for (String topic : TOPICS) {
                long offset = append(engine.log(topic, 0), batch(value(arguments[2], i)));
                say("A " + topic + " " + offset + " " + arguments[2] + " " + i);
            }
            if (i % 100 == 99) {
                trim(engine.log("trimmed", 0));
            }
            if (i % APPENDS_PER_PASS == APPENDS_PER_PASS - 1) {
                awaitPass(engine);
            }
        }
        System.exit(1);
    }

    /** So that sealing, which is held to a rate, keeps up; there may be nothing to do for it. */
    private static void awaitPass(TestEngine engine) {
        long before = engine.metric("headrace_sealing_files_total");
        long deadline = System.nanoTime() + PATIENCE_NS;
        while (engine.metric("headrace_sealing_files_total") == before
                && System.nanoTime() < deadline) {
            LockSupport.parkNanos(1_000_000);
        }
    }

    static TestEngine engine(Path folder, HaltingFiles files) {
        return new TestEngine(
                folder, context -> context.journalCount(1).retentionCheckIntervalMs(20), files);
    }

    /** What a record holds. */
    static String value(String round, int number) {
        return round + "-" + number + "-" + "z".repeat(number % 300);
    }

    private static void trim(PartitionLog log) {
        long start = log.highWatermark() - 10;
        say("D " + log.topic().name() + " " + start);
        TestEngine.get(log.deleteRecords(start));
    }

    private static void say(String line) {
        PrintStream out = System.out;
        out.println(line);
        out.flush();
    }
}
