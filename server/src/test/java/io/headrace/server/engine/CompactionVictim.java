package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.batch;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.common.record.internal.CompressionType;

/**
 * Appends to a topic that is compacted all the time, among batches that are dead at once, and says
 * what was acknowledged, until it is killed or halts: {@code A offset key value}, or without a
 * value where it is a tombstone.
 */
final class CompactionVictim {
    static final String TOPIC = "compacted";

    private static final int KEYS = 30;
    private static final int APPENDS_MAX = 20_000;
    private static final String DEAD = "x".repeat(30_000);

    private CompactionVictim() {}

    /** Arguments: folder, step to halt at, round. */
    public static void main(String[] arguments) {
        HaltingFiles files = new HaltingFiles(HaltingFiles.Step.valueOf(arguments[1]));
        TestEngine engine = engine(Path.of(arguments[0]), files);
        if (engine.engine.catalog().find(TOPIC) == null) {
            engine.create(
                    TOPIC,
                    1,
                    Map.of(
                            "cleanup.policy", "compact",
                            "max.compaction.lag.ms", "1",
                            "delete.retention.ms", "1"));
            engine.create("dead", 1, Map.of("retention.ms", "3600000"));
        }
        files.arm();
        Random random = new Random(Long.parseLong(arguments[2]));
        for (int i = 0; i < APPENDS_MAX; i++) {
            append(engine.log("dead", 0), batch(1_000, DEAD));
            appendAndSay(engine, random, arguments[2] + "-" + i);
        }
        System.exit(1);
    }

    private static void appendAndSay(TestEngine engine, Random random, String value) {
        List<KeyedRecord> records = new ArrayList<>();
        for (int i = random.nextInt(4); i >= 0; i--) {
            boolean isTombstone = random.nextInt(5) == 0;
            records.add(
                    new KeyedRecord(
                            "k" + random.nextInt(KEYS), isTombstone ? null : value + "-" + i));
        }
        CompressionType codec = CompressionType.values()[random.nextInt(5)];
        long nowMs = System.currentTimeMillis() - 1000;
        long offset = append(engine.log(TOPIC, 0), KeyedRecord.batch(codec, nowMs, records));
        for (KeyedRecord record : records) {
            String said = record.value() == null ? "" : " " + record.value();
            say("A " + offset++ + " " + record.key() + said);
        }
    }

    static TestEngine engine(Path folder, HaltingFiles files) {
        return new TestEngine(
                folder,
                context ->
                        context.journalCount(1)
                                .retentionCheckIntervalMs(10)
                                .compactionMemoryBytes(1024)
                                .compactionPassBytes(4096),
                files);
    }

    private static void say(String line) {
        PrintStream out = System.out;
        out.println(line);
        out.flush();
    }
}
