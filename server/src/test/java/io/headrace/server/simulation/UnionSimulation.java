package io.headrace.server.simulation;

import io.headrace.engine.EngineException;
import io.headrace.engine.OutOfSpaceException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import io.headrace.engine.Views.UnionStatus;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.server.simulation.SharedRecords.Sent;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One run of a union: some lives of a {@link SharedServer}, each ended in some way, with producers
 * to topics that come and go below it. A run is a function of its seed.
 */
final class UnionSimulation {
    /** A union may have all records of a run in one batch. */
    static final int CYCLE_FILE_BYTES = 256 << 10;

    /** Half of a cycle file, in copies of the longest. */
    private static final int RECORDS_MAX = 700;

    private static final int LIVES_MAX = 4;
    private static final int STEPS_MAX = 500;
    private static final int SHORT_BYTES = 3 << 19;
    private static final int FULL_BYTES = 100_000;
    private static final int BATCH_RECORDS_MAX = 12;
    private static final int PARTITIONS_MAX = 4;
    private static final int BASES_MAX = 10;
    private static final int KEYS = 4;
    private static final String MODE = "headrace.storage.mode";
    private static final String MOVING = "u.moving";
    private static final String LASTING = "u.lasting";
    private static final String[] MODES = {"persistent", "hybrid", "memory"};
    private static final byte[] ROWS = {'u'};

    /** What runs have met, for those who look whether all is met. */
    static final class Moments {
        /** Deaths with a copy that was not synced. */
        int appended;

        /** Deaths with a synced copy that had no row yet. */
        int synced;

        /** Topics that were deleted. */
        int deleted;
    }

    private final Random random;
    private final Trace trace;
    private final SimulatedMachine machine;
    private final MappedArena arena;
    private final Moments moments;
    private final List<SharedBase> bases = new ArrayList<>();
    private final SharedRecords records = new SharedRecords(place -> false);
    private final SharedServer server;
    private final UnionJudge judge;
    private final int partitions;

    /** Whether records are deleted below, by whomever, so that some may never be copied. */
    private final boolean hasDeletions;

    private final ByteBuffer batchBuffer = ByteBuffer.allocateDirect(8 << 10);
    private int life;
    private int addedCount;
    private boolean isSpaceShort;
    private boolean isInClients;
    private boolean isServing;
    private boolean isQuiet;

    /**
     * @param listener hears of every step; null where nobody wants to
     */
    UnionSimulation(
            long seed, MappedArena arena, Moments moments, @Nullable Consumer<String> listener) {
        this.arena = arena;
        this.moments = moments;
        random = new Random(seed * 0x9E3779B97F4A7C15L);
        trace = new Trace(listener);
        machine = new SimulatedMachine(trace, new Random(random.nextLong()), arena);
        partitions = 1 + random.nextInt(3);
        hasDeletions = random.nextBoolean();
        int journals = 1 + random.nextInt(2);
        server = new SharedServer(machine, random, trace, this::actWhileWaiting, journals);
        judge = new UnionJudge(server, records, random, trace);
        addBases();
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

    /** Runs to the end. Returns the hash of all that happened. */
    long run() {
        try {
            int lives = 1 + random.nextInt(LIVES_MAX);
            for (life = 1; life <= lives; life++) {
                live(false);
            }
            live(true);
            return trace.hash();
        } finally {
            server.release();
            arena.reset();
        }
    }

    private void live(boolean isLast) {
        machine.begin();
        isSpaceShort = false;
        isServing = false;
        boolean endsClean = isLast || random.nextInt(4) == 0;
        if (!endsClean) {
            machine.dieAt(1 + random.nextInt(random.nextInt(3) == 0 ? 150 : 2500));
        }
        if (!isLast && random.nextInt(4) == 0) {
            machine.failAt(1 + random.nextInt(1500), 1 + random.nextInt(3));
        }
        trace.note("life", life);
        try {
            server.start(List.copyOf(bases), partitions, viewConfigs());
            bases.forEach(base -> judge.know(server.topic(base.name), base));
            judge.onStart();
            isServing = true;
            for (int steps = random.nextInt(STEPS_MAX); steps > 0; steps--) {
                act();
                if (!endsClean) {
                    dieCopying();
                }
            }
            end(isLast);
        } catch (SimulatedCrash e) {
            crash();
        } catch (EngineException | UncheckedIOException e) {
            // A start or a stop may give up where a call fails, and else where the store's does.
            boolean isExcused = isServing ? machine.isFaultFatal() : machine.isFaultHit();
            if (!machine.isDead() && !isExcused) {
                throw e;
            }
            crash();
        }
        machine.die();
        machine.pass(random.nextInt(1_000_000_000));
        server.release();
    }

    private void end(boolean isLast) {
        if (isSpaceShort) {
            changeSpace();
        }
        isQuiet = true;
        if (isLast || random.nextInt(3) == 0) {
            awaitCopied();
        }
        for (int i = 0; i < partitions; i++) {
            judge.readUnion(i);
        }
        if (isLast) {
            checkEnd();
        }
        isQuiet = false;
        isServing = false;
        server.close();
        trace.note("closed", life);
    }

    private void crash() {
        isQuiet = false;
        boolean isPowerCut = random.nextBoolean();
        trace.note("crash", isPowerCut ? "power" : "kill");
        if (isPowerCut) {
            machine.cutPower();
        }
    }

    private static Map<String, String> viewConfigs() {
        return Map.of(
                "headrace.view.type", "union",
                "headrace.view.topics", "u.*",
                "retention.ms", "-1");
    }

    // Steps.

    private void act() {
        server.checkAlive();
        int chance = random.nextInt(1000);
        if (chance < 600) {
            server.step();
        } else if (chance < 860) {
            produce();
        } else if (chance < 890) {
            judge.readUnion(random.nextInt(partitions));
        } else if (chance < 900) {
            trace.note("store", "flush");
            server.flushStore();
        } else if (chance < 960) {
            try {
                changeTopics(chance);
            } catch (OutOfSpaceException e) {
                trace.note("refused", "for lack of space");
            } catch (EngineException e) {
                if (!machine.isFaultHit()) {
                    throw e;
                }
                trace.note("refused", "for a call that failed");
            }
        } else {
            machine.pass((long) random.nextInt(400) * 1_000_000);
        }
    }

    private void changeTopics(int chance) {
        if (chance < 915) {
            deleteRecords();
        } else if (chance < 922) {
            changeMode();
        } else if (chance < 930) {
            grow();
        } else if (chance < 940) {
            add();
        } else if (chance < 948) {
            delete();
        } else {
            changeSpace();
        }
    }

    /** What clients do while somebody in the engine waits. */
    private void actWhileWaiting() {
        if (!isInClients && !isQuiet && isServing) {
            isInClients = true;
            try {
                produce();
            } finally {
                isInClients = false;
            }
        }
    }

    /** Dies between a copy and its sync, or between that and its row. */
    private void dieCopying() {
        if (random.nextInt(12) != 0) {
            return;
        }
        for (int i = 0; i < partitions; i++) {
            PartitionLog log = server.lane(i);
            boolean isAppended = log.recordsEndOffset() > log.highWatermark();
            boolean isSynced = !isAppended && log.highWatermark() > judge.shownEnd(i);
            if (isAppended || isSynced && random.nextInt(8) == 0) {
                moments.appended += isAppended ? 1 : 0;
                moments.synced += isAppended ? 0 : 1;
                trace.note("killed with a copy in partition", i);
                machine.die();
                throw new SimulatedCrash("copying");
            }
        }
    }

    private void produce() {
        SharedBase base = any(bases);
        Topic topic = server.topic(base.name);
        int partition = random.nextInt(topic.partitionCount());
        PartitionLog log = server.log(topic, partition);
        if (log == null || records.all().size() >= RECORDS_MAX) {
            return;
        }
        Sent[] sent = new Sent[1 + random.nextInt(random.nextInt(6) == 0 ? BATCH_RECORDS_MAX : 2)];
        int length = random.nextInt(4) == 0 ? 100 : 30;
        for (int i = 0; i < sent.length; i++) {
            sent[i] = records.send(base, partition, 1 + random.nextInt(length));
        }
        long offset = log.append(batch(base, sent), machine.clockMs());
        trace.note("append " + base.name + "-" + partition, offset);
        if (offset >= 0 && !machine.isDead()) {
            int startedIn = life;
            log.onHighWatermark(
                    offset + sent.length, () -> acknowledge(log, offset, sent, startedIn));
        }
    }

    private ByteBuffer batch(SharedBase base, Sent[] sent) {
        ByteBuffer buffer = batchBuffer.clear();
        long nowMs = machine.clockMs();
        RecordBatchWriter writer = new RecordBatchWriter().begin(buffer, nowMs);
        for (Sent record : sent) {
            ByteBuffer key = ByteBuffer.allocate(1).put(0, (byte) (record.id % KEYS));
            writer.append(nowMs, base.isKeyed ? key : null, SharedRecords.value(record));
        }
        writer.end();
        return buffer.flip();
    }

    private void acknowledge(PartitionLog log, long offset, Sent[] sent, int startedIn) {
        boolean isThere = log.highWatermark() >= offset + sent.length;
        if (machine.isDead() || startedIn != life || !isThere) {
            return;
        }
        for (int i = 0; i < sent.length; i++) {
            records.acknowledge(sent[i], offset + i);
        }
    }

    private void deleteRecords() {
        SharedBase base = any(bases);
        Topic topic = server.topic(base.name);
        PartitionLog log = server.log(topic, random.nextInt(topic.partitionCount()));
        boolean isKept = !hasDeletions || base.name.equals(LASTING);
        if (isKept || log == null || log.highWatermark() <= log.logStartOffset()) {
            return;
        }
        long span = log.highWatermark() - log.logStartOffset();
        long target = log.logStartOffset() + 1 + random.nextInt((int) span);
        trace.note("delete records of " + base.name + "-" + log.partition(), target);
        server.await(log.deleteRecords(target));
    }

    private void changeMode() {
        if (bases.stream().noneMatch(base -> base.name.equals(MOVING))) {
            return;
        }
        String mode = MODES[random.nextInt(MODES.length)];
        trace.note("change mode to", mode);
        server.alter(server.topic(MOVING), Map.of(MODE, mode));
    }

    private void grow() {
        Topic topic = server.topic(any(bases).name);
        int count = topic.partitionCount() + 1;
        if (count <= PARTITIONS_MAX) {
            trace.note("grow " + topic.name(), count);
            server.grow(topic, count);
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
            judge.know(server.topic(base.name), base);
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

    private void changeSpace() {
        isSpaceShort = !isSpaceShort;
        machine.usableBytes(
                isSpaceShort ? random.nextBoolean() ? SHORT_BYTES : FULL_BYTES : Long.MAX_VALUE);
        trace.note("space is short", String.valueOf(isSpaceShort));
    }

    // The end.

    /** All that is below is in the union, and the rows say so. */
    private void awaitCopied() {
        trace.note("await", "all to be copied");
        server.await(() -> areSynced() && isCopied(), () -> "all copied: " + server.unionStatus());
    }

    private boolean isCopied() {
        UnionStatus status = server.unionStatus();
        return status != null && status.behind() == 0;
    }

    private boolean areSynced() {
        for (int i = 0; i < partitions; i++) {
            if (!isSynced(server.lane(i))) {
                return false;
            }
        }
        for (SharedBase base : bases) {
            Topic topic = server.topic(base.name);
            for (int i = 0; i < topic.partitionCount(); i++) {
                if (!isSynced(server.log(topic, i))) {
                    return false;
                }
            }
        }
        return true;
    }

    private static boolean isSynced(@Nullable PartitionLog log) {
        return log != null && log.highWatermark() == log.recordsEndOffset();
    }

    private void checkEnd() {
        for (SharedBase base : bases) {
            judge.checkAllCopied(base, base.isLasting);
        }
        UnionStatus status = server.unionStatus();
        if (!hasDeletions && status != null && status.skipped() > 0) {
            throw new SimulationFailure("skipped, and nothing was deleted: " + status);
        }
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

    private <T> T any(List<T> of) {
        return of.get(random.nextInt(of.size()));
    }
}
