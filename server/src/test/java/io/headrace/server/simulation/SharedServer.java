package io.headrace.server.simulation;

import io.headrace.engine.EngineContext;
import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Unavailable;
import io.headrace.engine.Views.Backlog;
import io.headrace.engine.Views.Share;
import io.headrace.engine.Views.UnionStatus;
import io.headrace.engine.log.StorageEngine;
import io.headrace.engine.log.UnionBounds;
import io.headrace.engine.segment.SegmentFiles;
import io.headrace.engine.spi.HeapMetadataStore;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.offheap.OffHeapContext;
import io.headrace.offheap.OffHeapMemoryStore;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A server with views, on a simulated machine: started, asked, and left to die. */
final class SharedServer {
    private static final String UNIONS = "headrace-unions";
    private static final int MEMORY_BYTES = 8 << 20;
    private static final int DISK_RESERVE_BYTES = 1 << 20;
    private static final int RETENTION_CHECK_MS = 50;
    private static final long AWAIT_S = 300;

    private final SimulatedMachine machine;
    private final Random random;
    private final Trace trace;
    private final Runnable clients;
    private final Settings settings;

    /**
     * What differs from run to run.
     *
     * @param baseMemoryBytes of a memory topic's partition
     */
    record Settings(
            int journalCount,
            int baseMemoryBytes,
            UnionBounds unionBounds,
            boolean readsUnionsLate) {
        static final Settings PLAIN = new Settings(1, 16 << 10, UnionBounds.STANDARD, false);
    }

    // Of one life.
    private @Nullable OffHeapMemoryStore memory;
    private @Nullable StorageEngine engine;
    private @Nullable MetadataStore store;
    private @Nullable SteppedBackground background;
    private boolean isStopped;

    /**
     * @param clients what they do while somebody in the engine waits
     */
    SharedServer(
            SimulatedMachine machine,
            Random random,
            Trace trace,
            Runnable clients,
            Settings settings) {
        this.settings = settings;
        this.machine = machine;
        this.random = random;
        this.trace = trace;
        this.clients = clients;
    }

    /** Starts, and creates what is not there. */
    void start(List<SharedBase> bases, List<TopicSpec> views) {
        isStopped = false;
        background = new SteppedBackground(machine, random, trace, clients);
        background.delay(settings.readsUnionsLate ? UNIONS : null);
        memory =
                new OffHeapMemoryStore(
                        new OffHeapContext().budgetBytes(MEMORY_BYTES).chunkBytes(1 << 20));
        engine =
                StorageEngine.launch(
                        context(memory),
                        SegmentFiles.of(machine),
                        background,
                        SimulatedDocuments.on(machine, Simulation.CYCLE_BYTES),
                        settings.unionBounds);
        for (SharedBase base : bases) {
            create(new TopicSpec(base.name, 1, base.configs));
        }
        views.forEach(this::create);
    }

    private EngineContext context(OffHeapMemoryStore memoryStore) {
        return new EngineContext()
                .directory(machine.path("/data/headrace"))
                .memoryStore(memoryStore)
                .metadataStoreFactory(this::openStore)
                .journalCount(settings.journalCount)
                .journalCycleBytes(1 << 20)
                .diskReserveBytes(DISK_RESERVE_BYTES)
                .cacheDiskBytes(0)
                .sealingBytesPerSecond(Long.MAX_VALUE / 2)
                .retentionCheckIntervalMs(RETENTION_CHECK_MS)
                .partitionIdleMs(200)
                .memoryTopicBudgetBytes(settings.baseMemoryBytes)
                .recordFilter(new PlainRecordFilter())
                .compactionMemoryBytes(1024)
                .compactionPassBytes(1 + random.nextInt(4 << 10))
                .disk(machine)
                .bootId(machine.bootId())
                .clockMs(machine::clockMs)
                .uptimeMs(machine::uptimeMs)
                .failureHandler(this::stop);
    }

    private MetadataStore openStore(Path folder) {
        store = HeapMetadataStore.open(folder, machine);
        return store;
    }

    private void stop(Throwable failure) {
        if (!machine.isDead() && !machine.isFaultFatal()) {
            throw new SimulationFailure("the engine gives up", failure);
        }
        isStopped = true;
        throw new SimulatedCrash("stopped");
    }

    /** False if that is refused now. */
    boolean create(String name, Map<String, String> configs) {
        TopicSpec spec = new TopicSpec(name, 1, configs);
        return await(engine().catalog().create(List.of(spec), false)).get(0).topic() != null;
    }

    boolean isThere(long topicId) {
        return engine().catalog().find(topicId) != null;
    }

    private void create(TopicSpec spec) {
        if (engine().catalog().find(spec.name()) == null) {
            CatalogResult result = await(engine().catalog().create(List.of(spec), false)).get(0);
            if (result.topic() == null) {
                throw new SimulationFailure("topic not created: " + result);
            }
        }
    }

    /** What a client would be told sooner or later. */
    void checkAlive() {
        if (machine.isDead() || isStopped) {
            throw new SimulatedCrash("seen by the clients");
        }
    }

    void close() {
        engine().close();
        if (machine.isDead() || isStopped) {
            throw new SimulatedCrash("while closing");
        }
    }

    /** Lets go of what a life had. */
    void release() {
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

    // Time.

    /** All is done as soon as it may be from now on. */
    void hasten() {
        require(background).delay(null);
    }

    void step() {
        require(background).step();
    }

    <T extends @Nullable Object> T await(CompletableFuture<T> future) {
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

    /** Has the engine take turns until something is so, which it has to be after a while. */
    void await(BooleanSupplier isSo, Supplier<String> what) {
        new QuietEnd(machine, random, this::step, this::await)
                .await(
                        () -> {
                            checkAlive();
                            return isSo.getAsBoolean();
                        },
                        what);
    }

    // What is there.

    private StorageEngine engine() {
        return require(engine);
    }

    boolean isViewThere(String view) {
        return engine != null && engine.catalog().find(view) != null;
    }

    Topic topic(String name) {
        return require(engine().catalog().find(name));
    }

    /** Null while it is out of reach, as its topic's mode changes. */
    @Nullable PartitionLog log(Topic topic, int partition) {
        return engine().partitionLog(topic, partition);
    }

    PartitionLog lane(String view, int number) {
        return require(log(topic(view), number));
    }

    /** Null while too much else is asked for. */
    @Nullable UnionStatus unionStatus(String view) {
        CompletableFuture<UnionStatus> status = engine().views().unionStatus(topic(view));
        require(background).settle();
        return status.isCompletedExceptionally() ? null : status.getNow(null);
    }

    MetadataStore store() {
        return require(store);
    }

    long metric(String name) {
        return metric(name, "");
    }

    /**
     * The sum of metrics of one name, and with that among their labels; also of an engine that has
     * died, 0 where there is none.
     */
    long metric(String name, String label) {
        long[] sum = new long[1];
        if (engine != null) {
            engine.metrics()
                    .forEach(
                            (metric, value) -> {
                                boolean isMeant = metric.startsWith(name) && metric.contains(label);
                                sum[0] += isMeant ? value : 0;
                            });
        }
        return sum[0];
    }

    Share share(String view) {
        return require(engine().views().share(topic(view)));
    }

    /**
     * As it is now: all that is known at this time has been taken into account. Null as long as the
     * view cannot be read.
     */
    @Nullable Backlog backlog(String view) {
        CompletableFuture<Backlog> counted = share(view).backlog();
        require(background).settle();
        return counted.isCompletedExceptionally() ? null : counted.getNow(null);
    }

    /** Reads, be it that bytes have to be loaded. */
    ReadResult read(PartitionLog log, long position, int lengthMax) {
        ReadResult answer = log.read(position, lengthMax);
        if (answer != Unavailable.COLD) {
            return answer;
        }
        CompletableFuture<ReadResult> loaded = new CompletableFuture<>();
        log.readCold(position, lengthMax, loaded::complete);
        return await(loaded);
    }

    // What is done to it.

    CatalogResult grow(Topic topic, int count) {
        return await(engine().catalog().grow(topic.id(), count, false));
    }

    void delete(Topic topic) {
        await(engine().catalog().delete(List.of(topic.id())));
    }

    void alter(Topic topic, Map<String, @Nullable String> configs) {
        await(engine().catalog().alterConfigs(topic.id(), configs, false));
    }

    /** The metadata store may write its files at any time. */
    void flushStore() {
        require(store).flush();
    }

    private static <T> T require(@Nullable T part) {
        if (part == null) {
            throw new IllegalStateException("not there");
        }
        return part;
    }
}
