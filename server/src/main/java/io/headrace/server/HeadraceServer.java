package io.headrace.server;

import io.headrace.aeron.AeronShell;
import io.headrace.aeron.AeronShellContext;
import io.headrace.aeron.AeronTopic;
import io.headrace.engine.Deadline;
import io.headrace.engine.Engine;
import io.headrace.engine.EngineContext;
import io.headrace.engine.EngineException;
import io.headrace.engine.Experimental;
import io.headrace.engine.log.StorageEngine;
import io.headrace.kafka.KafkaShell;
import io.headrace.kafka.KafkaShellContext;
import io.headrace.kafka.Listener;
import io.headrace.kafka.group.GroupContext;
import io.headrace.offheap.OffHeapContext;
import io.headrace.offheap.OffHeapMemoryStore;
import io.headrace.server.admin.AdminListener;
import io.headrace.server.admin.MetricSource;
import io.headrace.server.admin.ProcessMetrics;
import io.headrace.server.admin.SourceMetrics;
import io.headrace.server.bookmark.Bookmarks;
import io.headrace.server.config.ConfigException;
import io.headrace.server.config.ConfigKeys;
import io.headrace.server.config.Endpoint;
import io.headrace.server.config.ServerConfig;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A server: an engine with its stores, the Kafka shell, the Aeron shell if it has streams, and the
 * admin listener, wired as the configuration says.
 *
 * <p>The caller who launched it owns it and closes it, from any thread.
 */
@Experimental
public final class HeadraceServer implements AutoCloseable {
    private static final Logger LOGGER = LoggerFactory.getLogger(HeadraceServer.class);

    /** Time for everything to end; service managers wait ten seconds before they kill. */
    static final long CLOSE_MS = 9_000;

    /**
     * Of that, left to the engine: to sync, to note the clean stop, and to wait for its readers.
     */
    private static final long ENGINE_CLOSE_MS = 4_000;

    /** What was opened, last first: closed in this order. */
    private final Deque<Opened> opened = new ArrayDeque<>();

    private final List<MetricSource> metricSources = new CopyOnWriteArrayList<>();
    private final ServerConfig config;
    private volatile boolean ready;
    private @Nullable AdminListener admin;
    private @Nullable Engine engine;
    private @Nullable KafkaShell kafka;

    /** Ends a part, which waits until the deadline at most. */
    private interface Closing {
        void by(Deadline deadline) throws Exception;
    }

    private record Opened(Object part, Closing closing) {}

    private HeadraceServer(ServerConfig config) {
        this.config = config;
    }

    /**
     * Starts everything. Clients are served when this returns.
     *
     * @throws ConfigException if a value cannot be used
     * @throws EngineException if a part cannot be started, naming it
     */
    public static HeadraceServer launch(ServerConfig config) {
        HeadraceServer server = new HeadraceServer(config);
        try {
            server.start();
            return server;
        } catch (RuntimeException e) {
            server.close();
            throw e;
        }
    }

    private void start() {
        launchAdmin();
        OffHeapMemoryStore memory =
                closedLater(
                        new OffHeapMemoryStore(
                                new OffHeapContext()
                                        .budgetBytes(config.get(ConfigKeys.MEMORY_BUDGET_BYTES))));
        ObjectStores stores = closedLater(ObjectStores.open(config));
        metricSources.add(stores::metrics);
        String clusterId = ClusterId.of(EngineSettings.folder(config));
        EngineContext context = EngineSettings.of(config, memory);
        stores.forEach(context::objectStore);
        Engine launched = StorageEngine.launch(context);
        closedLater(launched, launched::close);
        engine = launched;
        metricSources.add(consumer -> engineMetrics(launched, consumer));
        showOnAdmin(launched, clusterId);
        KafkaShell shell = KafkaShell.launch(kafkaContext(launched, clusterId));
        closedLater(shell, deadline -> shell.close(deadline.earlierByMs(ENGINE_CLOSE_MS)));
        kafka = shell;
        metricSources.add(shell::metrics);
        if (admin != null) {
            admin.serveBookmarks(closedLater(new Bookmarks(launched, shell.groupPositions())));
        }
        launchAeron(launched);
        ready = true;
        stores.probe();
    }

    private void launchAdmin() {
        String address = config.get(ConfigKeys.ADMIN_LISTENER);
        metricSources.add(new ProcessMetrics());
        if (!address.isEmpty()) {
            Endpoint endpoint = Endpoint.of(address);
            admin = closedLater(bindAdmin(endpoint));
            LOGGER.info("metrics and health: address={}:{}", endpoint.host(), admin.port());
        }
    }

    private AdminListener bindAdmin(Endpoint endpoint) {
        try {
            return AdminListener.launch(
                    endpoint.bindAddress(),
                    config.get(ConfigKeys.ADMIN_HOSTS),
                    () -> ready,
                    metricSources);
        } catch (IOException e) {
            throw new EngineException(
                    "cannot listen: key="
                            + ConfigKeys.ADMIN_LISTENER.name()
                            + " address="
                            + config.get(ConfigKeys.ADMIN_LISTENER),
                    e);
        }
    }

    private void showOnAdmin(Engine launched, String clusterId) {
        if (admin != null) {
            admin.serveSources(launched.catalog(), launched.sources());
            admin.serveBackups(launched.backups(), clusterId);
            admin.serveViews(launched.catalog(), launched.views());
            admin.serveDatasets(launched, clusterId);
            metricSources.add(new SourceMetrics(launched.sources()));
        }
    }

    private void launchAeron(Engine launched) {
        List<AeronTopic> streams = AeronTopic.parse(config.get(ConfigKeys.AERON_PUBLICATIONS));
        if (streams.isEmpty()) {
            return;
        }
        AeronShellContext context =
                new AeronShellContext()
                        .engine(launched)
                        .topics(streams)
                        .driverEmbedded(config.get(ConfigKeys.AERON_DRIVER_EMBEDDED));
        String directory = config.get(ConfigKeys.AERON_DIRECTORY);
        if (!directory.isEmpty()) {
            context.aeronDirectory(directory);
        }
        AeronShell shell = closedLater(AeronShell.launch(context));
        metricSources.add(shell.metrics()::forEach);
    }

    private static void engineMetrics(Engine engine, ObjLongConsumer<String> consumer) {
        engine.metrics().forEach(consumer);
        engine.metrics()
                .forEachOffHeapTag(
                        (tag, bytes) ->
                                consumer.accept(
                                        "headrace_offheap_bytes{tag=\"" + tag + "\"}", bytes));
    }

    private KafkaShellContext kafkaContext(Engine engine, String clusterId) {
        KafkaShellContext context =
                new KafkaShellContext()
                        .engine(engine)
                        .clusterId(clusterId)
                        .groups(groupContext())
                        .listeners(listeners(config))
                        .nodeId(config.intOf(ConfigKeys.NODE_ID))
                        .autoCreateTopics(config.get(ConfigKeys.AUTO_CREATE_TOPICS))
                        .partitionCountDefault(config.intOf(ConfigKeys.NUM_PARTITIONS))
                        .socketRequestMaxBytes(config.intOf(ConfigKeys.SOCKET_REQUEST_MAX_BYTES))
                        .bytesInFlightMax(config.get(ConfigKeys.QUEUED_MAX_REQUEST_BYTES))
                        .connectionsMax(config.intOf(ConfigKeys.MAX_CONNECTIONS))
                        .connectionsPerIpMax(config.intOf(ConfigKeys.MAX_CONNECTIONS_PER_IP))
                        .connectionsMaxIdleMs(config.get(ConfigKeys.CONNECTIONS_MAX_IDLE_MS))
                        .stallTimeoutMs(config.get(ConfigKeys.KAFKA_STALL_TIMEOUT_MS))
                        .fetchWaitMaxMs(config.intOf(ConfigKeys.KAFKA_FETCH_WAIT_MAX_MS));
        int threads = config.intOf(ConfigKeys.NUM_NETWORK_THREADS);
        return threads == 0 ? context : context.eventLoopThreads(threads);
    }

    private GroupContext groupContext() {
        return new GroupContext()
                .properties(config.groupProperties())
                .heartbeatHoldMs(config.get(ConfigKeys.GROUP_HEARTBEAT_HOLD_MS))
                .lostMemberMs(config.get(ConfigKeys.GROUP_LOST_MEMBER_MS));
    }

    /** Listeners with what they advertise; named by their order, since all are plaintext. */
    static List<Listener> listeners(ServerConfig config) {
        List<Endpoint> bound = config.get(ConfigKeys.LISTENERS);
        List<Endpoint> advertised = config.get(ConfigKeys.ADVERTISED_LISTENERS);
        if (bound.isEmpty()) {
            throw new ConfigException("bad value: key=listeners value= allowed=at least one");
        }
        if (!advertised.isEmpty() && advertised.size() != bound.size()) {
            throw new ConfigException(
                    "bad value: key=advertised.listeners count="
                            + advertised.size()
                            + " allowed=as many as listeners: "
                            + bound.size());
        }
        List<Listener> listeners = new ArrayList<>();
        for (int i = 0; i < bound.size(); i++) {
            String name = i == 0 ? "PLAINTEXT" : "PLAINTEXT" + i;
            Endpoint shown = advertised.isEmpty() ? new Endpoint("", 0) : advertised.get(i);
            Endpoint endpoint = bound.get(i);
            listeners.add(
                    new Listener(
                            name, endpoint.host(), endpoint.port(), shown.host(), shown.port()));
        }
        return listeners;
    }

    private <T extends AutoCloseable> T closedLater(T part) {
        closedLater(part, deadline -> part.close());
        return part;
    }

    private void closedLater(Object part, Closing closing) {
        opened.push(new Opened(part, closing));
    }

    /** The engine that is served; the server owns it. */
    public Engine engine() {
        return Objects.requireNonNull(engine, "engine");
    }

    /** The port of the first Kafka listener. */
    public int kafkaPort() {
        return Objects.requireNonNull(kafka, "kafka").boundPort();
    }

    /** The port of the admin listener; 0 if there is none. */
    public int adminPort() {
        return admin == null ? 0 : admin.port();
    }

    /**
     * Answers what is in flight, syncs the journals and ends every thread. Does nothing the second
     * time. Every part is closed, whatever the others do; they share one deadline.
     */
    @Override
    public synchronized void close() {
        ready = false;
        Deadline deadline = Deadline.afterMs(CLOSE_MS);
        while (!opened.isEmpty()) {
            Opened next = opened.pop();
            try {
                next.closing.by(deadline);
            } catch (Exception e) {
                LOGGER.error("a part did not close: part={}", next.part, e);
            }
        }
    }
}
