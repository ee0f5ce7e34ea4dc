package io.headrace.engine.log;

import io.headrace.engine.Alias;
import io.headrace.engine.EngineContext;
import io.headrace.engine.EngineException;
import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.OutOfSpaceException;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog;
import io.headrace.engine.TopicCatalog.CatalogChange.Kind;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Versions;
import io.headrace.engine.Views;
import io.headrace.engine.backup.RestoreMark;
import io.headrace.engine.source.SourceSpec;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.engine.view.ReplaySpec;
import io.headrace.engine.view.ReplaySpec.Range;
import io.headrace.engine.view.UnionSpec;
import io.headrace.engine.view.ViewBases;
import io.headrace.engine.view.ViewSpec;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The catalog: changes are commands in the metadata journal, written by one thread in groups:
 * checked, appended, synced once, applied, answered.
 *
 * <p>Owned by the engine: {@link #recover}, then {@link #start}; {@link #close} notes the clean
 * stop, {@link #closeJournal} comes when nobody reads the journal any more.
 */
final class Catalog implements TopicCatalog, Background.Work {
    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9._-]{1,249}");
    private static final int PARTITION_COUNT_MAX = 100_000;
    static final int CONFIG_LENGTH_MAX = 8192;
    private static final int QUEUE_LENGTH = 4096;
    private static final int GROUP_MAX = 256;
    private static final int APPLIED_PER_WRITE_MAX = 4096;
    private static final int CACHED_MAX = 16_384;
    private static final long POLL_MS = 1000;

    private final EngineContext context;
    private final MetadataStore store;
    private final Journal journal;
    private final CatalogState state;
    private final BiFunction<Topic, Topic, @Nullable CatalogResult> beginModeChange;
    private final Consumer<Topic> endModeChange;
    private final Predicate<Topic> beginKeepingAll;
    private final Consumer<Topic> endKeepingAll;
    private final CatalogVersions versions;
    private final CatalogOverlays overlays;
    private final TopicCache cache = new TopicCache(CACHED_MAX);
    private final BlockingQueue<Change<?>> queue = new ArrayBlockingQueue<>(QUEUE_LENGTH);
    private final List<Consumer<CatalogChange>> listeners = new CopyOnWriteArrayList<>();
    private final Background.Worker worker;

    /** The changes of a turn. */
    private final List<Change<?>> group = new ArrayList<>();

    /** A command of the group, and what it does to a topic, if anything. */
    private record Planned(Command command, @Nullable CatalogChange change) {}

    /**
     * Commands of the group that is being built, and what they do to names and ids; used by the
     * catalog's thread.
     */
    private final List<Planned> commands = new ArrayList<>();

    /** Topics that take no appends until the group is through, because their mode changes. */
    private final List<Topic> frozen = new ArrayList<>();

    /** Topics from which nothing is taken away until the group is through: they are to keep all. */
    private final List<Topic> keeping = new ArrayList<>();

    private final Map<String, Optional<Topic>> draftByName = new HashMap<>();
    private final Map<Long, Optional<Topic>> draftById = new HashMap<>();

    /** Views that the group creates, and aliases that it alters. */
    private final List<Topic> draftViews = new ArrayList<>();

    private long nextTopicId;
    private long nextProducerId;

    private volatile boolean closed;

    /** One requested change and its answer. */
    private record Change<T>(Draft<T> draft, CompletableFuture<T> answer) {}

    /**
     * Checks a change against the draft, adds its commands, and says what to answer once they are
     * durable.
     */
    private interface Draft<T> {
        T prepare();
    }

    /**
     * @param settles as {@link ModeChanges#settle}
     * @param beginModeChange as {@link ModeChanges#begin}
     * @param endModeChange as {@link ModeChanges#end}
     * @param beginKeepingAll as {@link KeptTopics#begin}
     * @param endKeepingAll as {@link KeptTopics#end}
     */
    Catalog(
            EngineContext context,
            MetadataStore store,
            Journal journal,
            CatalogState state,
            Predicate<Topic> settles,
            BiFunction<Topic, Topic, @Nullable CatalogResult> beginModeChange,
            Consumer<Topic> endModeChange,
            Predicate<Topic> beginKeepingAll,
            Consumer<Topic> endKeepingAll,
            Background background) {
        this.context = context;
        this.store = store;
        this.journal = journal;
        this.state = state;
        this.beginModeChange = beginModeChange;
        this.endModeChange = endModeChange;
        this.beginKeepingAll = beginKeepingAll;
        this.endKeepingAll = endKeepingAll;
        this.versions = new CatalogVersions(this::draft, this::draft, context.clockMs());
        this.overlays = new CatalogOverlays(this::draft, store, settles);
        this.worker = background.worker("headrace-catalog", this, context.failureHandler());
    }

    /**
     * Applies what the journal holds beyond the projection, and begins a new leader epoch.
     *
     * @param restored if this is the first start after a restore
     */
    void recover(String bootId, @Nullable RestoreMark restored) throws IOException {
        byte[] applied = store.get(Rows.appliedKey(CatalogState.JOURNAL));
        long from = applied == null ? journal.firstPosition() : Rows.number(applied);
        boolean fromTheBeginning = applied == null;
        journal.replay(
                from,
                journal.appendedPosition(),
                (position, type, topicId, partition, baseOffset, leaderEpoch, time, payload) -> {
                    // A journal of a million topics is more than one write should hold.
                    if (state.appliedCount() >= APPLIED_PER_WRITE_MAX) {
                        state.write(position);
                    }
                    Command command = Command.decode(payload);
                    if (fromTheBeginning && state.leaderEpoch == 0) {
                        requireFirst(command);
                    }
                    state.apply(command);
                });
        state.write(journal.appendedPosition());
        int epoch = state.leaderEpoch + 1;
        if (restored != null) {
            epoch = Math.max(epoch, restored.leaderEpoch());
            plan(new Command.Restored(restored.floor()), null);
        }
        plan(new Command.Start(epoch, bootId), null);
        if (!commit()) {
            throw new OutOfSpaceException("(metadata journal)");
        }
        nextTopicId = state.nextTopicId;
        nextProducerId = state.nextProducerId;
        forEachView(overlays::recovered);
    }

    /**
     * Without a projection, all that it said has to be in the journal: nothing may have been
     * trimmed.
     */
    private static void requireFirst(Command command) {
        if (!(command instanceof Command.Start start) || start.leaderEpoch() != 1) {
            throw new EngineException(
                    "the metadata store is gone, and the metadata journal does not begin at its"
                            + " beginning; restore rocksdb/ or checkpoints/: found="
                            + command);
        }
    }

    void start() {
        worker.start();
    }

    int leaderEpoch() {
        return state.leaderEpoch;
    }

    long appliedPosition() {
        return Rows.number(requireApplied());
    }

    private byte[] requireApplied() {
        byte[] applied = store.get(Rows.appliedKey(CatalogState.JOURNAL));
        if (applied == null) {
            throw new IllegalStateException("catalog was not recovered");
        }
        return applied;
    }

    /** The leader epoch in which a topic was created, or −1. */
    int createdEpoch(long topicId) {
        Command.TopicRow row = state.topic(topicId);
        return row == null ? -1 : row.createdEpoch();
    }

    @Override
    public @Nullable Topic find(String name) {
        Topic cached = cache.get(name);
        if (cached != null) {
            return cached;
        }
        long version = cache.version();
        return remember(state.topic(name), version);
    }

    @Override
    public @Nullable Topic find(long topicId) {
        Topic cached = cache.get(topicId);
        if (cached != null) {
            return cached;
        }
        long version = cache.version();
        return remember(state.topic(topicId), version);
    }

    private @Nullable Topic remember(Command.@Nullable TopicRow row, long version) {
        if (row == null) {
            return null;
        }
        Topic topic = topicOf(row);
        cache.put(topic, version);
        return topic;
    }

    private Topic topicOf(Command.TopicRow row) {
        return new Topic(
                row.id(),
                row.name(),
                row.partitionCount(),
                row.configs(),
                context.topicDefaults().with(row.configs()),
                row.journal());
    }

    @Override
    public List<Topic> list(String fromName, int limit) {
        List<Topic> topics = new ArrayList<>();
        try (MetadataStore.Cursor cursor = store.cursor(new byte[] {Rows.TOPIC_NAME})) {
            boolean found = cursor.seek(Rows.topicNameKey(fromName));
            while (found && topics.size() < limit) {
                Command.TopicRow row = state.topic(Rows.number(cursor.value()));
                if (row != null) {
                    topics.add(topicOf(row));
                }
                found = cursor.next();
            }
        }
        return topics;
    }

    @Override
    public long topicCount() {
        return state.topicCount;
    }

    @Override
    public void listen(Consumer<CatalogChange> listener) {
        listeners.add(listener);
    }

    @Override
    public CompletableFuture<List<CatalogResult>> create(
            List<TopicSpec> specs, boolean validateOnly) {
        return submit(() -> specs.stream().map(spec -> create(spec, validateOnly)).toList());
    }

    private CatalogResult create(TopicSpec spec, boolean validateOnly) {
        if (!isTopicName(spec.name())) {
            return CatalogResult.failed(
                    Error.INVALID_NAME,
                    "not a topic name: name="
                            + spec.name()
                            + " allowed=1 to 249 of a-z, A-Z, 0-9, '.', '_', '-'");
        }
        if (spec.partitionCount() < 1 || spec.partitionCount() > PARTITION_COUNT_MAX) {
            return CatalogResult.failed(
                    Error.INVALID_PARTITIONS,
                    "partition count out of range: name="
                            + spec.name()
                            + " partitions="
                            + spec.partitionCount()
                            + " allowed=1 to "
                            + PARTITION_COUNT_MAX);
        }
        if (draft(spec.name()) != null) {
            return CatalogResult.failed(Error.EXISTS, "topic exists: name=" + spec.name());
        }
        try {
            Map<String, String> configs =
                    versions.completed(
                            spec.name(),
                            spec.partitionCount(),
                            ViewBases.completed(
                                    TopicPolicies.apply(context.topicPolicies(), spec),
                                    this::draft),
                            null);
            checkLengths(configs);
            Command.TopicRow row =
                    new Command.TopicRow(
                            nextTopicId,
                            state.leaderEpoch,
                            1 + (int) (nextTopicId % context.journalCount()),
                            spec.partitionCount(),
                            spec.name(),
                            configs);
            Topic topic = topicOf(row);
            checkSource(topic);
            checkView(topic);
            Versions.check(topic);
            checkCompaction(topic);
            if (!validateOnly) {
                nextTopicId++;
                put(row, topic, Kind.CREATED, null);
            }
            return CatalogResult.of(topic);
        } catch (InvalidConfigException e) {
            return CatalogResult.failed(
                    Error.INVALID_CONFIG, e.getMessage() + " topic=" + spec.name());
        }
    }

    private static void checkLengths(Map<String, String> configs) {
        configs.forEach(
                (key, value) -> {
                    if (key.length() > CONFIG_LENGTH_MAX || value.length() > CONFIG_LENGTH_MAX) {
                        throw new InvalidConfigException(
                                abbreviated(key),
                                abbreviated(value),
                                "at most " + CONFIG_LENGTH_MAX + " characters");
                    }
                });
    }

    private static String abbreviated(String text) {
        return text.length() <= 64 ? text : text.substring(0, 64) + "...";
    }

    private static boolean isTopicName(String name) {
        return NAME.matcher(name).matches() && !name.equals(".") && !name.equals("..");
    }

    @Override
    public CompletableFuture<List<CatalogResult>> delete(List<Long> topicIds) {
        return submit(() -> topicIds.stream().map(this::delete).toList());
    }

    private CatalogResult delete(long topicId) {
        Topic topic = draft(topicId);
        if (topic == null) {
            return unknown(topicId);
        }
        if (Versions.isProtected(topic)) {
            return CatalogResult.failed(
                    Error.REFUSED,
                    "the version is protected: name="
                            + topic.name()
                            + " "
                            + Versions.PROTECTED_CONFIG
                            + "=true");
        }
        Topic view = viewOver(topic);
        if (view != null) {
            return CatalogResult.failed(
                    Error.REFUSED,
                    "a view is over the topic, delete it first: name="
                            + topic.name()
                            + " view="
                            + view.name());
        }
        if (Views.isOverlay(topic)) {
            overlays.deleted(topic);
        }
        plan(new Command.DeleteTopic(topicId), new CatalogChange(Kind.DELETED, topic, topic));
        draftByName.put(topic.name(), Optional.empty());
        draftById.put(topicId, Optional.empty());
        return CatalogResult.of(topic);
    }

    @Override
    public CompletableFuture<CatalogResult> grow(
            long topicId, int partitionCount, boolean validateOnly) {
        return submit(() -> growTopic(topicId, partitionCount, validateOnly));
    }

    private CatalogResult growTopic(long topicId, int partitionCount, boolean validateOnly) {
        Topic topic = draft(topicId);
        if (topic == null) {
            return unknown(topicId);
        }
        if (partitionCount <= topic.partitionCount() || partitionCount > PARTITION_COUNT_MAX) {
            return CatalogResult.failed(
                    Error.INVALID_PARTITIONS,
                    "partition count out of range: name="
                            + topic.name()
                            + " partitions="
                            + partitionCount
                            + " allowed=more than the current "
                            + topic.partitionCount()
                            + ", at most "
                            + PARTITION_COUNT_MAX);
        }
        if (Versions.isPublished(topic) || Alias.isAlias(topic)) {
            return CatalogResult.failed(
                    Error.REFUSED,
                    "versions and their aliases stay as they are: name=" + topic.name());
        }
        if (topic.storageMode() == StorageMode.SOURCE) {
            return CatalogResult.failed(
                    Error.REFUSED,
                    "a source's objects are bound to its partitions: name=" + topic.name());
        }
        if (Views.isReplay(topic)) {
            return CatalogResult.failed(
                    Error.REFUSED, "a replay's partitions are its ranges: name=" + topic.name());
        }
        if (Views.isUnion(topic)) {
            return CatalogResult.failed(
                    Error.REFUSED,
                    "what a union is over is bound to its partitions: name=" + topic.name());
        }
        if (Views.isOrdered(topic)) {
            return CatalogResult.failed(
                    Error.REFUSED,
                    "a shuffle or mix view's records are bound to its partitions: name="
                            + topic.name());
        }
        if (Views.isOverlay(topic) || viewOver(topic, Views::isOverlay) != null) {
            return CatalogResult.failed(
                    Error.REFUSED,
                    "an overlay and what it is over stay as they are: name=" + topic.name());
        }
        Command.TopicRow row = draftRow(topic).withPartitionCount(partitionCount);
        return put(row, topicOf(row), topic, validateOnly);
    }

    @Override
    public CompletableFuture<CatalogResult> alterConfigs(
            long topicId, Map<String, @Nullable String> changed, boolean validateOnly) {
        return submit(() -> alter(topicId, changed, validateOnly));
    }

    private CatalogResult alter(
            long topicId, Map<String, @Nullable String> changed, boolean validateOnly) {
        Topic topic = draft(topicId);
        if (topic == null) {
            return unknown(topicId);
        }
        Map<String, String> configs = new HashMap<>(topic.configs());
        changed.forEach(
                (key, value) -> {
                    if (value == null) {
                        configs.remove(key);
                    } else {
                        configs.put(key, value);
                    }
                });
        Command.TopicRow row;
        Topic altered;
        try {
            row =
                    draftRow(topic)
                            .withConfigs(
                                    versions.completed(
                                            topic.name(), topic.partitionCount(), configs, topic));
            checkLengths(row.configs());
            altered = topicOf(row);
            checkSource(altered);
            checkView(altered);
            Versions.check(altered);
            checkCompaction(altered);
        } catch (InvalidConfigException e) {
            return CatalogResult.failed(
                    Error.INVALID_CONFIG, e.getMessage() + " topic=" + topic.name());
        }
        if (topic.storageMode() == StorageMode.SOURCE
                && !hasSame(SourceSpec.FIXED_CONFIGS, topic, altered)) {
            return CatalogResult.failed(
                    Error.REFUSED,
                    "what a source reads is fixed, its offsets are bound to it: name="
                            + topic.name());
        }
        if (isView(topic) != isView(altered)
                || isView(topic) && !hasSame(ViewSpec.FIXED_CONFIGS, topic, altered)
                || !ViewSpec.isPinKept(topic.configs(), altered.configs())) {
            return CatalogResult.failed(
                    Error.REFUSED,
                    "whether a topic is a view, and of what, is fixed: name=" + topic.name());
        }
        if (Versions.isPublished(topic)
                && !hasSame(CatalogVersions.FIXED_CONFIGS, topic, altered)) {
            CatalogResult refused = refusalToWithdraw(topic);
            if (refused != null) {
                return refused;
            }
        }
        if (CatalogOverlays.losesRecords(topic, altered)) {
            Topic overlay = viewOver(topic, Views::isOverlay);
            if (overlay != null) {
                return CatalogResult.failed(
                        Error.REFUSED,
                        "an overlay is over the topic, which keeps its records for it: name="
                                + topic.name()
                                + " view="
                                + overlay.name());
            }
        }
        if (comesToKeepAll(topic, altered) && !validateOnly) {
            CatalogResult refused = keepAll(topic);
            if (refused != null) {
                return refused;
            }
        }
        if (promisesOtherwise(topic, altered) && !validateOnly) {
            CatalogResult refused = beginModeChange.apply(topic, altered);
            if (refused != null) {
                return refused;
            }
            frozen.add(topic);
        }
        return put(row, altered, topic, validateOnly);
    }

    /**
     * Whether all that is known of the topic has to be on disk before: a new mode goes on from
     * there, what a crash may have taken is judged by the promise in force, and which offsets were
     * reserved without an entry by who makes it.
     */
    private static boolean promisesOtherwise(Topic topic, Topic altered) {
        return altered.storageMode() != topic.storageMode()
                || altered.config().syncsBeforeAcknowledging()
                        != topic.config().syncsBeforeAcknowledging()
                || PartitionState.isReservedByCreation(altered)
                        != PartitionState.isReservedByCreation(topic);
    }

    /** Whether records that could be taken away until now cannot any more. */
    private static boolean comesToKeepAll(Topic topic, Topic altered) {
        return altered.storageMode() == StorageMode.PERSISTENT
                && Versions.keepsRecords(altered)
                && (!Versions.keepsRecords(topic)
                        || Versions.isPublished(altered) && !Versions.isPublished(topic));
    }

    /** Has nothing taken away from a topic until the group is through; null if that is so. */
    private @Nullable CatalogResult keepAll(Topic topic) {
        if (keeping.stream().anyMatch(kept -> kept.id() == topic.id())) {
            return null;
        }
        if (!beginKeepingAll.test(topic)) {
            return CatalogResult.failed(
                    Error.OUT_OF_SPACE,
                    "what was deleted before cannot be brought to the index now, retry: name="
                            + topic.name());
        }
        keeping.add(topic);
        return null;
    }

    private static boolean isView(Topic topic) {
        return topic.storageMode() == StorageMode.VIEW;
    }

    /**
     * A view is over topics that are there and hold records; its own are references, which have no
     * keys.
     *
     * @throws InvalidConfigException naming the config that says otherwise
     */
    private void checkView(Topic topic) {
        if (!isView(topic)) {
            return;
        }
        if (topic.config().compact()) {
            throw new InvalidConfigException(
                    "cleanup.policy", "compact", "delete, in a topic of mode view");
        }
        checkUnion(topic);
        if (Alias.isAlias(topic)) {
            return; // its versions are checked as it comes to show them
        }
        if (Views.isOverlay(topic)) {
            overlays.check(topic, draft(topic.id()), context.recordFilter() != null);
            return;
        }
        ViewSpec spec = ViewSpec.of(topic.configs());
        if (spec instanceof ReplaySpec replay) {
            checkReplay(topic, replay);
            return;
        }
        for (String name : spec.topics()) {
            ViewBases.check(spec, name, draft(name));
        }
    }

    private void checkReplay(Topic topic, ReplaySpec replay) {
        if (context.recordFilter() == null) {
            throw new InvalidConfigException(
                    ViewSpec.TYPE_CONFIG,
                    Views.REPLAY,
                    "another, in an engine whose context has no recordFilter");
        }
        if (topic.partitionCount() != replay.ranges().size()) {
            throw new InvalidConfigException(
                    ReplaySpec.RANGES_CONFIG,
                    replay.ranges().size() + " ranges",
                    "one for each partition, partitions=" + topic.partitionCount());
        }
        for (Range range : replay.ranges()) {
            Topic base = draft(range.topic());
            if (base == null
                    || range.partition() >= base.partitionCount()
                    || Views.isReplay(base)) {
                throw new InvalidConfigException(
                        ReplaySpec.RANGES_CONFIG,
                        range.topic() + "=" + range.partition(),
                        "partitions of topics that exist, no replays");
            }
        }
    }

    private void checkUnion(Topic topic) {
        boolean isNew = Views.isUnion(topic) && draft(topic.id()) == null;
        long count = state.unionIds().size() + draftViews.stream().filter(Views::isUnion).count();
        if (isNew && count >= UnionSpec.UNIONS_MAX) {
            throw new InvalidConfigException(
                    ViewSpec.TYPE_CONFIG,
                    Views.UNION,
                    "in at most " + UnionSpec.UNIONS_MAX + " topics");
        }
    }

    /** Readers of a version count on it, and so do those who get it by an alias. */
    private @Nullable CatalogResult refusalToWithdraw(Topic version) {
        if (Versions.isProtected(version)) {
            return CatalogResult.failed(
                    Error.REFUSED, "the version is protected: name=" + version.name());
        }
        Topic overlay = viewOver(version, Views::isOverlay);
        if (overlay != null) {
            return CatalogResult.failed(
                    Error.REFUSED,
                    "an overlay is over the version: name="
                            + version.name()
                            + " view="
                            + overlay.name());
        }
        Topic alias = viewOver(version, Alias::isAlias);
        return alias == null
                ? null
                : CatalogResult.failed(
                        Error.REFUSED,
                        "an alias shows the version: name="
                                + version.name()
                                + " alias="
                                + alias.name());
    }

    /** Whether a topic has to be there for a view: an alias needs the version that it shows. */
    private static boolean needs(Topic view, Topic topic) {
        return Alias.isAlias(view)
                ? Alias.of(view.configs()).currentVersion().topicId() == topic.id()
                : ViewSpec.of(view.configs()).needed().contains(topic.name());
    }

    /** A view that needs the topic, or null. */
    private @Nullable Topic viewOver(Topic topic) {
        return viewOver(topic, view -> true);
    }

    private @Nullable Topic viewOver(Topic topic, Predicate<Topic> kind) {
        for (Topic drafted : draftViews) {
            Topic view = draft(drafted.id());
            if (view != null && kind.test(view) && needs(view, topic)) {
                return view;
            }
        }
        return viewOver(topic, kind, this::draft);
    }

    @Override
    public @Nullable Topic viewOver(long topicId) {
        Topic topic = find(topicId);
        return topic == null ? null : viewOver(topic, view -> true, this::find);
    }

    @Override
    public @Nullable Topic overlayOver(long topicId) {
        Topic topic = isUnderOverlay(topicId) ? find(topicId) : null;
        return topic == null ? null : viewOver(topic, Views::isOverlay, this::find);
    }

    /**
     * Whether a topic has to keep its records, as an overlay is over it, or is about to be. Does
     * not read; callers may hold the lock of a log.
     */
    boolean isUnderOverlay(long topicId) {
        return overlays.isOver(topicId);
    }

    /** Calls the consumer with each view over a topic, with some of them several times. */
    void forEachView(Consumer<Topic> consumer) {
        byte[] prefix = Rows.allViewsKey();
        try (MetadataStore.Cursor cursor = store.cursor(prefix)) {
            boolean found = cursor.seek(prefix);
            while (found) {
                Topic view = find(Rows.viewIdOf(cursor.key()));
                if (view != null) {
                    consumer.accept(view);
                }
                found = cursor.next();
            }
        }
    }

    private @Nullable Topic viewOver(
            Topic topic, Predicate<Topic> kind, LongFunction<@Nullable Topic> views) {
        byte[] prefix = Rows.viewsKey(topic.id());
        try (MetadataStore.Cursor cursor = store.cursor(prefix)) {
            boolean found = cursor.seek(prefix);
            while (found) {
                Topic view = views.apply(Rows.viewIdOf(cursor.key()));
                if (view != null && kind.test(view) && needs(view, topic)) {
                    return view;
                }
                found = cursor.next();
            }
        }
        return null;
    }

    private static boolean hasSame(List<String> keys, Topic topic, Topic altered) {
        return keys.stream()
                .allMatch(
                        key ->
                                Objects.equals(
                                        topic.configs().get(key), altered.configs().get(key)));
    }

    /**
     * A source reads within the named stores only, and says nothing that would have no effect.
     *
     * @throws InvalidConfigException naming the config that says otherwise
     */
    private void checkSource(Topic topic) {
        if (topic.storageMode() == StorageMode.SOURCE) {
            SourceSpec.wanted(topic.configs(), context.objectStores(), context.datasetReaders());
        }
    }

    /**
     * @throws InvalidConfigException if nothing here could look for the keys
     */
    private void checkCompaction(Topic topic) {
        if (topic.config().compact() && context.recordFilter() == null) {
            throw new InvalidConfigException(
                    "cleanup.policy",
                    "compact",
                    "delete, in an engine whose context has no recordFilter");
        }
    }

    private CatalogResult put(
            Command.TopicRow row, Topic topic, Topic before, boolean validateOnly) {
        if (!validateOnly) {
            put(row, topic, Kind.ALTERED, before);
        }
        return CatalogResult.of(topic);
    }

    private void put(Command.TopicRow row, Topic topic, Kind kind, @Nullable Topic before) {
        plan(new Command.PutTopic(row), new CatalogChange(kind, topic, before));
        draftByName.put(topic.name(), Optional.of(topic));
        draftById.put(topic.id(), Optional.of(topic));
        if (isView(topic) && (kind == Kind.CREATED || Alias.isAlias(topic))) {
            draftViews.add(topic);
        }
    }

    private static CatalogResult unknown(long topicId) {
        return CatalogResult.failed(Error.UNKNOWN_TOPIC, "no such topic: topicId=" + topicId);
    }

    @Override
    public CompletableFuture<Long> allocateProducerIds(int count) {
        return submit(
                () -> {
                    long first = nextProducerId;
                    nextProducerId += count;
                    plan(new Command.ProducerIds(nextProducerId), null);
                    return first;
                });
    }

    /** Completes when every command that is in the journal by now is synced. */
    CompletableFuture<Boolean> barrier() {
        return submit(() -> true);
    }

    private void plan(Command command, @Nullable CatalogChange change) {
        commands.add(new Planned(command, change));
    }

    private @Nullable Topic draft(String name) {
        Optional<Topic> drafted = draftByName.get(name);
        return drafted != null ? drafted.orElse(null) : find(name);
    }

    private @Nullable Topic draft(long topicId) {
        Optional<Topic> drafted = draftById.get(topicId);
        return drafted != null ? drafted.orElse(null) : find(topicId);
    }

    private Command.TopicRow draftRow(Topic topic) {
        Command.TopicRow stored = state.topic(topic.id());
        return new Command.TopicRow(
                topic.id(),
                stored == null ? state.leaderEpoch : stored.createdEpoch(),
                topic.journal(),
                topic.partitionCount(),
                topic.name(),
                topic.configs());
    }

    private <T> CompletableFuture<T> submit(Draft<T> draft) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        if (closed || !queue.offer(new Change<>(draft, answer))) {
            answer.completeExceptionally(
                    new EngineException(
                            "catalog takes no changes now: closed="
                                    + closed
                                    + " queued="
                                    + queue.size()));
        }
        return answer;
    }

    @Override
    public boolean isDue() {
        return !group.isEmpty() || !queue.isEmpty();
    }

    @Override
    public void await() {
        try {
            Change<?> first = queue.poll(POLL_MS, TimeUnit.MILLISECONDS);
            if (first != null) {
                group.add(first);
            }
        } catch (InterruptedException e) {
            closed = true;
        }
    }

    @Override
    public void turn() {
        queue.drainTo(group, GROUP_MAX - group.size());
        try {
            process();
        } catch (RuntimeException | java.lang.Error e) {
            context.failureHandler().accept(e);
            group.forEach(change -> change.answer.completeExceptionally(e));
        } finally {
            group.clear();
        }
    }

    @Override
    public void end() {
        while (isDue()) {
            turn();
        }
    }

    /** Answers come last: who has one may use the topic. */
    private void process() {
        List<Runnable> answers;
        try {
            answers = prepareAndCommit();
        } finally {
            overlays.endGroup(this::find);
            frozen.forEach(endModeChange);
            frozen.clear();
            keeping.forEach(endKeepingAll);
            keeping.clear();
        }
        answers.forEach(Runnable::run);
    }

    private List<Runnable> prepareAndCommit() {
        List<Runnable> answers = new ArrayList<>();
        for (Change<?> change : group) {
            answers.add(prepare(change));
        }
        if (commands.isEmpty() || commit()) {
            return answers;
        }
        var failure = new OutOfSpaceException("(metadata journal)");
        nextTopicId = state.nextTopicId;
        nextProducerId = state.nextProducerId;
        answers.clear();
        group.forEach(change -> answers.add(() -> change.answer.completeExceptionally(failure)));
        return answers;
    }

    private static <T> Runnable prepare(Change<T> change) {
        try {
            T result = change.draft.prepare();
            return () -> change.answer.complete(result);
        } catch (RuntimeException e) {
            return () -> change.answer.completeExceptionally(e);
        }
    }

    /**
     * Appends, syncs, applies and announces the group's commands; false if there is no space for
     * them.
     */
    private boolean commit() {
        List<CatalogChange> changes = new ArrayList<>();
        try {
            for (Planned planned : commands) {
                long position =
                        journal.append(
                                EntryType.COMMAND,
                                0,
                                0,
                                0,
                                state.leaderEpoch,
                                ByteBuffer.wrap(planned.command.encode()));
                if (position < 0) {
                    // What is in the journal will be applied by a replay, so it is applied now; the
                    // callers are told to retry, and will find it done.
                    finishGroup(changes);
                    return false;
                }
                state.apply(planned.command);
                if (planned.change != null) {
                    changes.add(planned.change);
                }
            }
            finishGroup(changes);
            return true;
        } finally {
            commands.clear();
            draftByName.clear();
            draftById.clear();
            draftViews.clear();
        }
    }

    private void finishGroup(List<CatalogChange> changes) {
        long synced = journal.sync();
        state.write(synced);
        cache.invalidate(changes);
        for (CatalogChange change : changes) {
            listeners.forEach(listener -> listener.accept(change));
        }
    }

    /** Answers what is queued, and takes no more. */
    void stop() {
        closed = true;
        // Wakes the thread, which waits for a change; if the queue is full it has enough to do.
        queue.offer(new Change<>(() -> true, new CompletableFuture<>()));
        worker.close();
    }

    /**
     * Notes the stop, synced, if it is a clean one; after {@link #stop}.
     *
     * @param clean whether it is one: the journals say which offsets were used
     */
    void noteStop(boolean clean) {
        if (clean) {
            plan(new Command.Stop(state.leaderEpoch), null);
            commit();
        }
    }

    void closeJournal() {
        journal.close();
    }
}
