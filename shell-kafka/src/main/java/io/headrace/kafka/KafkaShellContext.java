package io.headrace.kafka;

import io.headrace.engine.Engine;
import io.headrace.engine.Experimental;
import io.headrace.engine.InvalidConfigException;
import io.headrace.kafka.group.GroupContext;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What a Kafka shell is made of. Set, then {@link #conclude}d once by {@link KafkaShell#launch},
 * and not changed afterwards.
 */
@Experimental
public final class KafkaShellContext {
    private static final int MIB = 1 << 20;

    private @Nullable Engine engine;
    private List<Listener> listeners = List.of(Listener.of("127.0.0.1", 9092));
    private int nodeId = 1;
    private String clusterId = "headrace";
    private boolean autoCreateTopics = true;
    private int partitionCountDefault = 1;
    private int socketRequestMaxBytes = 100 * MIB;
    private int connectionsMax = 10_000;
    private int connectionsPerIpMax = Integer.MAX_VALUE;
    private int requestsInFlightPerConnectionMax = 256;
    private long bytesInFlightPerConnectionMax = 64L * MIB;
    private long bytesInFlightMax = 512L * MIB;
    private long connectionsMaxIdleMs = 10 * 60 * 1000L;
    private long stallTimeoutMs = 30_000;
    private int fetchWaitMaxMs = 300_000;
    private int eventLoopThreads = defaultEventLoopThreads();
    private long closeTimeoutMs = 5_000;
    private Map<String, String> brokerConfigs = Map.of();
    private GroupContext groups = new GroupContext();

    private static int defaultEventLoopThreads() {
        int cores = Runtime.getRuntime().availableProcessors();
        // Clients on the same small machine need the other core.
        return cores <= 2 ? 1 : Math.min(16, cores / 2);
    }

    /**
     * The engine that is served. The caller owns it, and closes it after the shell.
     *
     * @return this
     */
    public KafkaShellContext engine(Engine value) {
        this.engine = value;
        return this;
    }

    /** The engine that is served. */
    public Engine engine() {
        return Objects.requireNonNull(engine, "engine");
    }

    /**
     * How groups are coordinated.
     *
     * @return this
     */
    public KafkaShellContext groups(GroupContext value) {
        this.groups = value;
        return this;
    }

    /** How groups are coordinated. */
    public GroupContext groups() {
        return groups;
    }

    /**
     * Where clients connect; at least one.
     *
     * @return this
     */
    public KafkaShellContext listeners(List<Listener> value) {
        this.listeners = List.copyOf(value);
        return this;
    }

    /** Where clients connect. */
    public List<Listener> listeners() {
        return listeners;
    }

    /**
     * Number of this node, as clients see it; not negative.
     *
     * @return this
     */
    public KafkaShellContext nodeId(int value) {
        this.nodeId = value;
        return this;
    }

    /** Number of this node. */
    public int nodeId() {
        return nodeId;
    }

    /**
     * Name of the cluster; topic ids that clients see are derived from it, so it must not change
     * while the data stays. 1 to 128 characters.
     *
     * @return this
     */
    public KafkaShellContext clusterId(String value) {
        this.clusterId = value;
        return this;
    }

    /** Name of the cluster. */
    public String clusterId() {
        return clusterId;
    }

    /**
     * Whether a Metadata request creates a topic that is not there ({@code
     * auto.create.topics.enable}).
     *
     * @return this
     */
    public KafkaShellContext autoCreateTopics(boolean value) {
        this.autoCreateTopics = value;
        return this;
    }

    /** Whether a Metadata request creates a topic that is not there. */
    public boolean autoCreateTopics() {
        return autoCreateTopics;
    }

    /**
     * Partitions of a topic whose creator does not say ({@code num.partitions}).
     *
     * @return this
     */
    public KafkaShellContext partitionCountDefault(int value) {
        this.partitionCountDefault = value;
        return this;
    }

    /** Partitions of a topic whose creator does not say. */
    public int partitionCountDefault() {
        return partitionCountDefault;
    }

    /**
     * Longest request, in bytes ({@code socket.request.max.bytes}); a longer one closes the
     * connection.
     *
     * @return this
     */
    public KafkaShellContext socketRequestMaxBytes(int value) {
        this.socketRequestMaxBytes = value;
        return this;
    }

    /** Longest request, in bytes. */
    public int socketRequestMaxBytes() {
        return socketRequestMaxBytes;
    }

    /**
     * Open connections ({@code max.connections}); further ones are closed at once.
     *
     * @return this
     */
    public KafkaShellContext connectionsMax(int value) {
        this.connectionsMax = value;
        return this;
    }

    /** Open connections. */
    public int connectionsMax() {
        return connectionsMax;
    }

    /**
     * Open connections from one address ({@code max.connections.per.ip}).
     *
     * @return this
     */
    public KafkaShellContext connectionsPerIpMax(int value) {
        this.connectionsPerIpMax = value;
        return this;
    }

    /** Open connections from one address. */
    public int connectionsPerIpMax() {
        return connectionsPerIpMax;
    }

    /**
     * Requests of one connection that are not yet answered; more are left in the socket.
     *
     * @return this
     */
    public KafkaShellContext requestsInFlightPerConnectionMax(int value) {
        this.requestsInFlightPerConnectionMax = value;
        return this;
    }

    /** Requests of one connection that are not yet answered. */
    public int requestsInFlightPerConnectionMax() {
        return requestsInFlightPerConnectionMax;
    }

    /**
     * Bytes of requests and responses that one connection holds before its socket is no longer
     * read; exceeded by at most one request, and by one batch for each fetch in flight.
     *
     * @return this
     */
    public KafkaShellContext bytesInFlightPerConnectionMax(long value) {
        this.bytesInFlightPerConnectionMax = value;
        return this;
    }

    /** Bytes of requests and responses that one connection holds. */
    public long bytesInFlightPerConnectionMax() {
        return bytesInFlightPerConnectionMax;
    }

    /**
     * Bytes of requests that all connections have in work before no further one is read. As many
     * again may be held by requests that wait, for records or for a rebalance. Responses are not
     * counted: who does not take his own is held up alone.
     *
     * @return this
     */
    public KafkaShellContext bytesInFlightMax(long value) {
        this.bytesInFlightMax = value;
        return this;
    }

    /** Bytes of requests that all connections have in work. */
    public long bytesInFlightMax() {
        return bytesInFlightMax;
    }

    /**
     * Time without a request after which a connection is closed ({@code connections.max.idle.ms}),
     * in milliseconds.
     *
     * @return this
     */
    public KafkaShellContext connectionsMaxIdleMs(long value) {
        this.connectionsMaxIdleMs = value;
        return this;
    }

    /** Time without a request after which a connection is closed, in milliseconds. */
    public long connectionsMaxIdleMs() {
        return connectionsMaxIdleMs;
    }

    /**
     * Time in which something of a request that began to arrive has to come, and something of a
     * response has to be taken, in milliseconds; a peer that stalls is disconnected after one to
     * two times as long.
     *
     * @return this
     */
    public KafkaShellContext stallTimeoutMs(long value) {
        this.stallTimeoutMs = value;
        return this;
    }

    /** Time in which something of a request has to come, and of a response to be taken. */
    public long stallTimeoutMs() {
        return stallTimeoutMs;
    }

    /**
     * Longest time that a fetch waits for records, in milliseconds, whatever the client allows.
     *
     * @return this
     */
    public KafkaShellContext fetchWaitMaxMs(int value) {
        this.fetchWaitMaxMs = value;
        return this;
    }

    /** Longest time that a fetch waits for records, in milliseconds. */
    public int fetchWaitMaxMs() {
        return fetchWaitMaxMs;
    }

    /**
     * Threads that serve the connections.
     *
     * @return this
     */
    public KafkaShellContext eventLoopThreads(int value) {
        this.eventLoopThreads = value;
        return this;
    }

    /** Threads that serve the connections. */
    public int eventLoopThreads() {
        return eventLoopThreads;
    }

    /**
     * Longest time that {@link KafkaShell#close} waits for requests in flight, in milliseconds.
     *
     * @return this
     */
    public KafkaShellContext closeTimeoutMs(long value) {
        this.closeTimeoutMs = value;
        return this;
    }

    /** Longest time that closing waits for requests in flight, in milliseconds. */
    public long closeTimeoutMs() {
        return closeTimeoutMs;
    }

    /**
     * Further configs of the server, to be described to clients as they are.
     *
     * @return this
     */
    public KafkaShellContext brokerConfigs(Map<String, String> value) {
        this.brokerConfigs = Map.copyOf(value);
        return this;
    }

    /** Every config of the server that clients are told, by Kafka's name where it has one. */
    public Map<String, String> describedConfigs() {
        Map<String, String> configs = new TreeMap<>(brokerConfigs);
        configs.put("node.id", Integer.toString(nodeId));
        configs.put("broker.id", Integer.toString(nodeId));
        configs.put("auto.create.topics.enable", Boolean.toString(autoCreateTopics));
        configs.put("num.partitions", Integer.toString(partitionCountDefault));
        configs.put("default.replication.factor", "1");
        configs.put("socket.request.max.bytes", Integer.toString(socketRequestMaxBytes));
        configs.put("max.connections", Integer.toString(connectionsMax));
        configs.put("max.connections.per.ip", Integer.toString(connectionsPerIpMax));
        configs.put("connections.max.idle.ms", Long.toString(connectionsMaxIdleMs));
        return configs;
    }

    /**
     * Checks every value.
     *
     * @return this
     * @throws InvalidConfigException naming the first bad one
     */
    public KafkaShellContext conclude() {
        engine();
        check("listeners", listeners.size(), 1, 64);
        for (Listener listener : listeners) {
            check("listeners.port", listener.port(), 0, 65_535);
            check("advertised.listeners.port", listener.advertisedPort(), 0, 65_535);
        }
        check("node.id", nodeId, 0, Integer.MAX_VALUE);
        check("clusterId.length", clusterId.length(), 1, 128);
        check("num.partitions", partitionCountDefault, 1, 100_000);
        check("socket.request.max.bytes", socketRequestMaxBytes, 1024, Integer.MAX_VALUE - 16);
        check("max.connections", connectionsMax, 1, Integer.MAX_VALUE);
        check("max.connections.per.ip", connectionsPerIpMax, 1, Integer.MAX_VALUE);
        check("requestsInFlightPerConnectionMax", requestsInFlightPerConnectionMax, 1, 65_536);
        check("bytesInFlightPerConnectionMax", bytesInFlightPerConnectionMax, 1024, Long.MAX_VALUE);
        check("bytesInFlightMax", bytesInFlightMax, 1024, Long.MAX_VALUE);
        check("connections.max.idle.ms", connectionsMaxIdleMs, 1, Long.MAX_VALUE);
        check("headrace.kafka.stall.timeout.ms", stallTimeoutMs, 1, Integer.MAX_VALUE);
        check("headrace.kafka.fetch.wait.max.ms", fetchWaitMaxMs, 0, Integer.MAX_VALUE);
        check("eventLoopThreads", eventLoopThreads, 1, 256);
        check("closeTimeoutMs", closeTimeoutMs, 0, Integer.MAX_VALUE);
        return this;
    }

    private static void check(String key, long value, long min, long max) {
        if (value < min || value > max) {
            throw new InvalidConfigException(key, Long.toString(value), min + " to " + max);
        }
    }
}
