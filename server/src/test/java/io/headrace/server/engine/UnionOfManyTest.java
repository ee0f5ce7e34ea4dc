package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Views.UnionStatus;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A union over as many topics as {@code headrace.union.topics} says. How long each step took is
 * printed, and not asserted.
 */
@Timeout(900)
final class UnionOfManyTest {
    private static final int TOPICS = Integer.getInteger("headrace.union.topics", 20_000);
    private static final int PER_REQUEST = 1000;
    private static final long DEADLINE_NS = 300_000_000_000L;

    @TempDir Path folder;

    @Test
    void oneTopicHasTheRecordsOfAllOnceOverARestart() {
        try (TestEngine engine = start()) {
            timed("topics created", () -> createTopics(engine));
            createUnion(engine, "live");
            timed("a record to each, copied as it came", () -> produceAndAwait(engine, 1));
            createUnion(engine, "late");
            timed("a second union over all", () -> await(engine, "late", TOPICS));
        }
        try (TestEngine engine = start()) {
            createUnion(engine, "cold");
            timed("a third one, from the disk", () -> await(engine, "cold", TOPICS));
            timed("one more to each", () -> produceAndAwait(engine, 2));
            for (String union : List.of("live", "late", "cold")) {
                await(engine, union, 2 * TOPICS);
                awaitRows(engine, union);
            }
        }
    }

    private TestEngine start() {
        TestEngine[] engine = new TestEngine[1];
        timed(
                "start",
                () ->
                        engine[0] =
                                new TestEngine(
                                        folder, context -> context.journalCycleBytes(64 << 20)));
        return engine[0];
    }

    private static void timed(String what, Runnable step) {
        long beganNs = System.nanoTime();
        step.run();
        System.out.printf(
                "union of %d: %s: %d ms%n",
                TOPICS, what, (System.nanoTime() - beganNs) / 1_000_000);
    }

    private static String topic(int number) {
        return "agents.%06d.status".formatted(number);
    }

    private static void createTopics(TestEngine engine) {
        for (int from = 0; from < TOPICS; from += PER_REQUEST) {
            List<TopicSpec> specs = new ArrayList<>();
            for (int i = from; i < Math.min(from + PER_REQUEST, TOPICS); i++) {
                specs.add(new TopicSpec(topic(i), 1, Map.of()));
            }
            get(engine.engine.catalog().create(specs, false));
        }
    }

    private static void createUnion(TestEngine engine, String name) {
        engine.create(
                name,
                1,
                Map.of("headrace.view.type", "union", "headrace.view.topics", "agents.*.status"));
    }

    private static void produceAndAwait(TestEngine engine, int round) {
        for (int i = 0; i < TOPICS; i++) {
            PartitionLog log = engine.log(topic(i), 0);
            while (log.append(batch(i + ":" + round)) < 0) {
                LockSupport.parkNanos(1_000_000);
                log = engine.log(topic(i), 0);
            }
        }
        await(engine, "live", round * TOPICS);
    }

    private static void await(TestEngine engine, String union, long count) {
        long deadline = System.nanoTime() + DEADLINE_NS;
        while (engine.log(union, 0).highWatermark() < count) {
            assertTrue(
                    System.nanoTime() < deadline,
                    () -> union + " has " + engine.log(union, 0).highWatermark());
            LockSupport.parkNanos(5_000_000);
        }
        assertEquals(count, engine.log(union, 0).logEndOffset());
    }

    private static void awaitRows(TestEngine engine, String name) {
        Topic union = Objects.requireNonNull(engine.engine.catalog().find(name));
        long deadline = System.nanoTime() + DEADLINE_NS;
        UnionStatus status = get(engine.engine.views().unionStatus(union));
        while (status.behind() > 0) {
            assertTrue(System.nanoTime() < deadline, status.toString());
            status = get(engine.engine.views().unionStatus(union));
        }
        assertEquals(TOPICS, status.topics());
        assertEquals(0, status.skipped());
    }
}
