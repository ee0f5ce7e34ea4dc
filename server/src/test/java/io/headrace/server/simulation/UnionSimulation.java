package io.headrace.server.simulation;

import io.headrace.engine.EngineException;
import io.headrace.engine.Topic;
import io.headrace.engine.log.UnionBounds;
import io.headrace.engine.spi.MetadataStore;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One run of two unions, with producers to topics that come and go below them. In most runs little
 * is taken at a time, so that what is below comes in many reads, waits, and finds no room.
 */
final class UnionSimulation extends ViewSimulation {
    /** Unions may have all records of a run in one batch each. */
    static final int CYCLE_FILE_BYTES = 512 << 10;

    /** A quarter of a cycle file, in copies of the longest. */
    private static final int RECORDS_MAX = 700;

    /** More than all records of a run take, so that nothing is overwritten. */
    private static final int BASE_MEMORY_BYTES = 256 << 10;

    private static final int BASES_MAX = 10;
    private static final String MOVING = "u.moving";
    private static final String LASTING = "u.lasting";
    private static final byte[] ROWS = {'u'};
    private static final String SKIPPED = "headrace_union_skipped_records_total";
    private static final String REFUSED = "headrace_union_refused_appends_total";
    private static final String OVERFLOWS = "headrace_union_overflows_total";

    /** What the second of the unions is over; the first is over all. */
    private static final List<String> PATTERNS = List.of("u.*ing", "u.l*", "u.*d*", "u.*");

    /** What runs have met beside that. */
    static final class Moments extends ViewSimulation.Moments {
        /** Topics that were deleted. */
        int deleted;

        /** Appends that unions were refused. */
        long refused;

        /** Times that more had risen than could wait. */
        long overflows;
    }

    private final Moments moments;
    private final List<UnionJudge> unions;

    /** Whether records are deleted below, by whomever, so that some may never be copied. */
    private final boolean hasDeletions;

    private int addedCount;
    private boolean isServing;

    /**
     * @param listener hears of every step; null where nobody wants to
     */
    UnionSimulation(
            long seed, MappedArena arena, Moments moments, @Nullable Consumer<String> listener) {
        super(seed, arena, moments, MOVING, UnionSimulation::drawSettings, listener);
        this.moments = moments;
        String pattern = any(PATTERNS);
        unions = List.of(union("all", "u.*"), union("some", pattern));
        hasDeletions = random.nextBoolean();
        addBases();
    }

    private static SharedServer.Settings drawSettings(Random random) {
        return new SharedServer.Settings(
                1 + random.nextInt(2),
                BASE_MEMORY_BYTES,
                random.nextInt(4) == 0 ? UnionBounds.STANDARD : drawBounds(random),
                random.nextBoolean());
    }

    /** A record is 11 to 100 bytes, and its copy some 60 more. */
    private static UnionBounds drawBounds(Random random) {
        int readsMax = 1 + random.nextInt(6);
        int waitingMax = 4 + random.nextInt(8);
        return new UnionBounds(
                1 + random.nextInt(600),
                1 + random.nextInt(600),
                1 + random.nextInt(3000),
                1 + random.nextInt(1000),
                200 + random.nextInt(4000),
                1 + random.nextInt(3),
                readsMax,
                waitingMax,
                1 + random.nextInt(4),
                1 + random.nextInt(8),
                1 + random.nextInt(16),
                random.nextInt(4));
    }

    private UnionJudge union(String name, String pattern) {
        int partitions = 1 + random.nextInt(3);
        return new UnionJudge(name, pattern, partitions, server, records, random, trace);
    }

    private void addBases() {
        bases.add(new SharedBase(LASTING, Map.of(), true, false));
        List<SharedBase> others =
                List.of(
                        ofMode("u.hybrid", "hybrid"),
                        ofMode("u.memory", "memory"),
                        new SharedBase("u.unsynced", Map.of("flush.messages", "9"), false, false),
                        new SharedBase(MOVING, Map.of(), false, false));
        List<SharedBase> deleting =
                List.of(
                        new SharedBase("u.brief", Map.of("retention.ms", "3000"), false, false),
                        new SharedBase(
                                "u.keyed",
                                Map.of("cleanup.policy", "compact", "max.compaction.lag.ms", "1"),
                                false,
                                true));
        for (SharedBase other : others) {
            if (random.nextInt(3) == 0) {
                bases.add(other);
            }
        }
        for (SharedBase other : deleting) {
            if (hasDeletions && random.nextInt(2) == 0) {
                bases.add(other);
            }
        }
    }

    private static SharedBase ofMode(String name, String mode) {
        return new SharedBase(name, Map.of(MODE, mode), false, false);
    }

    @Override
    void start(boolean isLast) {
        isServing = false;
        if (!isLast && random.nextInt(4) == 0) {
            machine.failAt(1 + random.nextInt(1500), 1 + random.nextInt(3));
        }
        server.start(List.copyOf(bases), unions.stream().map(UnionJudge::spec).toList());
        bases.forEach(this::know);
        unions.forEach(UnionJudge::onStart);
        isServing = true;
    }

    private void know(SharedBase base) {
        unions.forEach(union -> union.know(server.topic(base.name), base));
    }

    @Override
    void end(boolean isLast) {
        if (isLast || random.nextInt(3) == 0) {
            awaitCopied();
        }
        unions.forEach(UnionJudge::readAll);
        if (isLast) {
            checkEnd();
        }
    }

    @Override
    void stop() {
        isServing = false;
        server.close();
    }

    /** A start or a stop may give up where a call fails, and else where the store's does. */
    @Override
    boolean isExcused() {
        return isServing ? machine.isFaultFatal() : machine.isFaultHit();
    }

    @Override
    void onDied() {
        long skipped = server.metric(SKIPPED);
        // What a topic lost in memory counts as deleted once it is persistent again.
        boolean isDeleted =
                hasDeletions || bases.stream().anyMatch(base -> base.name.equals(MOVING));
        if (skipped > (isDeleted ? server.metric(SKIPPED, "reason=\"deleted\"") : 0)) {
            throw new SimulationFailure("skipped, and nothing was deleted: " + skipped);
        }
        moments.refused += server.metric(REFUSED);
        moments.overflows += server.metric(OVERFLOWS);
    }

    // Steps.

    @Override
    void act() {
        int chance = random.nextInt(1000);
        if (chance < 600) {
            server.step();
        } else if (chance < 860) {
            produce();
        } else if (chance < 890) {
            any(unions).readAny();
        } else if (chance < 900) {
            trace.note("store", "flush");
            server.flushStore();
        } else if (chance < 960) {
            unlessFaulty(() -> unlessRefused(() -> changeTopics(chance)));
        } else {
            machine.pass((long) random.nextInt(400) * 1_000_000);
        }
    }

    private void unlessFaulty(Runnable step) {
        try {
            step.run();
        } catch (EngineException e) {
            if (!machine.isFaultHit()) {
                throw e;
            }
            trace.note("refused", "for a call that failed");
        }
    }

    private void changeTopics(int chance) {
        if (chance < 915) {
            deleteRecords();
        } else if (chance < 922) {
            changeMode();
        } else if (chance < 930) {
            grow(server.topic(any(bases).name), PARTITIONS_MAX);
        } else if (chance < 940) {
            add();
        } else if (chance < 948) {
            delete();
        } else {
            changeSpace();
        }
    }

    @Override
    void actMeanwhile() {
        if (isServing) {
            produce();
        }
    }

    private void produce() {
        if (records.all().size() < RECORDS_MAX) {
            produce(6, 100);
        }
    }

    @Override
    void dieAtWill() {
        if (random.nextInt(12) == 0) {
            any(unions).forEachPartition((log, shownEnd) -> dieIfGiven(log, shownEnd, () -> {}));
        }
    }

    private void deleteRecords() {
        SharedBase base = any(bases);
        if (hasDeletions && !base.name.equals(LASTING)) {
            deleteRecords(base);
        }
    }

    private void add() {
        if (bases.size() >= BASES_MAX) {
            return;
        }
        addedCount++;
        SharedBase base = ofMode("u.added" + addedCount, MODES[random.nextInt(MODES.length)]);
        trace.note("add", base.name);
        if (server.create(base.name, base.configs)) {
            know(base);
            bases.add(base);
        }
    }

    private void delete() {
        SharedBase base = any(bases);
        if (!base.name.startsWith("u.added")) {
            return;
        }
        trace.note("delete", base.name);
        moments.deleted++;
        bases.remove(base);
        server.delete(server.topic(base.name));
    }

    // The end.

    /** All that is below is in the unions, bit by bit, and the rows say so. */
    private void awaitCopied() {
        trace.note("await", "all to be copied");
        server.hasten();
        server.await(this::areSynced, () -> "all synced");
        long[] left = {Long.MAX_VALUE};
        while (left[0] > 0) {
            long before = left[0];
            server.await(
                    () -> {
                        left[0] = unions.stream().mapToLong(UnionJudge::behind).sum();
                        return left[0] < before;
                    },
                    () -> "more is copied: " + unions);
        }
        server.await(this::areSynced, () -> "all copies synced");
    }

    private boolean areSynced() {
        if (!unions.stream().allMatch(UnionJudge::isSynced)) {
            return false;
        }
        for (SharedBase base : bases) {
            Topic topic = server.topic(base.name);
            for (int i = 0; i < topic.partitionCount(); i++) {
                if (!UnionJudge.isSynced(server.log(topic, i))) {
                    return false;
                }
            }
        }
        return true;
    }

    private void checkEnd() {
        unions.forEach(union -> bases.forEach(base -> union.checkAllCopied(base, base.isLasting)));
        server.await(() -> staleRowCount() == 0, () -> "rows of topics that are gone go");
    }

    private int staleRowCount() {
        int count = 0;
        try (MetadataStore.Cursor cursor = server.store().cursor(ROWS)) {
            for (boolean isThere = cursor.seek(ROWS); isThere; isThere = cursor.next()) {
                long topicId = ByteBuffer.wrap(cursor.key()).getLong(1 + Long.BYTES);
                count += server.isThere(topicId) ? 0 : 1;
            }
        }
        return count;
    }
}
