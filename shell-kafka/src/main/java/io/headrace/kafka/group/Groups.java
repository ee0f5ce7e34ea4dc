package io.headrace.kafka.group;

import com.yammer.metrics.core.MetricsRegistry;
import io.headrace.engine.Deadline;
import io.headrace.engine.Engine;
import io.headrace.engine.EngineException;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogChange;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicCatalog.Error;
import io.headrace.engine.TopicSpec;
import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.topic.TopicDirectory;
import io.netty.channel.ChannelId;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.message.ListGroupsRequestData;
import org.apache.kafka.common.message.ListGroupsResponseData;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.coordinator.group.GroupConfigManager;
import org.apache.kafka.coordinator.group.GroupCoordinator;
import org.apache.kafka.coordinator.group.GroupCoordinatorService;
import org.apache.kafka.coordinator.group.metrics.GroupCoordinatorMetrics;
import org.apache.kafka.coordinator.group.metrics.GroupCoordinatorRuntimeMetrics;
import org.apache.kafka.image.MetadataDelta;
import org.apache.kafka.image.MetadataImage;
import org.apache.kafka.server.share.persister.NoOpStatePersister;
import org.apache.kafka.server.util.timer.SystemTimer;
import org.apache.kafka.server.util.timer.SystemTimerReaper;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The groups of a server: Kafka's group coordinator, and what it stands on.
 *
 * <p>Thread-safe. Who started it closes it, before the engine.
 */
public final class Groups implements AutoCloseable {
    private static final Logger LOGGER = LoggerFactory.getLogger(Groups.class);

    /** The topic that holds offsets and groups, by the name that Kafka's tools know. */
    public static final String OFFSETS_TOPIC = "__consumer_offsets";

    /** One record of a group carries all its members: room for some thousands. */
    private static final int OFFSETS_RECORD_LENGTH_MAX = 8 << 20;

    /** Requests that wait until the coordinator knows their topics; more are told to retry. */
    private static final int WAITING_REQUESTS_MAX = 10_000;

    private static final int NODE_ID = 1;
    private static final long CLOSE_TIMEOUT_MS = 10_000;

    /** Between two looks at whether a partition is still being loaded. */
    private static final long LOADING_PAUSE_MS = 20;

    /** Asks of each partition whether it answers, and for nothing else: no group has that state. */
    private static final ListGroupsRequestData NO_GROUPS =
            new ListGroupsRequestData().setStatesFilter(List.of("none"));

    private final TopicDirectory directory;
    private final ThreadPoolExecutor logExecutor;
    private final ThreadPoolExecutor topicExecutor;
    private final GroupTopics topics;
    private final GroupCoordinatorService coordinator;
    private final int heartbeatIntervalMs;
    private final int sessionMsMin;
    private final long heartbeatHoldMs;
    private final long lostMemberMs;
    private final LaneOwners laneOwners;
    private final CoordinatorPositions positions;
    private final AliasGroups aliasGroups;
    private final Metrics metrics = new Metrics();
    private final List<OffsetsPartition> partitions;

    /** How many requests of a group wait for the topic thread, by connection. */
    private final Map<Lane, Integer> waitingByLane = new ConcurrentHashMap<>();

    private volatile boolean closed;

    /** What keeps its order: the requests that a connection makes about a group. */
    private record Lane(ChannelId connection, String group) {}

    private Groups(TopicDirectory directory, GroupContext context, Topic offsetsTopic) {
        this.directory = directory;
        Engine engine = directory.engine();
        int partitionCount = offsetsTopic.partitionCount();
        logExecutor = executor("groups-log", 3 * partitionCount);
        topicExecutor = executor("groups-topics", WAITING_REQUESTS_MAX);
        topics = new GroupTopics(engine.catalog(), directory.ids(), topicExecutor, this::onImage);
        partitions = new ArrayList<>();
        for (int i = 0; i < partitionCount; i++) {
            partitions.add(new OffsetsPartition(engine, offsetsTopic, i));
        }
        coordinator = coordinator(engine, context, offsetsTopic);
        lostMemberMs = context.lostMemberMs();
        heartbeatIntervalMs = context.coordinatorConfig().consumerGroupHeartbeatIntervalMs();
        heartbeatHoldMs = context.heartbeatHoldMs();
        sessionMsMin = context.coordinatorConfig().classicGroupMinSessionTimeoutMs();
        laneOwners = new LaneOwners(engine, directory.ids(), coordinator);
        positions =
                new CoordinatorPositions(this, context.coordinatorConfig().offsetMetadataMaxSize());
        aliasGroups = new AliasGroups(directory, coordinator, topics, topicExecutor);
    }

    /** One thread at most, none while there is nothing to do. */
    private static ThreadPoolExecutor executor(String name, int queueLengthMax) {
        ThreadPoolExecutor executor =
                new ThreadPoolExecutor(
                        1,
                        1,
                        1,
                        TimeUnit.SECONDS,
                        new LinkedBlockingQueue<>(queueLengthMax),
                        task -> {
                            Thread thread = new Thread(task, name);
                            thread.setDaemon(true);
                            return thread;
                        });
        executor.allowCoreThreadTimeOut(true);
        return executor;
    }

    /**
     * Starts the coordinator over the directory's engine, creating the offsets topic if it is not
     * there. Groups are loaded in the background; until its partition is there, a group has no
     * coordinator, and requests about it are answered {@code COORDINATOR_LOAD_IN_PROGRESS}.
     *
     * @throws EngineException if the offsets topic cannot be created, or is not a persistent one
     */
    public static Groups start(TopicDirectory directory, GroupContext context) {
        Engine engine = directory.engine();
        Topic offsetsTopic = offsetsTopic(engine, context.conclude());
        Groups groups = new Groups(directory, context, offsetsTopic);
        engine.catalog().listen(groups::onCatalogChange);
        groups.coordinator.startup(offsetsTopic::partitionCount);
        for (int partition = 0; partition < offsetsTopic.partitionCount(); partition++) {
            groups.coordinator.onElection(partition, engine.leaderEpoch());
        }
        return groups;
    }

    /** How long a member whose connection has closed is waited for; 0 leaves it to its session. */
    long lostMemberMs() {
        return lostMemberMs;
    }

    /** What members with group.protocol=consumer are told. */
    int heartbeatIntervalMs() {
        return heartbeatIntervalMs;
    }

    /** How long a heartbeat may wait for something to say, at most; 0 answers each at once. */
    long heartbeatHoldMs() {
        return heartbeatHoldMs;
    }

    /** The shortest session that a classic member may ask for. */
    int sessionMsMin() {
        return sessionMsMin;
    }

    private static Topic offsetsTopic(Engine engine, GroupContext context) {
        Topic topic = engine.catalog().find(OFFSETS_TOPIC);
        if (topic == null) {
            topic = createOffsetsTopic(engine, context.offsetsPartitionCount());
        }
        if (topic.storageMode() != StorageMode.PERSISTENT
                || !topic.config().syncsBeforeAcknowledging()) {
            LOGGER.warn("commits may be lost: topic={} configs={}", OFFSETS_TOPIC, topic.configs());
        }
        return topic;
    }

    private static Topic createOffsetsTopic(Engine engine, int partitionCount) {
        TopicSpec spec =
                new TopicSpec(
                        OFFSETS_TOPIC,
                        partitionCount,
                        Map.of(
                                StorageMode.CONFIG,
                                StorageMode.PERSISTENT.configValue(),
                                "cleanup.policy",
                                "compact",
                                "retention.ms",
                                "-1",
                                "flush.messages",
                                "1",
                                "max.message.bytes",
                                Integer.toString(OFFSETS_RECORD_LENGTH_MAX)));
        CatalogResult result = engine.catalog().create(List.of(spec), false).join().get(0);
        Topic existing =
                result.error() == Error.EXISTS ? engine.catalog().find(OFFSETS_TOPIC) : null;
        Topic topic = result.topic() != null ? result.topic() : existing;
        if (topic == null) {
            throw new EngineException(
                    "cannot create: topic=" + OFFSETS_TOPIC + " reason=" + result.message());
        }
        return topic;
    }

    private GroupCoordinatorService coordinator(
            Engine engine, GroupContext context, Topic offsetsTopic) {
        var config = context.coordinatorConfig();
        return new GroupCoordinatorService.Builder(NODE_ID, config)
                .withWriter(new OffsetsLogWriter(partitions, offsetsTopic.config()))
                .withLoader(
                        new OffsetsLogLoader(
                                partitions,
                                logExecutor,
                                config.offsetsLoadBufferSize(),
                                new LoadFollower()))
                .withTime(Time.SYSTEM)
                .withTimer(new SystemTimerReaper("groups-timer", new SystemTimer("groups-timer")))
                .withCoordinatorRuntimeMetrics(new GroupCoordinatorRuntimeMetrics(metrics))
                .withGroupCoordinatorMetrics(
                        new GroupCoordinatorMetrics(new MetricsRegistry(), metrics))
                .withGroupConfigManager(new GroupConfigManager(config, context.shareGroupConfig()))
                .withPersister(new NoOpStatePersister())
                .withAuthorizerPlugin(Optional.empty())
                .withPartitionMetadataClient(new LatestOffsets(engine))
                .build();
    }

    /** Gives the coordinator the topics that the loaded groups name. */
    private final class LoadFollower implements OffsetsLogLoader.LoadListener {
        private final Set<LoadedNames.CommittedTopic> committed = new HashSet<>();

        @Override
        public void onReplayed(LoadedNames names) {
            topics.require(names.topics());
            names.regexes().forEach(topics::requireMatching);
        }

        @Override
        public void onLoaded(OffsetsPartition partition, LoadedNames names) {
            if (committed.addAll(names.committed())) {
                later(this::forgetDeletedOnceLoaded, logExecutor);
            }
        }

        /**
         * A partition that is being loaded refuses to forget, and tells nobody; and it is being
         * loaded until the coordinator has noticed that it is not.
         */
        private void forgetDeletedOnceLoaded() {
            coordinator.listGroups(null, NO_GROUPS).whenComplete(this::onListed);
        }

        private void onListed(
                @Nullable ListGroupsResponseData listed, @Nullable Throwable failure) {
            boolean isLoading =
                    listed != null
                            && listed.errorCode() == Errors.COORDINATOR_LOAD_IN_PROGRESS.code();
            if (isLoading && !closed) {
                later(
                        this::forgetDeletedOnceLoaded,
                        CompletableFuture.delayedExecutor(
                                LOADING_PAUSE_MS, TimeUnit.MILLISECONDS, logExecutor));
            } else {
                later(this::forgetDeleted, logExecutor);
            }
        }

        private void forgetDeleted() {
            topics.forgetDeleted(committed);
            committed.clear();
        }

        private void later(Runnable task, Executor executor) {
            try {
                executor.execute(task);
            } catch (RejectedExecutionException e) {
                LOGGER.debug("closing, offsets of deleted topics stay until the next start");
            }
        }
    }

    private void onImage(MetadataDelta delta, MetadataImage image) {
        if (!closed) {
            coordinator.onMetadataUpdate(delta, image);
        }
    }

    private void onCatalogChange(CatalogChange change) {
        if (!closed) {
            topics.onCatalogChange(change);
            laneOwners.onCatalogChange(change);
        }
    }

    /** Kafka's coordinator; requests reach it through {@link GroupHandlers}. */
    GroupCoordinator coordinator() {
        return coordinator;
    }

    /** Whether requests about a group reach it, or find out why it could not be loaded. */
    boolean isLoaded(String group) {
        return !closed && partitions.get(coordinator.partitionFor(group)).isLoaded();
    }

    /** Who owns the lanes of share views. */
    public LaneOwners laneOwners() {
        return laneOwners;
    }

    /** The positions of whole groups. */
    public GroupPositions positions() {
        return positions;
    }

    /** In which versions groups are that read aliases. */
    AliasGroups aliasGroups() {
        return aliasGroups;
    }

    /** The topics that the coordinator knows. */
    GroupTopics topics() {
        return topics;
    }

    /** All topics. */
    TopicDirectory directory() {
        return directory;
    }

    /**
     * Goes on once the coordinator knows the topics that the request is about, and has been given
     * what the same connection asked about the group before: on this thread if that is so already.
     * Called on the connection's event loop.
     */
    void withTopics(
            KafkaRequest request,
            String group,
            Collection<String> names,
            @Nullable String regex,
            Runnable then) {
        String pattern = regex == null ? "" : regex;
        boolean known = topics.knowsAll(names);
        boolean matched = pattern.isEmpty() || topics.knowsMatches(pattern);
        Runnable learnThen =
                () -> {
                    topics.require(names);
                    if (!pattern.isEmpty()) {
                        topics.requireMatching(pattern);
                    }
                    then.run();
                };
        Lane lane = new Lane(request.connectionId(), group);
        if (known && matched && !waitingByLane.containsKey(lane)) {
            then.run();
        } else {
            enqueue(lane, request, learnThen);
        }
    }

    /**
     * Goes on once the coordinator has been given what the connection asked about the group before:
     * Kafka's own broker takes the requests of a connection one after the other.
     */
    void inOrder(KafkaRequest request, String group, Runnable then) {
        Lane lane = new Lane(request.connectionId(), group);
        if (waitingByLane.containsKey(lane)) {
            enqueue(lane, request, then);
        } else {
            then.run();
        }
    }

    private void enqueue(Lane lane, KafkaRequest request, Runnable work) {
        waitingByLane.merge(lane, 1, Integer::sum);
        try {
            topicExecutor.execute(() -> runInLane(lane, request, work));
        } catch (RejectedExecutionException e) {
            leave(lane);
            request.fail(Errors.COORDINATOR_NOT_AVAILABLE);
        }
    }

    private void runInLane(Lane lane, KafkaRequest request, Runnable work) {
        try {
            work.run();
        } catch (RuntimeException e) {
            request.fail(e);
        } finally {
            leave(lane);
        }
    }

    private void leave(Lane lane) {
        waitingByLane.computeIfPresent(lane, (key, count) -> count == 1 ? null : count - 1);
    }

    @Override
    public void close() {
        close(Deadline.afterMs(CLOSE_TIMEOUT_MS));
    }

    /**
     * Ends the coordinator; requests that wait are failed, what was acknowledged is durable. Waits
     * for what runs until the deadline.
     */
    public void close(Deadline deadline) {
        closed = true;
        coordinator.shutdown();
        topicExecutor.shutdown();
        logExecutor.shutdown();
        try {
            topicExecutor.awaitTermination(deadline.remainingNs(), TimeUnit.NANOSECONDS);
            logExecutor.awaitTermination(deadline.remainingNs(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        Utils.closeQuietly(metrics, "group metrics");
    }
}
