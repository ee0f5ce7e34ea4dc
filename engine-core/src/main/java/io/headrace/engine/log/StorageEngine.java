package io.headrace.engine.log;

import io.headrace.engine.Backups;
import io.headrace.engine.Deadline;
import io.headrace.engine.Engine;
import io.headrace.engine.EngineContext;
import io.headrace.engine.EngineException;
import io.headrace.engine.EngineMetrics;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.Sources;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog;
import io.headrace.engine.TopicCatalog.CatalogChange;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.Views;
import io.headrace.engine.Views.UnionStatus;
import io.headrace.engine.batch.RecordFilter;
import io.headrace.engine.journal.ChronicleJournal;
import io.headrace.engine.journal.CycleDocuments;
import io.headrace.engine.journal.JournalContext;
import io.headrace.engine.segment.SegmentFiles;
import io.headrace.engine.segment.SegmentFolder;
import io.headrace.engine.source.SourceBlocks;
import io.headrace.engine.source.SourceLogs;
import io.headrace.engine.source.SourceTools;
import io.headrace.engine.source.cache.CacheContext;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.JournalFailedException;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.engine.view.ViewLogs;
import io.headrace.engine.view.ViewSources;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The engine of one data folder: opens and recovers journals and projection, keeps the logs in use,
 * and ends everything in reverse order. Start with {@link Engine#launch}.
 */
public final class StorageEngine implements Engine {
    private static final Logger LOGGER = LoggerFactory.getLogger(StorageEngine.class);
    private static final long CLOSE_MS = 10_000;

    /** What a sealing pass gets to see that it is to end, before the clean stop is noted. */
    private static final long SEALER_CLOSE_MS = 1000;

    private static final long METADATA_CYCLE_BYTES = 16L << 20;

    /** What part of the memory is for records that are handed out, until they are asked for. */
    private static final int VIEW_MEMORY_SHARE = 16;

    /** Share of the memory that keeps what was made for readers of shuffle and mix views. */
    private static final int STRETCH_MEMORY_SIXTEENTHS = 3;

    /** What makes records of shuffle and mix views. */
    private static final int ASSEMBLERS = 2;

    /** Of views, at most one each; who is refused asks again. */
    private static final int VIEW_READS_MAX = 4096;

    private final EngineContext context;
    private final CycleDocuments.Factory documents;
    private final DataFolder folder;
    private final DiskSpace space;
    private final MetadataStore store;
    private final CatalogState catalogState;
    private final Catalog catalog;
    private final Projector projector;
    private final List<Shard> shards = new ArrayList<>();
    private final ColdReader coldReader;
    private final SourceThreads sourceThreads;
    private final SourceLogs sources;
    private final SourceTools sourceTools;
    private final ScheduledExecutorService viewDispatcher;
    private final ThreadPoolExecutor viewReader;
    private final ThreadPoolExecutor viewAssembler;
    private final ViewLogs views;
    private final Unions unions;
    private final RetentionClock retentionClock;
    private final Sealer sealer;
    private final Maintenance maintenance;
    private final ModeChanges modeChanges;
    private final KeptTopics keptTopics;
    private final BackupCuts backups;
    private final Map<PartitionKey, PartitionLogBase> logs = new ConcurrentHashMap<>();
    private final EngineGauges gauges;

    private volatile boolean closed;

    /** Opens the data folder and recovers it; returns when everything can be served. */
    public static StorageEngine launch(EngineContext context) {
        return launch(context, SegmentFiles.of(context.disk()));
    }

    /** As {@link #launch(EngineContext)}, with the calls to the disk that sealing makes. */
    public static StorageEngine launch(EngineContext context, SegmentFiles segmentFiles) {
        return launch(context, segmentFiles, Background.THREADS, CycleDocuments.CHRONICLE);
    }

    /**
     * As {@link #launch(EngineContext)}, with all that a simulation puts in place of what is not
     * the same each time.
     */
    public static StorageEngine launch(
            EngineContext context,
            SegmentFiles segmentFiles,
            Background background,
            CycleDocuments.Factory documents) {
        return launch(context, segmentFiles, background, documents, UnionBounds.STANDARD);
    }

    /** As the one above, with other bounds for unions. */
    public static StorageEngine launch(
            EngineContext context,
            SegmentFiles segmentFiles,
            Background background,
            CycleDocuments.Factory documents,
            UnionBounds unionBounds) {
        context.conclude();
        return new StorageEngine(context, segmentFiles, background, documents, unionBounds);
    }

    private StorageEngine(
            EngineContext context,
            SegmentFiles segmentFiles,
            Background background,
            CycleDocuments.Factory documents,
            UnionBounds unionBounds) {
        this.context = context;
        this.documents = documents;
        Undo undo = new Undo();
        try {
            folder = undo.add(DataFolder.open(context.directory(), context.disk()));
            store = undo.add(folder.openStore(context.metadataStoreFactory()));
            space = new DiskSpace(folder, context.diskReserveBytes(), context.journalCycleBytes());
            catalogState = new CatalogState(store);
            Consumer<Throwable> failureHandler = context.failureHandler();
            Journal metadataJournal =
                    undo.add(openJournal(CatalogState.JOURNAL, METADATA_CYCLE_BYTES));
            catalog =
                    new Catalog(
                            context,
                            store,
                            metadataJournal,
                            catalogState,
                            this::settle,
                            this::beginModeChange,
                            this::endModeChange,
                            this::beginKeepingAll,
                            this::endKeepingAll,
                            background);
            String bootId = bootId(context);
            retentionClock =
                    new RetentionClock(
                            folder.clock(),
                            context.disk(),
                            bootId,
                            context.clockMs(),
                            uptimeMs(context));
            catalog.recover(bootId, folder.restoreMark());
            folder.forgetRestore();
            projector = new Projector(store, catalogState.unionIds(), background, failureHandler);
            modeChanges =
                    new ModeChanges(
                            logs,
                            this::loadState,
                            store,
                            shards,
                            projector,
                            this::leaderEpoch,
                            background);
            keptTopics = new KeptTopics(logs, shards, modeChanges::settle);
            sealer =
                    new Sealer(
                            store,
                            context.memoryStore(),
                            catalog::find,
                            this::leaderEpoch,
                            space,
                            context.sealingBytesPerSecond(),
                            compactor(context.recordFilter(), background),
                            background);
            // Journals stay when fewer are asked for: they hold what is in them.
            int journalCount = Math.max(context.journalCount(), folder.dataJournalCount());
            for (int id = 1; id <= journalCount; id++) {
                Journal journal = undo.add(openJournal(id, context.journalCycleBytes()));
                projector.recover(id, journal);
                Shard shard =
                        new Shard(
                                id,
                                journal,
                                SegmentFolder.open(folder.segments(), id, segmentFiles),
                                (int) (context.journalCycleBytes() / 4),
                                context.recordFilter(),
                                context.clockMs(),
                                projector,
                                background,
                                failureHandler);
                shard.askForOverlays(catalog::isUnderOverlay);
                projector.attach(shard);
                shards.add(shard);
                sealer.add(shard, projector);
            }
            coldReader =
                    undo.add(
                            new ColdReader(
                                    store,
                                    context.memoryStore(),
                                    context.coldReaderCount(),
                                    shards,
                                    background));
            sourceThreads =
                    undo.add(
                            new SourceThreads(
                                    context.sourceThreadCount(), context.objectStores().values()));
            sources =
                    new SourceLogs(
                            new SourceIndexJournal(
                                    catalog,
                                    shards,
                                    projector,
                                    this::leaderEpoch,
                                    context.journalCycleBytes()),
                            store,
                            context.memoryStore(),
                            sourceThreads.index(),
                            sourceThreads::of,
                            context.objectStores(),
                            context.datasetReaders(),
                            this::leaderEpoch,
                            cacheContext());
            sourceTools = new SourceTools(catalog, sources);
            viewDispatcher = background.dispatcher("headrace-views");
            viewReader = background.pool("headrace-view-reader", 1, VIEW_READS_MAX);
            viewAssembler = background.pool("headrace-view-assembler", ASSEMBLERS, VIEW_READS_MAX);
            views = new ViewLogs(new SourcesOfViews(background));
            unions =
                    new Unions(
                            store,
                            catalog,
                            catalogState,
                            projector,
                            logs,
                            this::storedLog,
                            context.recordFilter(),
                            shards.get(0).batchBytesMax(),
                            this::isIndexLagging,
                            unionBounds,
                            background,
                            failureHandler);
            ProducerExpiry producerExpiry = new ProducerExpiry(store, this::producersNotBeforeMs);
            BackupHold hold = new BackupHold(background::nanoTime);
            maintenance =
                    new Maintenance(
                            this,
                            context,
                            folder,
                            space,
                            store,
                            metadataJournal,
                            projector,
                            retentionClock,
                            producerExpiry,
                            sealer,
                            shards,
                            hold,
                            background);
            backups =
                    new BackupCuts(
                            folder,
                            store,
                            metadataJournal,
                            catalog,
                            projector,
                            shards,
                            this::activeLogs,
                            hold,
                            maintenance.thread());
            gauges =
                    new EngineGauges(
                            this,
                            context.memoryStore(),
                            store,
                            shards,
                            coldReader,
                            sources,
                            views,
                            unions,
                            maintenance,
                            producerExpiry,
                            sealer,
                            space,
                            retentionClock);
        } catch (IOException e) {
            undo.run();
            throw new EngineException(
                    "data folder cannot be opened: folder=" + context.directory(), e);
        } catch (RuntimeException | Error e) {
            undo.run();
            throw e;
        }
        catalog.listen(this::onCatalogChange);
        unions.start();
        projector.start();
        shards.forEach(Shard::start);
        catalog.start();
        maintenance.start();
        sealer.start(maintenance.tickMs());
        catalog.forEachView(views::topicCreated); // what was not decided yet
    }

    private Journal openJournal(int id, long cycleBytes) throws IOException {
        byte[] applied = store.get(Rows.appliedKey(id));
        return ChronicleJournal.open(
                new JournalContext()
                        .folder(folder.journal(id))
                        .disk(context.disk())
                        .clockMs(context.clockMs())
                        .documents(documents)
                        .cycleBytes(cycleBytes)
                        .diskReserveBytes(space::keptBytes)
                        .recentWindowCycles(RecentBatches.WINDOW_CYCLES)
                        .scanFromPosition(applied == null ? 0 : Rows.number(applied)));
    }

    private @Nullable Compactor compactor(@Nullable RecordFilter filter, Background background) {
        return filter == null
                ? null
                : new Compactor(
                        store,
                        context.memoryStore(),
                        filter,
                        context.compactionMemoryBytes(),
                        context.compactionPassBytes(),
                        context.journalCycleBytes(),
                        space.entryFileBytes(),
                        retentionClock,
                        catalog::find,
                        this::leaderEpoch,
                        logs,
                        context.retentionCheckIntervalMs(),
                        background);
    }

    private CacheContext cacheContext() {
        return new CacheContext()
                .memoryBudgetBytes(context.cacheMemoryBytes())
                .diskBudgetBytes(context.cacheDiskBytes())
                .prefetchBytes(context.cachePrefetchBytes())
                .diskReserveBytes(space::shortBytes)
                .diskFolder(context.cacheDirectory())
                .isTopicKnown(topicId -> catalog.find(topicId) != null);
    }

    private static String bootId(EngineContext context) {
        String given = context.bootId();
        return given == null ? BootId.read(BootId.FILE) : given;
    }

    private static LongSupplier uptimeMs(EngineContext context) {
        LongSupplier given = context.uptimeMs();
        return given == null ? () -> Uptime.readMs(Uptime.FILE) : given;
    }

    @Override
    public TopicCatalog catalog() {
        return catalog;
    }

    @Override
    public int leaderEpoch() {
        return catalog.leaderEpoch();
    }

    @Override
    public Sources sources() {
        return sourceTools;
    }

    @Override
    public Backups backups() {
        return backups;
    }

    @Override
    public Views views() {
        return views;
    }

    /** Has views try again what failed, and take back what nobody gets on with. */
    void sweepViews() {
        views.sweep();
    }

    private final class SourcesOfViews implements ViewSources {
        private final Background background;

        SourcesOfViews(Background background) {
            this.background = background;
        }

        @Override
        public @Nullable Topic topic(String name) {
            return catalog.find(name);
        }

        @Override
        public @Nullable Topic topic(long topicId) {
            return catalog.find(topicId);
        }

        @Override
        public @Nullable PartitionLog log(Topic topic, int partition) {
            return partitionLog(topic, partition);
        }

        @Override
        public @Nullable PartitionLog references(Topic view, int lane) {
            return storedLog(view, lane);
        }

        @Override
        public @Nullable RecordFilter recordFilter() {
            return context.recordFilter();
        }

        @Override
        public CompletableFuture<UnionStatus> unionStatus(Topic union) {
            CompletableFuture<UnionStatus> answer = new CompletableFuture<>();
            try {
                goOn(union, unions.status(union), answer);
            } catch (RuntimeException e) {
                answer.completeExceptionally(e);
            }
            return answer;
        }

        /** Some topics at a time, so that what others have read comes in between. */
        private void goOn(Topic union, Unions.Look look, CompletableFuture<UnionStatus> answer) {
            try {
                viewReader.execute(
                        () -> {
                            try {
                                UnionStatus status = look.next();
                                if (status == null) {
                                    goOn(union, look, answer);
                                } else {
                                    answer.complete(status);
                                }
                            } catch (RuntimeException e) {
                                answer.completeExceptionally(e);
                            }
                        });
            } catch (RejectedExecutionException busy) {
                answer.completeExceptionally(
                        new EngineException("views are busy: topic=" + union.name()));
            }
        }

        @Override
        public Executor dispatcher() {
            return viewDispatcher;
        }

        @Override
        public void later(Runnable task, long ms) {
            try {
                viewDispatcher.schedule(task, ms, TimeUnit.MILLISECONDS);
            } catch (RejectedExecutionException closing) {
                // nothing is handed out any more
            }
        }

        @Override
        public Executor reader() {
            return viewReader;
        }

        @Override
        public Executor assembler() {
            return viewAssembler;
        }

        @Override
        public SourceBlocks sourceBlocks() {
            return sources.blocks();
        }

        @Override
        public long stretchesLengthMax() {
            return context.memoryStore().budgetBytes() / 16 * STRETCH_MEMORY_SIXTEENTHS;
        }

        @Override
        public CompletableFuture<?> alter(long topicId, Map<String, @Nullable String> configs) {
            return catalog.alterConfigs(topicId, configs, false);
        }

        @Override
        public long loadedLengthMax() {
            return context.memoryStore().budgetBytes() / VIEW_MEMORY_SHARE;
        }

        @Override
        public long nowMs() {
            return context.clockMs().getAsLong();
        }

        @Override
        public long retentionNowMs() {
            return retentionClock.latestMs();
        }

        @Override
        public long elapsedMs() {
            return background.nanoTime() / 1_000_000;
        }
    }

    private boolean isIndexLagging() {
        for (Shard shard : shards) {
            if (shard.isIndexLagging()) {
                return true;
            }
        }
        return false;
    }

    /** Lets go of what of sources nobody uses. */
    void sweepSources() {
        sources.sweep(context.partitionIdleMs());
    }

    @Override
    public EngineMetrics metrics() {
        return gauges;
    }

    @Override
    public @Nullable PartitionLog partitionLog(Topic topic, int partition) {
        if (topic.storageMode() == StorageMode.SOURCE) {
            return sourceLog(topic, partition);
        }
        return topic.storageMode() == StorageMode.VIEW
                ? views.log(topic, partition)
                : storedLog(topic, partition);
    }

    private @Nullable PartitionLogBase storedLog(Topic topic, int partition) {
        PartitionKey key = new PartitionKey(topic.id(), partition);
        PartitionLogBase log = logs.get(key);
        if (log == null) {
            log = logs.computeIfAbsent(key, this::activate);
            if (log != null) {
                unions.attach(log);
            }
            if (closed && log != null) {
                // The stop may not have seen it.
                log.refuseAppends();
            }
        }
        if (log != null) {
            log.touch();
        }
        return log;
    }

    private @Nullable PartitionLog sourceLog(Topic topic, int partition) {
        PartitionLog log = sources.openLog(topic.id(), partition);
        if (log != null) {
            return log;
        }
        Topic current = catalog.find(topic.id());
        if (closed || current == null || partition < 0 || partition >= current.partitionCount()) {
            return null;
        }
        return sources.open(current, partition);
    }

    /** Called once per partition at a time. */
    private @Nullable PartitionLogBase activate(PartitionKey key) {
        Topic topic = catalog.find(key.topicId());
        if (closed
                || topic == null
                || modeChanges.isFrozen(topic.id())
                || topic.storageMode() == StorageMode.SOURCE
                || key.partition() < 0
                || key.partition() >= topic.partitionCount()) {
            return null;
        }
        Shard shard = shards.get(topic.journal() - 1);
        PartitionState state = loadState(topic, key);
        ProducerStates producers =
                new ProducerStates(
                        store, key.topicId(), key.partition(), this::producersNotBeforeMs);
        producers.expectLossBefore(lossOffset(topic, state));
        return switch (topic.storageMode()) {
            case PERSISTENT, VIEW ->
                    new JournaledLog(
                            topic,
                            key.partition(),
                            shard,
                            leaderEpoch(),
                            state,
                            producers,
                            coldReader,
                            projector);
            case MEMORY ->
                    new InMemoryLog(
                            topic,
                            key.partition(),
                            shard,
                            leaderEpoch(),
                            state,
                            producers,
                            context.memoryStore().openLog(state.logEndOffset, memoryBudget(topic)),
                            context::memoryTopicBudgetBytes,
                            coldReader,
                            projector);
            case HYBRID ->
                    new HybridLog(
                            topic,
                            key.partition(),
                            shard,
                            leaderEpoch(),
                            state,
                            producers,
                            context.memoryStore()
                                    .openLog(
                                            state.logEndOffset,
                                            HybridLog.budgetBytes(
                                                    topic, context.memoryTopicBudgetBytes())),
                            context::memoryTopicBudgetBytes,
                            coldReader,
                            projector);
            case SOURCE -> throw new IllegalStateException("a source: topic=" + topic.name());
        };
    }

    /** When an idempotent producer must have appended to be remembered. */
    private long producersNotBeforeMs() {
        return retentionClock.latestMs() - context.producerExpirationMs();
    }

    private boolean settle(Topic topic) {
        return modeChanges.settle(topic);
    }

    private long memoryBudget(Topic topic) {
        return InMemoryLog.budgetBytes(topic, context.memoryTopicBudgetBytes());
    }

    /**
     * The partition's row, raised to the offset reserve where offsets may have been used that no
     * batch shows.
     */
    private PartitionState loadState(Topic topic, PartitionKey key) {
        byte[] row = store.get(Rows.partitionKey(key.topicId(), key.partition()));
        PartitionState state = PartitionState.decode(row);
        if (PartitionState.isReservedByCreation(topic)) {
            state.firstReserve = PartitionLogBase.FIRST_RESERVE;
        }
        long floor = restoredFloor(topic);
        if (topic.storageMode() == StorageMode.MEMORY) {
            boolean mayBeUsed = catalog.createdEpoch(topic.id()) <= catalogState.lastUncleanEpoch;
            long used = mayBeUsed ? state.reserved() : state.offsetReserve;
            beginInMemory(Math.max(Math.max(used, floor), state.logEndOffset), state);
        } else {
            jumpTo(Math.max(offsetsUsed(topic, state), floor), state);
        }
        return state;
    }

    /** Offsets below may have been used by batches that a crash took; 0 if none did. */
    private long offsetsUsed(Topic topic, PartitionState state) {
        boolean mayBeUsed =
                state.isReserveExact || lastEpoch(topic, state) <= lastEpochWithLosses(topic);
        return mayBeUsed ? state.reserved() : 0;
    }

    /** Offsets below may have been given out after the backup that the folder came from. */
    private long restoredFloor(Topic topic) {
        long floor = catalogState.restoredFloor;
        boolean isOlder =
                floor > 0 && catalog.createdEpoch(topic.id()) <= catalogState.lastRestoredEpoch;
        return isOlder ? floor : 0;
    }

    /** What is in the journal, from a time in another mode, stays until the ring overwrites. */
    private void beginInMemory(long offset, PartitionState state) {
        if (state.liveBytes > 0) {
            jumpTo(offset, state);
        } else {
            state.logStartOffset = offset;
            state.logEndOffset = offset;
            state.recordsEndOffset = offset;
        }
        state.offsetReserve = offset;
    }

    /** Skips offsets that may have been used, and announces the loss of their records. */
    private void jumpTo(long offset, PartitionState state) {
        if (offset > state.logEndOffset) {
            // The epoch before ended where its last record is.
            state.epochs.assign(leaderEpoch(), state.logEndOffset);
            state.logEndOffset = offset;
        }
    }

    /** A producer whose last batch is before it may have lost acknowledged ones after that. */
    private long lossOffset(Topic topic, PartitionState state) {
        if (state.recordsEndOffset < state.logEndOffset) {
            return state.logEndOffset;
        }
        int lossy = topic.config().syncsBeforeAcknowledging() ? 0 : lastEpochWithLosses(topic);
        if (restoredFloor(topic) > 0) {
            lossy = Math.max(lossy, catalogState.lastRestoredEpoch);
        }
        return lossy == 0 ? 0 : state.epochs.startBehind(lossy);
    }

    /** The newest epoch whose end may have taken acknowledged records of the topic; 0 if none. */
    private int lastEpochWithLosses(Topic topic) {
        return topic.storageMode() == StorageMode.HYBRID
                ? catalogState.lastUncleanEpoch
                : catalogState.lastLossyEpoch;
    }

    private @Nullable CatalogResult beginModeChange(Topic topic, Topic altered) {
        return modeChanges.begin(topic, altered);
    }

    private void endModeChange(Topic topic) {
        modeChanges.end(topic);
    }

    private boolean beginKeepingAll(Topic topic) {
        return keptTopics.begin(topic);
    }

    private void endKeepingAll(Topic topic) {
        keptTopics.end(topic);
    }

    private int lastEpoch(Topic topic, PartitionState state) {
        return Math.max(state.epochs.last(), catalog.createdEpoch(topic.id()));
    }

    private static boolean isSource(Topic topic) {
        return topic.storageMode() == StorageMode.SOURCE;
    }

    /** On the catalog's thread, after the change is visible. */
    private void onCatalogChange(CatalogChange change) {
        unions.onCatalogChange(change);
        Topic topic = change.topic();
        if (change.kind() == CatalogChange.Kind.CREATED) {
            views.topicCreated(topic);
            return;
        }
        Topic before = change.before();
        if (change.kind() == CatalogChange.Kind.DELETED) {
            sources.topicDeleted(topic.id());
            views.topicDeleted(topic.id());
        } else if (before != null && isSource(before) && isSource(topic)) {
            sources.topicAltered(before, topic);
        } else if (topic.storageMode() == StorageMode.VIEW) {
            views.topicAltered(topic);
        }
        for (int partition = 0; partition < topic.partitionCount(); partition++) {
            applyChange(change, new PartitionKey(topic.id(), partition));
        }
        if (change.kind() == CatalogChange.Kind.DELETED) {
            maintenance.topicDeleted(topic.id());
        }
    }

    /**
     * Waits for an activation that is under way, which may have seen the topic before the change.
     */
    private void applyChange(CatalogChange change, PartitionKey key) {
        Topic topic = change.topic();
        PartitionLogBase[] leaving = new PartitionLogBase[1];
        logs.computeIfPresent(
                key,
                (k, log) -> {
                    if (change.kind() == CatalogChange.Kind.DELETED
                            || log.storageMode() != topic.storageMode()) {
                        log.refuseAppends();
                        leaving[0] = log;
                        return null;
                    }
                    log.topic(topic);
                    return log;
                });
        if (leaving[0] != null) {
            // Not under the map's lock: it wakes whoever waits, and they may ask for logs.
            leaving[0].close();
        }
    }

    /** The logs in use. */
    Collection<PartitionLogBase> activeLogs() {
        return logs.values();
    }

    int activeLogCount() {
        return logs.size();
    }

    /** Lets go of a log that nobody used for a while; it comes back when it is asked for. */
    void deactivateIfIdle(PartitionLogBase log, long idleSinceMs) {
        PartitionKey key = new PartitionKey(log.topic().id(), log.partition());
        // The map's lock for the key keeps a new activation out until the log is closed and gone.
        logs.computeIfPresent(
                key,
                (k, active) ->
                        active == log
                                        && log.closeIfIdle(
                                                idleSinceMs,
                                                projector.appliedPosition(log.topic().journal()))
                                ? null
                                : active);
    }

    @Override
    public void close() {
        close(Deadline.afterMs(CLOSE_MS));
    }

    /**
     * Ends in the order of the data: appends are refused, what is in memory alone spilled, reserves
     * given back, everything synced, the clean stop noted. Nothing that a client or an object store
     * can hold up comes before that. Then what was synced is projected and the readers are waited
     * for. What fails keeps none of the later steps from being taken.
     */
    @Override
    public void close(Deadline deadline) {
        if (closed) {
            return;
        }
        closed = true;
        Ending ending = new Ending();
        ending.step(maintenance::stop);
        ending.step(sealer::stop);
        ending.step(() -> endViews(deadline));
        ending.step(sources::close);
        // It changes logs, and may wait for the syncers.
        ending.step(modeChanges::stop);
        ending.step(catalog::stop);
        ending.step(this::refuseAppends);
        shards.forEach(shard -> ending.step(shard::endSpiller));
        ending.step(() -> sealer.awaitEnd(deadline.atMostMs(SEALER_CLOSE_MS)));
        ending.step(() -> catalog.noteStop(endSyncers()));
        ending.step(projector::close);
        ending.step(() -> sourceThreads.close(deadline));
        ending.step(() -> sources.awaitEnd(deadline));
        ending.step(() -> endPool(viewReader, deadline));
        ending.step(() -> endPool(viewAssembler, deadline));
        ending.step(() -> coldReader.close(deadline));
        ending.step(views::close);
        ending.step(unions::close);
        ending.step(() -> awaitSealer(deadline));
        ending.step(() -> awaitMaintenance(deadline));
        logs.values().forEach(log -> ending.step(log::close));
        logs.clear();
        shards.forEach(shard -> ending.step(shard.journal()::close));
        ending.step(catalog::closeJournal);
        ending.step(store::close);
        ending.step(folder::close);
        ending.finish();
    }

    /** What it appends has to come before the last sync. */
    private void endViews(Deadline deadline) {
        unions.stop();
        viewDispatcher.shutdown();
        if (!Threads.awaitTermination(viewDispatcher, deadline.atMostMs(SEALER_CLOSE_MS))) {
            LOGGER.warn("views are still at work");
        }
    }

    /** The reader may wait for cold reads, which end after it. */
    private void endPool(ThreadPoolExecutor pool, Deadline deadline) {
        pool.shutdown();
        if (!Threads.awaitTermination(pool, deadline.atMostMs(SEALER_CLOSE_MS))) {
            LOGGER.warn("a view is still being read");
        }
    }

    private void refuseAppends() {
        logs.values().forEach(PartitionLogBase::refuseAppends);
    }

    /**
     * Gives the reserves back and syncs all; whether the journals now say which offsets were used.
     */
    private boolean endSyncers() {
        boolean released = true;
        for (PartitionLogBase log : logs.values()) {
            released &= isReleased(log);
        }
        shards.forEach(Shard::endSyncer);
        boolean synced = shards.stream().allMatch(Shard::isSynced);
        if (!released || !synced) {
            LOGGER.warn("offsets could not be given back, the stop does not count as a clean one");
        }
        return released && synced;
    }

    private static boolean isReleased(PartitionLogBase log) {
        try {
            return log.releaseReserve();
        } catch (JournalFailedException e) {
            return false;
        }
    }

    /** A pass that is under way gives up; what it has appended is synced when journals close. */
    private void awaitSealer(Deadline deadline) {
        if (!sealer.awaitEnd(deadline)) {
            LOGGER.warn("sealing is still at work, its last entries may not be synced");
        }
    }

    private void awaitMaintenance(Deadline deadline) {
        if (!maintenance.awaitEnd(deadline)) {
            LOGGER.warn("housekeeping is still at work, the clean stop is noted");
        }
    }
}
