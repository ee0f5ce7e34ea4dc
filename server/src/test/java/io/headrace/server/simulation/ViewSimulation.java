package io.headrace.server.simulation;

import io.headrace.engine.EngineException;
import io.headrace.engine.OutOfSpaceException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.server.simulation.SharedRecords.Sent;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One run of views: some lives of a {@link SharedServer}, each ended in some way, with producers to
 * the topics below. A run is a function of its seed.
 */
abstract class ViewSimulation {
    static final String MODE = "headrace.storage.mode";
    static final String[] MODES = {"persistent", "hybrid", "memory"};
    static final int BATCH_RECORDS_MAX = 12;
    static final int PARTITIONS_MAX = 4;

    private static final int LIVES_MAX = 4;
    private static final int STEPS_MAX = 500;
    private static final int SHORT_BYTES = 3 << 19;
    private static final int FULL_BYTES = 100_000;
    private static final int KEYS = 4;

    /** What runs have met, for those who look whether all is met. */
    static class Moments {
        /** Deaths with a record of a view that was not synced. */
        int appended;

        /** Deaths with a synced one that nobody had been shown. */
        int synced;
    }

    final Random random;
    final Trace trace;
    final SimulatedMachine machine;
    final List<SharedBase> bases = new ArrayList<>();
    final SharedRecords records = new SharedRecords();
    final SharedServer server;

    /** What is left is to come to its end: nobody does anything else. */
    boolean isQuiet;

    private final MappedArena arena;
    private final Moments moments;
    private final String moving;
    private final ByteBuffer batchBuffer = ByteBuffer.allocateDirect(8 << 10);
    private int life;
    private boolean isSpaceShort;
    private boolean isInClients;

    /**
     * @param moving name of the topic below that changes its mode
     * @param settings draws those of the server
     * @param listener hears of every step; null where nobody wants to
     */
    ViewSimulation(
            long seed,
            MappedArena arena,
            Moments moments,
            String moving,
            Function<Random, SharedServer.Settings> settings,
            @Nullable Consumer<String> listener) {
        this.arena = arena;
        this.moments = moments;
        this.moving = moving;
        random = new Random(seed * 0x9E3779B97F4A7C15L);
        trace = new Trace(listener);
        machine = new SimulatedMachine(trace, new Random(random.nextLong()), arena);
        server =
                new SharedServer(
                        machine, random, trace, this::actWhileWaiting, settings.apply(random));
    }

    /** Runs to the end. Returns the hash of all that happened. */
    final long run() {
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
        boolean endsClean = isLast || random.nextInt(4) == 0;
        if (!endsClean) {
            machine.dieAt(1 + random.nextInt(random.nextInt(3) == 0 ? 150 : 2500));
        }
        trace.note("life", life);
        try {
            start(isLast);
            for (int steps = random.nextInt(STEPS_MAX); steps > 0; steps--) {
                server.checkAlive();
                act();
                if (!endsClean) {
                    dieAtWill();
                }
            }
            if (isSpaceShort) {
                changeSpace();
            }
            isQuiet = true;
            end(isLast);
            isQuiet = false;
            stop();
            trace.note("closed", life);
        } catch (SimulatedCrash e) {
            crash();
        } catch (EngineException | UncheckedIOException e) {
            if (!machine.isDead() && !isExcused()) {
                throw e;
            }
            crash();
        }
        machine.die();
        machine.pass(random.nextInt(1_000_000_000));
        onDied();
        server.release();
    }

    private void crash() {
        isQuiet = false;
        boolean isPowerCut = random.nextBoolean();
        trace.note("crash", isPowerCut ? "power" : "kill");
        if (isPowerCut) {
            machine.cutPower();
        }
    }

    /** Starts the server, and looks at what is there. */
    abstract void start(boolean isLast);

    /** Takes a step. */
    abstract void act();

    /** Dies at a moment that matters, now and then. */
    abstract void dieAtWill();

    /** Lets things come to an end, and in the last life to all that is to be. */
    abstract void end(boolean isLast);

    /** Stops the server. */
    void stop() {
        server.close();
    }

    /** Whether the engine may give up as it is, on a machine that lives. */
    boolean isExcused() {
        return false;
    }

    /** After the end of a life. */
    abstract void onDied();

    /** What clients do while somebody in the engine waits. */
    abstract void actMeanwhile();

    private void actWhileWaiting() {
        if (!isInClients && !isQuiet) {
            isInClients = true;
            try {
                actMeanwhile();
            } finally {
                isInClients = false;
            }
        }
    }

    /** Goes on where something is refused that may be. */
    final void unlessRefused(Runnable step) {
        try {
            step.run();
        } catch (OutOfSpaceException e) {
            trace.note("refused", "for lack of space");
        }
    }

    /**
     * Dies between what a view was given and its sync, or between that and who reads it.
     *
     * @param shownEnd where what anybody was shown ends
     * @param before what is done before that
     */
    final void dieIfGiven(PartitionLog log, long shownEnd, Runnable before) {
        boolean isAppended = log.recordsEndOffset() > log.highWatermark();
        boolean isSynced = !isAppended && log.highWatermark() > shownEnd;
        if (isAppended || isSynced && random.nextInt(8) == 0) {
            moments.appended += isAppended ? 1 : 0;
            moments.synced += isAppended ? 0 : 1;
            before.run();
            trace.note("killed with a record of " + log.topic().name(), log.partition());
            machine.die();
            throw new SimulatedCrash("with a record of a view");
        }
    }

    // The topics below.

    /** Appends to one of them: some records of so many bytes at most, mostly of less. */
    final void produce(int manyOneIn, int lengthMax) {
        SharedBase base = any(bases);
        Topic topic = server.topic(base.name);
        int partition = random.nextInt(topic.partitionCount());
        PartitionLog log = server.log(topic, partition);
        if (log == null) {
            return;
        }
        int recordsMax = random.nextInt(manyOneIn) == 0 ? BATCH_RECORDS_MAX : 2;
        Sent[] sent = new Sent[1 + random.nextInt(recordsMax)];
        int length = random.nextInt(4) == 0 ? lengthMax : 30;
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

    final void deleteRecords(SharedBase base) {
        Topic topic = server.topic(base.name);
        PartitionLog log = server.log(topic, random.nextInt(topic.partitionCount()));
        if (log == null || log.highWatermark() <= log.logStartOffset()) {
            return;
        }
        long span = log.highWatermark() - log.logStartOffset();
        long target = log.logStartOffset() + 1 + random.nextInt((int) span);
        trace.note("delete records of " + base.name + "-" + log.partition(), target);
        server.await(log.deleteRecords(target));
    }

    final void changeMode() {
        if (bases.stream().noneMatch(base -> base.name.equals(moving))) {
            return;
        }
        String mode = MODES[random.nextInt(MODES.length)];
        trace.note("change mode to", mode);
        server.alter(server.topic(moving), Map.of(MODE, mode));
    }

    /** Adds a partition; false if there are enough, or that is refused. */
    final boolean grow(Topic topic, int countMax) {
        int count = topic.partitionCount() + 1;
        if (count > countMax) {
            return false;
        }
        trace.note("grow " + topic.name(), count);
        return server.grow(topic, count).topic() != null;
    }

    final void changeSpace() {
        isSpaceShort = !isSpaceShort;
        machine.usableBytes(
                isSpaceShort ? random.nextBoolean() ? SHORT_BYTES : FULL_BYTES : Long.MAX_VALUE);
        trace.note("space is short", String.valueOf(isSpaceShort));
    }

    final <T> T any(List<T> of) {
        return of.get(random.nextInt(of.size()));
    }
}
