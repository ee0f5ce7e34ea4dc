package io.headrace.kafka;

import io.headrace.engine.Deadline;
import io.headrace.engine.EngineException;
import io.headrace.engine.Experimental;
import io.headrace.kafka.config.AlterConfigsHandler;
import io.headrace.kafka.config.DescribeConfigsHandler;
import io.headrace.kafka.group.GroupHandlers;
import io.headrace.kafka.group.GroupPositions;
import io.headrace.kafka.group.Groups;
import io.headrace.kafka.group.LaneOwners;
import io.headrace.kafka.log.DeleteRecordsHandler;
import io.headrace.kafka.log.FetchHandler;
import io.headrace.kafka.log.InitProducerIdHandler;
import io.headrace.kafka.log.ListOffsetsHandler;
import io.headrace.kafka.log.OffsetForLeaderEpochHandler;
import io.headrace.kafka.log.ProduceHandler;
import io.headrace.kafka.topic.CreatePartitionsHandler;
import io.headrace.kafka.topic.CreateTopicsHandler;
import io.headrace.kafka.topic.DeleteTopicsHandler;
import io.headrace.kafka.topic.DescribeClusterHandler;
import io.headrace.kafka.topic.DescribeTopicPartitionsHandler;
import io.headrace.kafka.topic.MetadataHandler;
import io.headrace.kafka.topic.TopicDirectory;
import io.headrace.kafka.topic.TopicIds;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.ObjLongConsumer;
import org.apache.kafka.common.protocol.ApiKeys;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A Kafka broker's face on an engine: listeners, connections, and the APIs.
 *
 * <p>Thread-safe. The caller who launched it owns it, closes it, and closes the engine after it.
 */
@Experimental
public final class KafkaShell implements AutoCloseable {
    private static final Logger LOGGER = LoggerFactory.getLogger(KafkaShell.class);

    /** Above it a connection's requests wait in the socket until the peer has taken responses. */
    private static final WriteBufferWaterMark WRITE_BUFFER_WATER_MARK =
            new WriteBufferWaterMark(4 << 20, 8 << 20);

    private static final int BACKGROUND_QUEUE_LENGTH = 1024;
    private static final long BACKGROUND_CLOSE_TIMEOUT_MS = 5_000;

    private final KafkaShellContext context;
    private final RequestHandlers handlers = new RequestHandlers();
    private final ShellMetrics metrics = new ShellMetrics();
    private final InFlightBudget budget;
    private final Set<KafkaConnection> connections = ConcurrentHashMap.newKeySet();
    private final Map<InetAddress, Integer> connectionCountByIp = new ConcurrentHashMap<>();
    private final Map<String, Channel> serverChannelByListener = new LinkedHashMap<>();
    private final ThreadPoolExecutor background = backgroundExecutor();
    private volatile @Nullable Groups groups;
    private volatile @Nullable GroupHandlers groupHandlers;
    private final EventLoopGroup eventLoops;
    private final Class<? extends ServerChannel> serverChannelClass;

    private KafkaShell(KafkaShellContext context) {
        this.context = context;
        this.budget = new InFlightBudget(context.bytesInFlightMax());
        boolean epoll = Epoll.isAvailable();
        if (!epoll) {
            LOGGER.info("no native epoll here, using NIO: cause={}", cause());
        }
        IoHandlerFactory io = epoll ? EpollIoHandler.newFactory() : NioIoHandler.newFactory();
        serverChannelClass = epoll ? EpollServerSocketChannel.class : NioServerSocketChannel.class;
        eventLoops =
                new MultiThreadIoEventLoopGroup(
                        context.eventLoopThreads(), new DefaultThreadFactory("kafka-io"), io);
    }

    /** One thread for the few requests that take long; what its queue cannot hold is refused. */
    private static ThreadPoolExecutor backgroundExecutor() {
        ThreadPoolExecutor executor =
                new ThreadPoolExecutor(
                        1,
                        1,
                        10,
                        TimeUnit.SECONDS,
                        new ArrayBlockingQueue<>(BACKGROUND_QUEUE_LENGTH),
                        new DefaultThreadFactory("kafka-background", true));
        executor.allowCoreThreadTimeOut(true);
        return executor;
    }

    private static String cause() {
        Throwable cause = Epoll.unavailabilityCause();
        return cause == null ? "unknown" : cause.toString();
    }

    /**
     * Starts to serve an engine. Clients may connect when this returns.
     *
     * @throws io.headrace.engine.InvalidConfigException if the context has a bad value
     * @throws EngineException if a listener cannot be bound, or the offsets topic not be created
     */
    public static KafkaShell launch(KafkaShellContext context) {
        KafkaShell shell = new KafkaShell(context.conclude());
        try {
            TopicDirectory topics = shell.registerHandlers();
            shell.bindListeners(); // before work begins that would have to be undone
            shell.startGroups(topics);
            return shell;
        } catch (RuntimeException e) {
            shell.close();
            throw e;
        }
    }

    private TopicDirectory registerHandlers() {
        TopicDirectory topics =
                new TopicDirectory(context.engine(), new TopicIds(context.clusterId()));
        GroupHandlers.register(handlers, () -> groupHandlers);
        new ApiVersionsHandler(handlers).register();
        registerLogHandlers(topics);
        registerTopicHandlers(topics);
        return topics;
    }

    private void startGroups(TopicDirectory topics) {
        Groups started = Groups.start(topics, context.groups());
        groups = started;
        groupHandlers = new GroupHandlers(started);
    }

    private void registerLogHandlers(TopicDirectory topics) {
        handlers.register(ApiKeys.PRODUCE, new ProduceHandler(topics))
                .register(ApiKeys.FETCH, new FetchHandler(context, topics, this::laneOwners))
                .register(ApiKeys.LIST_OFFSETS, new ListOffsetsHandler(topics, background))
                .register(ApiKeys.OFFSET_FOR_LEADER_EPOCH, new OffsetForLeaderEpochHandler(topics))
                .register(ApiKeys.DELETE_RECORDS, new DeleteRecordsHandler(topics))
                .register(ApiKeys.INIT_PRODUCER_ID, new InitProducerIdHandler(topics.catalog()));
    }

    private @Nullable LaneOwners laneOwners() {
        Groups started = groups;
        return started == null ? null : started.laneOwners();
    }

    private void registerTopicHandlers(TopicDirectory topics) {
        AlterConfigsHandler alterConfigs = new AlterConfigsHandler(topics);
        handlers.register(ApiKeys.METADATA, new MetadataHandler(context, topics, background))
                .register(ApiKeys.CREATE_TOPICS, new CreateTopicsHandler(context, topics))
                .register(ApiKeys.DELETE_TOPICS, new DeleteTopicsHandler(topics))
                .register(ApiKeys.CREATE_PARTITIONS, new CreatePartitionsHandler(context, topics))
                .register(
                        ApiKeys.DESCRIBE_TOPIC_PARTITIONS,
                        new DescribeTopicPartitionsHandler(context, topics, background))
                .register(ApiKeys.DESCRIBE_CONFIGS, new DescribeConfigsHandler(context, topics))
                .register(ApiKeys.INCREMENTAL_ALTER_CONFIGS, alterConfigs::handleIncremental)
                .register(ApiKeys.ALTER_CONFIGS, alterConfigs::handleWhole)
                .register(ApiKeys.DESCRIBE_CLUSTER, new DescribeClusterHandler(context));
    }

    private void bindListeners() {
        for (Listener listener : context.listeners()) {
            Channel channel = bind(listener);
            serverChannelByListener.put(listener.name(), channel);
            LOGGER.info(
                    "listening: listener={} address={}", listener.name(), channel.localAddress());
        }
    }

    private Channel bind(Listener listener) {
        InetSocketAddress address =
                listener.host().isEmpty()
                        ? new InetSocketAddress(listener.port())
                        : new InetSocketAddress(listener.host(), listener.port());
        var bound = bootstrap(listener).bind(address).awaitUninterruptibly();
        if (!bound.isSuccess()) {
            throw new EngineException(
                    "cannot listen: listener="
                            + listener.name()
                            + " address="
                            + listener.host()
                            + ":"
                            + listener.port(),
                    bound.cause());
        }
        return bound.channel();
    }

    private ServerBootstrap bootstrap(Listener listener) {
        return new ServerBootstrap()
                .group(eventLoops)
                .channel(serverChannelClass)
                .option(ChannelOption.SO_REUSEADDR, true)
                .option(ChannelOption.SO_BACKLOG, 1024)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childOption(ChannelOption.SO_KEEPALIVE, true)
                .childOption(ChannelOption.ALLOCATOR, PooledByteBufAllocator.DEFAULT)
                .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, WRITE_BUFFER_WATER_MARK)
                .childHandler(
                        new ChannelInitializer<>() {
                            @Override
                            protected void initChannel(Channel channel) {
                                admit(channel, listener);
                            }
                        });
    }

    private void admit(Channel channel, Listener listener) {
        InetAddress ip = ((InetSocketAddress) channel.remoteAddress()).getAddress();
        int countOfIp = connectionCountByIp.merge(ip, 1, Integer::sum);
        channel.closeFuture()
                .addListener(
                        closed -> connectionCountByIp.computeIfPresent(ip, KafkaShell::decrement));
        if (connections.size() >= context.connectionsMax()) {
            refuse(channel, "max.connections=" + context.connectionsMax());
        } else if (countOfIp > context.connectionsPerIpMax()) {
            refuse(channel, "max.connections.per.ip=" + context.connectionsPerIpMax());
        } else {
            connect(channel, new KafkaConnection(context, listener, handlers, budget, metrics));
        }
    }

    private static @Nullable Integer decrement(InetAddress ip, Integer count) {
        return count == 1 ? null : count - 1;
    }

    private void refuse(Channel channel, String reason) {
        metrics.onConnectionRefused(channel.remoteAddress(), reason);
        channel.close();
    }

    private void connect(Channel channel, KafkaConnection connection) {
        connections.add(connection);
        channel.closeFuture().addListener(closed -> connections.remove(connection));
        channel.config().setRecvByteBufAllocator(connection.frames());
        channel.pipeline().addLast(connection);
    }

    /** The port of the first listener. */
    public int boundPort() {
        return boundPort(context.listeners().get(0).name());
    }

    /**
     * The port of a listener.
     *
     * @throws IllegalArgumentException if there is no listener of that name
     */
    public int boundPort(String listenerName) {
        Channel channel = serverChannelByListener.get(listenerName);
        if (channel == null) {
            throw new IllegalArgumentException("no such listener: name=" + listenerName);
        }
        return ((InetSocketAddress) channel.localAddress()).getPort();
    }

    /** The committed positions of groups; served until the shell closes. */
    public GroupPositions groupPositions() {
        return Objects.requireNonNull(groups, "groups").positions();
    }

    /** Calls the consumer with each counter and gauge, named in Prometheus style with its unit. */
    public void metrics(ObjLongConsumer<String> consumer) {
        metrics.forEach(consumer);
        consumer.accept("headrace_kafka_in_flight_bytes", budget.bytes());
        consumer.accept("headrace_kafka_parked_bytes", budget.parkedBytes());
    }

    /** As {@link #close(Deadline)}, within {@link KafkaShellContext#closeTimeoutMs}. */
    @Override
    public void close() {
        close(Deadline.afterMs(context.closeTimeoutMs()));
    }

    /**
     * Accepts no more connections and no more requests, waits for what is in flight until the
     * deadline, then closes every connection and ends the threads.
     */
    public void close(Deadline deadline) {
        List<Channel> servers = new ArrayList<>(serverChannelByListener.values());
        servers.forEach(server -> server.close().awaitUninterruptibly());
        closeGroups(deadline);
        long deadlineNanos = System.nanoTime() + deadline.remainingNs();
        for (KafkaConnection connection : connections) {
            connection.closeSoon();
        }
        for (KafkaConnection connection : connections) {
            connection.awaitClosed(deadlineNanos);
        }
        closeBackground();
        eventLoops
                .shutdownGracefully(0, 2_000, TimeUnit.MILLISECONDS)
                .awaitUninterruptibly(deadline.remainingMs(), TimeUnit.MILLISECONDS);
    }

    /** Ends what waits there: its leases have to be given back. */
    private void closeBackground() {
        background.shutdown();
        try {
            background.awaitTermination(BACKGROUND_CLOSE_TIMEOUT_MS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        background.shutdownNow();
    }

    /** Answers the members that wait for a rebalance. */
    private void closeGroups(Deadline deadline) {
        Groups started = groups;
        if (started != null) {
            started.close(deadline);
        }
    }
}
