package io.headrace.server.simulation;

import io.headrace.engine.EngineContext;
import io.headrace.engine.EngineException;
import io.headrace.engine.OutOfSpaceException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.log.StorageEngine;
import io.headrace.engine.segment.SegmentFiles;
import io.headrace.engine.spi.HeapMetadataStore;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.offheap.OffHeapContext;
import io.headrace.offheap.OffHeapMemoryStore;
import io.headrace.testing.history.Assignment;
import io.headrace.testing.history.History;
import io.headrace.testing.history.PartitionHistory;
import io.headrace.testing.history.ProducerHistory;
import io.headrace.testing.history.Promise;
import io.headrace.testing.history.Stop;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One run: some lives of an engine on a {@link SimulatedMachine}, each ended in some way, with
 * clients that note what they ask and are told. A run is a function of its seed.
 */
final class Simulation {
    private static final int LIVES_MAX = 5;
    private static final int STEPS_MAX = 400;
    static final int CYCLE_BYTES = 6 << 10;
    private static final int MEMORY_BYTES = 8 << 20;
    private static final int HISTORY_BYTES = 4 << 20;
    private static final long AWAIT_S = 300;
    private static final int RETENTION_MS = 3000;

    /**
     * Entries say when they were appended in whole seconds, and the retention clock takes at once
     * what it has to catch up since it was asked last: so much may be gone early.
     */
    private static final int EARLY_MS = 1400;

    private static final int DISK_RESERVE_BYTES = 1 << 20;
    private static final int SHORT_BYTES = 3 << 19;
    private static final int FULL_BYTES = 100_000;
    private static final String[] MODES = {"persistent", "hybrid", "memory"};
    private static final int RETENTION_CHECK_MS = 50;
    private static final int TRIES_MAX = 20_000;
    private static final int AGE_MS_MAX = 5000;

    /** In place of an offset to go on at: where the reader stands is gone, it begins anew. */
    private static final int ANEW = -1;

    /** There is nobody to read from any more. */
    private static final int GIVEN_UP = -2;

    private static final String[] NAMES = {
        "persistent", "unsynced", "hybrid", "memory", "brief", "moving"
    };

    /** So many of these, from the first on, lose nothing while the server runs. */
    private static final int LASTING = 3;

    /** Of a topic in memory: a stop takes everything. */
    private static final Promise LOST_ANY_TIME =
            new Promise(Set.of(Stop.values()), Long.MAX_VALUE, true, false, true);

    private final long seed;
    private final Random random;
    private final Trace trace;
    private final SimulatedMachine machine;
    private final MappedArena arena;
    private final History history;
    private final List<SimulatedTopic> topics = new ArrayList<>();
    private final List<Producer> producers = new ArrayList<>();
    private final KeyedTopic keyed;

    /** The topic whose mode changes, and what of it no crash may take. */
    private final SimulatedTopic moving;

    private final TreeMap<Long, Integer> durable = new TreeMap<>();
    private boolean isMoving;

    /** Topics that come and go; whether each is there. */
    private final Map<String, Boolean> passing = new TreeMap<>();

    private final List<String> gone = new ArrayList<>();
    private int passingCount;
    private boolean isSpaceShort;

    /** What the metadata store had in its file some time ago. */
    private byte @Nullable [] olderStore;

    private final ByteBuffer batchBuffer = ByteBuffer.allocateDirect(8 << 10);

    // Of one life.
    private @Nullable OffHeapMemoryStore memory;
    private @Nullable StorageEngine engine;
    private @Nullable MetadataStore store;
    private @Nullable SteppedBackground background;
    private @Nullable Throwable stopped;

    /** Neither starting nor stopping. */
    private boolean isServing;

    private boolean isInClients;

    /** Clients only read any more. */
    private boolean isQuiet;

    private int life;

    /** Is told of each record that was read. */
    private interface Found {
        void onRecord(long offset, byte[] value);
    }

    /**
     * A client that sends to one partition, a batch at a time, until it is told what became of it.
     */
    private final class Producer {
        final SimulatedTopic topic;
        final int partition;
        final boolean isIdempotent;
        final String name;
        ProducerHistory known;
        long id = RecordBatch.NO_PRODUCER_ID;
        int sequence;

        /** What is under way: its records, and whether an earlier try may have appended it. */
        long @Nullable [] pending;

        int pendingLength;
        long pendingSinceNs;
        boolean mayBeAppended;
        boolean isWaiting;
        boolean isActing;

        /** Whether it has begun to send its last batch. */
        boolean isLastSent;

        Producer(SimulatedTopic topic, int partition, boolean isIdempotent, String name) {
            this.topic = topic;
            this.partition = partition;
            this.isIdempotent = isIdempotent;
            this.name = name;
            this.known = begin();
        }

        private ProducerHistory begin() {
            return isIdempotent ? history.producer(name) : history.producerThatRepeats(name);
        }

        PartitionHistory partition() {
            return topic.partitions.get(partition);
        }

        void onCrash() {
            isWaiting = false;
            if (!isIdempotent) {
                pending = null;
            } else if (pending != null) {
                mayBeAppended = true;
            }
        }

        /** Sends what it has no answer for, then once more; true when there is nothing left. */
        boolean isDone() {
            if (!isWaiting && (pending != null || !isLastSent)) {
                isLastSent |= pending == null;
                act();
            }
            return isLastSent && pending == null;
        }

        void act() {
            if (!isWaiting && !isActing) {
                isActing = true;
                try {
                    sendNext();
                } finally {
                    isActing = false;
                }
            }
        }

        private void sendNext() {
            PartitionLog log = log(topic, partition);
            if (log == null) {
                return;
            }
            if (isIdempotent && id < 0) {
                id = takeProducerId();
                if (id < 0) {
                    return;
                }
            }
            if (pending == null) {
                prepare();
            }
            send(log);
        }

        private void prepare() {
            long[] records = new long[1 + random.nextInt(3)];
            for (int i = 0; i < records.length; i++) {
                records[i] = partition().send(known);
            }
            pending = records;
            pendingSinceNs = machine.nanoTime();
            pendingLength = 16 + random.nextInt(random.nextInt(8) == 0 ? 1500 : 200);
            mayBeAppended = false;
        }

        private void send(PartitionLog log) {
            long[] records = pending;
            ByteBuffer batch = batch(records);
            long offset = log.append(batch, machine.clockMs());
            trace.note("append " + name, offset);
            if (machine.isDead()) {
                return;
            }
            if (offset < 0) {
                onRefused(offset, records);
                return;
            }
            isWaiting = true;
            mayBeAppended = true;
            int startedIn = life;
            log.onHighWatermark(
                    offset + records.length, () -> onWatermark(log, offset, records, startedIn));
        }

        private void onRefused(long status, long[] records) {
            if (status == PartitionLog.CORRUPT_BATCH
                    || status == PartitionLog.BATCH_TOO_LARGE
                    || status == PartitionLog.INVALID_PRODUCER_EPOCH
                    || status == PartitionLog.OUT_OF_ORDER_SEQUENCE && topic.isSynced()) {
                throw new SimulationFailure(
                        "a sound batch was refused: producer=" + name + " status=" + status);
            }
            if (status == PartitionLog.OUT_OF_ORDER_SEQUENCE) {
                id = RecordBatch.NO_PRODUCER_ID;
                sequence = 0;
                known = begin();
                pending = null;
            } else if (!mayBeAppended) {
                for (long record : records) {
                    partition().failed(record);
                }
                pending = null;
            }
        }

        private void onWatermark(PartitionLog log, long offset, long[] records, int startedIn) {
            if (machine.isDead() || startedIn != life || stopped != null) {
                return;
            }
            isWaiting = false;
            if (log.highWatermark() < offset + records.length) {
                return; // The log was closed: it may be there or not.
            }
            trace.note("acknowledged " + name, offset);
            for (int i = 0; i < records.length; i++) {
                partition().acknowledged(records[i], offset + i);
                if (topic.keptNs > 0) {
                    topic.born.put(
                            offset + i, new SimulatedTopic.Born(machine.boot(), pendingSinceNs));
                }
                topic.acknowledged
                        .get(partition)
                        .put(offset + i, new SimulatedTopic.Acknowledged(life, machine.nanoTime()));
            }
            sequence += records.length;
            pending = null;
        }

        /** Timestamps go up and down, but where they decide how long a record stays. */
        private int age() {
            return topic.keptNs > 0 ? 0 : random.nextInt(AGE_MS_MAX);
        }

        private ByteBuffer batch(long[] records) {
            ByteBuffer buffer = batchBuffer.clear();
            long datedMs = machine.clockMs() - age();
            RecordBatchWriter writer = new RecordBatchWriter().begin(buffer, datedMs);
            for (long record : records) {
                byte[] value = partition().value(record, pendingLength);
                writer.append(datedMs, null, ByteBuffer.wrap(value));
            }
            writer.end();
            buffer.flip();
            if (isIdempotent) {
                buffer.putLong(43, id).putShort(51, (short) 0).putInt(53, sequence);
                buffer.putInt(17, RecordBatch.computeCrc(buffer, 0));
            }
            return buffer;
        }
    }

    /**
     * @param listener hears of every step; null where nobody wants to
     */
    Simulation(long seed, MappedArena arena, @Nullable Consumer<String> listener) {
        this.seed = seed;
        this.arena = arena;
        random = new Random(seed * 0x9E3779B97F4A7C15L);
        trace = new Trace(listener);
        machine = new SimulatedMachine(trace, new Random(random.nextLong()), arena);
        history = new History(seed, machine::nanoTime, HISTORY_BYTES);
        keyed = new KeyedTopic(random, trace);
        moving = addTopics();
    }

    private SimulatedTopic addTopics() {
        add(NAMES[0], Map.of(), Promise.persistent(), 2);
        add(
                NAMES[1],
                Map.of("flush.messages", random.nextBoolean() ? "3" : "9223372036854775807"),
                Promise.unsynced(),
                1);
        // How much a crash takes is checked by the acknowledgements' times: a spiller that gets no
        // turn for a while loses no more for it, but older ones.
        add(
                                NAMES[2],
                                Map.of(
                                        "headrace.storage.mode",
                                        "hybrid",
                                        "headrace.spill.ms",
                                        "10"),
                                Promise.hybrid(Duration.ofDays(1)),
                                2)
                        .windowNs =
                TimeUnit.MILLISECONDS.toNanos(10);
        add(NAMES[3], Map.of("headrace.storage.mode", "memory"), LOST_ANY_TIME, 1);
        add(
                                NAMES[4],
                                Map.of("retention.ms", String.valueOf(RETENTION_MS)),
                                new Promise(Set.of(), 0, true, false, true),
                                1)
                        .keptNs =
                TimeUnit.MILLISECONDS.toNanos(RETENTION_MS * 20 / 21 - EARLY_MS);
        return add(NAMES[5], Map.of(), LOST_ANY_TIME.withReturningStart(), 1);
    }

    private SimulatedTopic add(
            String name, Map<String, String> configs, Promise promise, int partitions) {
        SimulatedTopic topic = new SimulatedTopic(name, configs, promise);
        for (int i = 0; i < partitions; i++) {
            topic.partitions.add(history.partition(name + "-" + i, promise));
            topic.acknowledged.add(new TreeMap<>());
            for (int j = 0; j < 2; j++) {
                producers.add(new Producer(topic, i, j == 0, name + "-" + i + "-" + j));
            }
        }
        topics.add(topic);
        return topic;
    }

    /** Runs to the end. Returns the hash of all that happened. */
    long run() {
        try {
            int lives = 1 + random.nextInt(LIVES_MAX);
            for (life = 1; life <= lives; life++) {
                live(false);
            }
            isQuiet = true;
            live(true);
            return trace.hash();
        } finally {
            history.close();
            release();
            arena.reset();
        }
    }

    long steps() {
        return trace.count();
    }

    private void live(boolean isLast) {
        machine.begin();
        isSpaceShort = false;
        stopped = null;
        isServing = false;
        loseStore();
        boolean endsClean = isLast || random.nextInt(4) == 0;
        if (!endsClean) {
            machine.dieAt(1 + random.nextInt(random.nextInt(3) == 0 ? 120 : 1500));
        }
        boolean isFaulty = !isLast && random.nextInt(4) == 0;
        if (isFaulty) {
            machine.failAt(1 + random.nextInt(800), random.nextBoolean() ? 1 : 20);
        }
        long wholeNs = machine.nanoTime();
        trace.note("life", life);
        try {
            launch();
            isServing = true;
            checkAll();
            int steps = isQuiet ? 0 : random.nextInt(STEPS_MAX);
            for (int i = 0; i < steps; i++) {
                wholeNs = history.now();
                act();
            }
            if (random.nextInt(8) == 0 && !endsClean) {
                trace.note("killed between steps", life);
                machine.die();
                throw new SimulatedCrash("between steps");
            }
            if (isLast) {
                finish();
            }
            if (isSpaceShort && random.nextBoolean()) {
                changeSpace();
            }
            if (random.nextInt(4) == 0) {
                checkAll();
            }
            wholeNs = history.now();
            isServing = false;
            require(engine).close();
            if (machine.isDead() || stopped != null) {
                throw new SimulatedCrash("while closing");
            }
            trace.note("closed", life);
            // Without space for what a stop has to note, it is none; nor with files refused to it.
            boolean isClean = !isSpaceShort && !machine.isFaultSpoilingStop();
            ended(isClean ? Stop.CLEAN : Stop.KILL, wholeNs);
        } catch (SimulatedCrash e) {
            crashed(wholeNs);
        } catch (EngineException | UncheckedIOException e) {
            // A start or a stop may give up where a call fails, nothing between them.
            if (!machine.isDead() && (isServing || !machine.isFaultHit())) {
                throw e;
            }
            trace.note("gave up", e.getMessage() == null ? "" : e.getMessage());
            machine.die();
            crashed(wholeNs);
        }
        release();
        if (random.nextInt(3) == 0) {
            history.verify().orThrow();
        }
    }

    /**
     * Nothing is in the way any more: what was begun is finished, everything can be found, what is
     * dead goes, and when all has been deleted, nothing of it is left.
     */
    private void finish() {
        QuietEnd end = new QuietEnd(machine, random, require(background)::step, this::await);
        if (appendKeyed() < 0) {
            throw new SimulationFailure("a sound batch was refused: " + KeyedTopic.NAME);
        }
        end.await(this::areProducersDone, () -> "answers: " + waitingProducers());
        logs().forEach(end::awaitEnd);
        checkAll();
        history.verifyAtEnd().orThrow();
        end.await(
                () -> keyed.isCompacted(leases -> readKeyed(keyedLog(), leases)),
                () -> "compacted: " + KeyedTopic.NAME);
        logs().forEach(end::checkLookups);
        deleteAndAwaitDisk(end, topics.get(random.nextInt(LASTING)));
    }

    /** First what lies around the records of one topic, then these. */
    private void deleteAndAwaitDisk(QuietEnd end, SimulatedTopic kept) {
        trace.note("delete everything but", kept.name);
        durable.clear();
        topics.stream().filter(topic -> topic != kept).forEach(this::deleteRecordsOfAll);
        for (String name : List.copyOf(passing.keySet())) {
            if (require(engine).catalog().find(name) != null) {
                deletePassing(name);
            }
        }
        Path folder = machine.path("/data/headrace");
        long liveBytes = end.readableBytes(this::keyedLog);
        for (Supplier<PartitionLog> log : logs(kept)) {
            liveBytes += end.readableBytes(log);
        }
        end.awaitDisk(folder, liveBytes);
        trace.note("delete", kept.name);
        deleteRecordsOfAll(kept);
        keyed.onDeletion();
        await(keyedLog().deleteRecords(keyedLog().highWatermark()));
        end.awaitEmptyDisk(folder);
    }

    private void deleteRecordsOfAll(SimulatedTopic topic) {
        topic.born.clear(); // what is gone now did not go by itself
        for (PartitionHistory known : topic.partitions) {
            PartitionLog log = require(log(topic, topic.partitions.indexOf(known)));
            deleteRecords(log, known, log.highWatermark());
        }
    }

    private boolean areProducersDone() {
        boolean areDone = true;
        for (Producer producer : producers) {
            areDone &= producer.isDone();
        }
        return areDone;
    }

    private List<String> waitingProducers() {
        return producers.stream()
                .filter(producer -> !producer.isDone())
                .map(producer -> producer.name)
                .toList();
    }

    private PartitionLog keyedLog() {
        return require(log(KeyedTopic.NAME, 0));
    }

    /** Of each partition; asked for anew each time, as those are let go that nobody uses. */
    private List<Supplier<PartitionLog>> logs() {
        List<Supplier<PartitionLog>> logs = new ArrayList<>();
        logs.add(this::keyedLog);
        topics.forEach(topic -> logs.addAll(logs(topic)));
        for (String name : passing.keySet()) {
            if (require(engine).catalog().find(name) != null) {
                logs.add(() -> require(log(name, 0)));
            }
        }
        return logs;
    }

    private List<Supplier<PartitionLog>> logs(SimulatedTopic topic) {
        List<Supplier<PartitionLog>> logs = new ArrayList<>();
        for (int i = 0; i < topic.partitions.size(); i++) {
            int partition = i;
            logs.add(() -> require(log(topic, partition)));
        }
        return logs;
    }

    /** Sometimes the metadata store is gone before a start, or one of an earlier time is there. */
    private void loseStore() {
        Path folder = machine.path("/data/headrace/rocksdb");
        Path file = folder.resolve("entries");
        int chance = random.nextInt(24);
        if (chance == 0) {
            trace.note("lost", folder);
            machine.lose(folder);
        } else if (chance == 1 && olderStore != null && machine.replaceContent(file, olderStore)) {
            trace.note("older", folder);
        }
        if (random.nextInt(3) == 0) {
            olderStore = machine.content(file);
        }
    }

    private void crashed(long wholeNs) {
        boolean isPowerCut = random.nextBoolean();
        trace.note("crash", isPowerCut ? "power" : "kill");
        if (isPowerCut) {
            machine.cutPower();
        }
        ended(isPowerCut ? Stop.POWER_CUT : Stop.KILL, wholeNs);
    }

    private void ended(Stop how, long wholeNs) {
        machine.die();
        machine.pass(random.nextInt(1_000_000_000));
        history.stopped(how, wholeNs);
        machine.pass(1); // what the next life does comes behind its end
        producers.forEach(Producer::onCrash);
    }

    private void release() {
        engine = null;
        store = null;
        if (memory != null) {
            try {
                memory.close();
            } catch (IllegalStateException e) {
                // What a crash left leased.
            }
            memory = null;
        }
    }

    private void launch() {
        background = new SteppedBackground(machine, random, trace, this::actWhileWaiting);
        memory =
                new OffHeapMemoryStore(
                        new OffHeapContext().budgetBytes(MEMORY_BYTES).chunkBytes(1 << 20));
        EngineContext context =
                new EngineContext()
                        .directory(machine.path("/data/headrace"))
                        .memoryStore(memory)
                        .metadataStoreFactory(this::openStore)
                        .journalCount(1)
                        .journalCycleBytes(1 << 20)
                        .diskReserveBytes(DISK_RESERVE_BYTES)
                        .cacheDiskBytes(0)
                        .sealingBytesPerSecond(Long.MAX_VALUE / 2)
                        .retentionCheckIntervalMs(RETENTION_CHECK_MS)
                        .partitionIdleMs(200)
                        .memoryTopicBudgetBytes(64 << 10)
                        .recordFilter(new PlainRecordFilter())
                        .compactionMemoryBytes(1024)
                        .compactionPassBytes(1 + random.nextInt(4 << 10))
                        .disk(machine)
                        .bootId(machine.bootId())
                        .clockMs(machine::clockMs)
                        .uptimeMs(machine::uptimeMs)
                        .failureHandler(this::stop);
        engine =
                StorageEngine.launch(
                        context,
                        SegmentFiles.of(machine),
                        background,
                        SimulatedDocuments.on(machine, CYCLE_BYTES));
        for (SimulatedTopic topic : topics) {
            create(new TopicSpec(topic.name, topic.partitions.size(), topic.configs));
        }
        create(new TopicSpec(KeyedTopic.NAME, 1, KeyedTopic.CONFIGS));
    }

    private MetadataStore openStore(Path folder) {
        store = HeapMetadataStore.open(folder, machine);
        return store;
    }

    /** The engine can no longer keep its promises: the process ends. */
    private void stop(Throwable failure) {
        if (!machine.isDead() && !machine.isFaultFatal()) {
            throw new SimulationFailure(
                    "the engine gives up without a fault that it may give up at: faults="
                            + machine.faults(),
                    failure);
        }
        if (!machine.isDead()) {
            trace.note("stops", failure.getClass().getSimpleName());
        }
        stopped = failure;
        machine.die();
        throw new SimulatedCrash("stopped");
    }

    private void create(TopicSpec spec) {
        if (require(engine).catalog().find(spec.name()) != null) {
            return;
        }
        try {
            CatalogResult result =
                    await(require(engine).catalog().create(List.of(spec), false)).get(0);
            if (result.topic() == null) {
                throw new SimulationFailure("topic not created: " + result);
            }
        } catch (OutOfSpaceException e) {
            trace.note("not created", spec.name());
        }
    }

    private <T extends @Nullable Object> T await(CompletableFuture<T> future) {
        try {
            require(background).await(future, AWAIT_S);
            return future.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof EngineException failure) {
                throw failure;
            }
            if (e.getCause() instanceof Error failure) {
                throw failure;
            }
            throw new SimulationFailure("failed", e.getCause());
        } catch (TimeoutException e) {
            throw new SimulationFailure("no answer", e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private void act() {
        if (machine.isDead()) {
            throw new SimulatedCrash("seen by the clients");
        }
        if (stopped != null) {
            throw new SimulatedCrash("stopped");
        }
        int chance = random.nextInt(1000);
        if (chance < 620) {
            require(background).step();
        } else if (chance < 890) {
            any(producers).act();
        } else if (chance < 930) {
            appendKeyed();
        } else if (chance < 960) {
            read(any(topics));
        } else if (chance < 975) {
            deleteRecords(topics.get(random.nextInt(4)));
        } else if (chance < 980) {
            flushStore();
        } else if (chance < 983) {
            changeMode();
        } else if (chance < 985) {
            changeSpace();
        } else if (chance < 990) {
            createOrDelete();
        } else if (chance < 991) {
            machine.setClockForward(3_600_000);
        } else {
            machine.pass((long) random.nextInt(1000) * 1_000_000);
        }
    }

    private long appendKeyed() {
        PartitionLog log = log(KeyedTopic.NAME, 0);
        if (log == null) {
            return PartitionLog.CLOSED;
        }
        int startedIn = life;
        return keyed.append(
                log,
                machine.clockMs(),
                () -> !machine.isDead() && startedIn == life && stopped == null);
    }

    private void checkKeyed() {
        PartitionLog log = log(KeyedTopic.NAME, 0);
        if (log != null) {
            keyed.check(leases -> readKeyed(log, leases), require(background)::step);
        }
    }

    /** False if it cannot be read to its end. */
    private boolean readKeyed(PartitionLog log, KeyedTopic.Leases leases) {
        long offset = log.logStartOffset();
        trace.note("read " + KeyedTopic.NAME, offset);
        for (int tries = 0; offset < log.highWatermark(); tries++) {
            if (tries > TRIES_MAX) {
                throw new SimulationFailure("cannot be read: offset=" + offset);
            }
            try (ReadResult found = readSome(log, offset)) {
                if (found instanceof RecordsLease lease) {
                    leases.onLease(lease, offset);
                    offset = lease.nextOffset();
                } else if (found == Unavailable.CAUGHT_UP) {
                    require(background).step();
                } else if (found == Unavailable.CLOSED || machine.isDead()) {
                    return false;
                } else {
                    throw new SimulationFailure("cannot be read: " + offset + " found=" + found);
                }
            }
        }
        return true;
    }

    private ReadResult readSome(PartitionLog log, long offset) {
        ReadResult result = log.read(offset, 1 << random.nextInt(14));
        if (result != Unavailable.COLD) {
            return result;
        }
        CompletableFuture<ReadResult> loaded = new CompletableFuture<>();
        log.readCold(offset, 1 << random.nextInt(14), loaded::complete);
        return await(loaded);
    }

    /** What clients do while somebody in the engine waits. */
    private void actWhileWaiting() {
        if (!isInClients && !isQuiet) {
            isInClients = true;
            try {
                any(producers).act();
            } finally {
                isInClients = false;
            }
        }
    }

    /** The metadata store may write its files at any time. */
    private void flushStore() {
        trace.note("store", "flush");
        try {
            require(store).flush();
        } catch (UncheckedIOException e) {
            stop(e);
        }
    }

    private void deleteRecords(SimulatedTopic topic) {
        int partition = random.nextInt(topic.partitions.size());
        PartitionLog log = log(topic, partition);
        if (log == null || log.highWatermark() <= log.logStartOffset()) {
            return;
        }
        PartitionHistory known = topic.partitions.get(partition);
        long span = log.highWatermark() - log.logStartOffset();
        long target = log.logStartOffset() + 1 + random.nextInt((int) Math.min(span, 1 << 20));
        try {
            deleteRecords(log, known, target);
        } catch (OutOfSpaceException e) {
            trace.note("not deleted", target);
        }
    }

    /** Refused for lack of space, nothing of it is done: what was to go has to stay. */
    private void deleteRecords(PartitionLog log, PartitionHistory known, long target) {
        known.askDeletion(target);
        trace.note("delete records of " + known.name(), target);
        long begin = Math.max(log.logStartOffset(), target);
        try {
            long start = await(log.deleteRecords(target));
            if (!machine.isDead()) {
                checkDeleted(known, begin, start);
                known.deleted(start);
            }
        } catch (OutOfSpaceException e) {
            known.deletionRefused(target);
            throw e;
        }
    }

    /** Only what moves by itself may begin further on than was asked for. */
    private static void checkDeleted(PartitionHistory known, long begin, long start) {
        if (start < begin || start > begin && !known.promise().isStartFree()) {
            throw new SimulationFailure(
                    "deleted other than asked for: partition="
                            + known.name()
                            + " expected="
                            + begin
                            + " start="
                            + start);
        }
    }

    private void changeSpace() {
        isSpaceShort = !isSpaceShort;
        machine.usableBytes(
                isSpaceShort ? random.nextBoolean() ? SHORT_BYTES : FULL_BYTES : Long.MAX_VALUE);
        trace.note("space is short", isSpaceShort);
    }

    private void createOrDelete() {
        List<String> there =
                passing.entrySet().stream()
                        .filter(Map.Entry::getValue)
                        .map(Map.Entry::getKey)
                        .toList();
        try {
            if (there.size() < 2) {
                createPassing("passing-" + ++passingCount);
            } else {
                deletePassing(any(there));
            }
        } catch (OutOfSpaceException e) {
            trace.note("refused", "for lack of space");
        }
    }

    private void createPassing(String name) {
        trace.note("create", name);
        passing.put(name, false);
        await(require(engine).catalog().create(List.of(new TopicSpec(name, 1, Map.of())), false));
        if (machine.isDead()) {
            return;
        }
        passing.put(name, true);
        Topic topic = require(engine).catalog().find(name);
        PartitionLog log = topic == null ? null : require(engine).partitionLog(topic, 0);
        for (int i = random.nextInt(20); i > 0 && log != null; i--) {
            log.append(noise(), machine.clockMs());
        }
    }

    /** A batch that nobody asks for again. */
    private ByteBuffer noise() {
        ByteBuffer buffer = batchBuffer.clear();
        long nowMs = machine.clockMs();
        RecordBatchWriter writer = new RecordBatchWriter().begin(buffer, nowMs);
        writer.append(nowMs, null, ByteBuffer.wrap(new byte[300]));
        writer.end();
        return buffer.flip();
    }

    private void deletePassing(String name) {
        Topic topic = require(engine).catalog().find(name);
        if (topic == null) {
            throw new SimulationFailure("topic is gone: name=" + name);
        }
        trace.note("delete", name);
        passing.put(name, false);
        await(require(engine).catalog().delete(List.of(topic.id())));
        if (!machine.isDead()) {
            passing.remove(name);
            gone.add(name);
        }
    }

    private void checkPassing() {
        passing.forEach(
                (name, isThere) -> {
                    if (isThere && require(engine).catalog().find(name) == null) {
                        throw new SimulationFailure("topic is gone: name=" + name);
                    }
                });
        for (String name : gone) {
            if (require(engine).catalog().find(name) != null) {
                throw new SimulationFailure("deleted topic is back: name=" + name);
            }
        }
        // Of those whose change was under way when it crashed, both are right, from now on one is.
        passing.replaceAll((name, isThere) -> require(engine).catalog().find(name) != null);
    }

    /** Changes the mode of the topic that moves; nothing that can be read before is lost by it. */
    private void changeMode() {
        Topic topic = require(engine).catalog().find(moving.name);
        String mode = MODES[random.nextInt(MODES.length)];
        if (topic == null || isMoving || modeOf(topic).equals(mode)) {
            return;
        }
        TreeMap<Long, Integer> before = recordsOfMoving();
        trace.note("change mode to", mode);
        isMoving = true;
        CatalogResult result;
        try {
            result =
                    await(
                            require(engine)
                                    .catalog()
                                    .alterConfigs(
                                            topic.id(),
                                            Map.of("headrace.storage.mode", mode),
                                            false));
        } catch (OutOfSpaceException e) {
            trace.note("mode not changed", mode);
            return;
        } finally {
            isMoving = false;
            durable.clear();
        }
        if (result.topic() == null || machine.isDead()) {
            trace.note("mode not changed", mode);
            return;
        }
        TreeMap<Long, Integer> after = recordsOfMoving();
        if (!after.entrySet().containsAll(before.entrySet())) {
            throw new SimulationFailure(
                    "lost by a change of mode: to="
                            + mode
                            + " before="
                            + before
                            + " after="
                            + after);
        }
        if (!mode.equals("memory")) {
            durable.putAll(before);
        }
    }

    private static String modeOf(Topic topic) {
        return topic.configs().getOrDefault("headrace.storage.mode", MODES[0]);
    }

    /** By offset, what stands for their bytes. */
    private TreeMap<Long, Integer> recordsOfMoving() {
        TreeMap<Long, Integer> records = new TreeMap<>();
        if (log(moving, 0) != null) {
            read(moving, 0, true, (offset, value) -> records.put(offset, Arrays.hashCode(value)));
        }
        return records;
    }

    private void checkMoving() {
        Topic topic = require(engine).catalog().find(moving.name);
        TreeMap<Long, Integer> found = recordsOfMoving();
        if (topic != null
                && !modeOf(topic).equals("memory")
                && !machine.isDead()
                && !found.entrySet().containsAll(durable.entrySet())) {
            throw new SimulationFailure(
                    "lost after a change of mode: mode="
                            + modeOf(topic)
                            + " durable="
                            + durable
                            + " found="
                            + found);
        }
    }

    private void checkAll() {
        checkPassing();
        checkMoving();
        checkKeyed();
        for (SimulatedTopic topic : topics) {
            for (int i = 0; i < topic.partitions.size(); i++) {
                read(topic, i, true, (offset, value) -> {});
            }
        }
    }

    private void read(SimulatedTopic topic) {
        read(
                topic,
                random.nextInt(topic.partitions.size()),
                random.nextBoolean(),
                (offset, value) -> {});
    }

    /**
     * Reads a partition to its end, from its start or from anywhere. Where the log's start
     * overtakes the reader, it begins anew there, or nobody would have read what is left.
     */
    private void read(SimulatedTopic topic, int partition, boolean isFromStart, Found found) {
        PartitionLog log = log(topic, partition);
        boolean isDone = log == null || readToEnd(topic, log, isFromStart, found);
        for (int tries = 0; !isDone; tries++) {
            if (tries > TRIES_MAX) {
                throw new SimulationFailure("the start overtakes each reader: " + topic.name);
            }
            trace.note("read anew", topic.name);
            isDone = readToEnd(topic, require(log), true, found);
        }
    }

    /** False if the reader has to begin anew. */
    private boolean readToEnd(
            SimulatedTopic topic, PartitionLog log, boolean isFromStart, Found found) {
        int partition = log.partition();
        Assignment reader = topic.partitions.get(partition).assign("reader");
        long start = log.logStartOffset();
        long end = log.highWatermark();
        long offset = start;
        if (topic.keptNs > 0) {
            topic.checkRetention(start, machine.boot(), machine.nanoTime());
        }
        if (isFromStart) {
            reader.fromStart(start);
        } else {
            offset += end > start ? random.nextInt((int) Math.min(end - start, 1 << 20)) : 0;
            reader.from(offset);
        }
        trace.note("read " + topic.name + "-" + partition, offset);
        Set<Long> there = new HashSet<>();
        Found noting =
                (at, value) -> {
                    there.add(at);
                    found.onRecord(at, value);
                };
        for (int tries = 0; offset < end; tries++) {
            if (tries > TRIES_MAX) {
                throw new SimulationFailure("cannot be read: offset=" + offset + " end=" + end);
            }
            long next = readOnce(log, offset, reader, noting);
            if (next < 0) {
                return next == GIVEN_UP;
            }
            offset = next;
        }
        trace.note("read to", offset);
        reader.reachedEnd(Math.max(end, offset));
        if (isFromStart) {
            topic.checkWindow(partition, start, there, life);
        }
        return true;
    }

    /** Returns where to go on, or ANEW, or GIVEN_UP. */
    private long readOnce(PartitionLog log, long offset, Assignment reader, Found records) {
        try (ReadResult found = readSome(log, offset)) {
            if (found instanceof RecordsLease lease) {
                Records.forEach(
                        lease,
                        offset,
                        (at, value, epoch) -> {
                            reader.read(at, value, epoch);
                            records.onRecord(at, value);
                        });
                return lease.nextOffset();
            }
            trace.note("unavailable", found);
            if (found == Unavailable.CAUGHT_UP && offset < log.highWatermark()) {
                // Not in the index yet, and not mapped any more: a client asks again.
                require(background).step();
                return offset;
            }
            if (found == Unavailable.OFFSET_OUT_OF_RANGE && offset < log.logStartOffset()) {
                return ANEW;
            }
            if (found == Unavailable.CLOSED || machine.isDead()) {
                return GIVEN_UP;
            }
            throw new SimulationFailure(
                    "cannot be read: topic="
                            + log.topic().name()
                            + " partition="
                            + log.partition()
                            + " offset="
                            + offset
                            + " found="
                            + found);
        }
    }

    private @Nullable PartitionLog log(SimulatedTopic topic, int partition) {
        return log(topic.name, partition);
    }

    private @Nullable PartitionLog log(String topic, int partition) {
        Topic found = require(engine).catalog().find(topic);
        return found == null ? null : require(engine).partitionLog(found, partition);
    }

    private long takeProducerId() {
        if (isInClients) {
            return -1; // The catalog may be what is waiting.
        }
        try {
            return await(require(engine).catalog().allocateProducerIds(1));
        } catch (OutOfSpaceException e) {
            return -1;
        }
    }

    private <T> T any(List<T> of) {
        return of.get(random.nextInt(of.size()));
    }

    private static <T> T require(@Nullable T part) {
        if (part == null) {
            throw new IllegalStateException("no engine");
        }
        return part;
    }
}
