package io.headrace.bench.kafkaload;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.ListOffsetsResult;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.TopicPartition;

/** A running broker, either contestant: its process, and the topics that a round needs. */
public final class Broker implements AutoCloseable {
    private static final Duration START_PATIENCE = Duration.ofSeconds(60);
    private static final long CALL_PATIENCE_S = 60;
    private static final long LEADERS_POLL_MS = 50;

    private final String name;
    private final String version;
    private final String bootstrapServer;
    private final Map<String, String> topicConfigs;
    private final ChildProcess process;
    private final Admin admin;
    private final double startSeconds;

    private Broker(
            String name,
            String version,
            String bootstrapServer,
            Map<String, String> topicConfigs,
            ChildProcess process,
            double startSeconds,
            Admin admin) {
        this.name = name;
        this.version = version;
        this.bootstrapServer = bootstrapServer;
        this.topicConfigs = topicConfigs;
        this.process = process;
        this.startSeconds = startSeconds;
        this.admin = admin;
    }

    /** Takes over a process that was just started, and waits until it answers. */
    static Broker await(
            String name,
            String version,
            String bootstrapServer,
            Map<String, String> topicConfigs,
            ChildProcess process)
            throws InterruptedException {
        MetadataProbe.await(
                address(bootstrapServer), process, process.startNs() + START_PATIENCE.toNanos());
        double startSeconds = (System.nanoTime() - process.startNs()) / 1e9;
        Admin admin = Admin.create(adminProperties(bootstrapServer));
        try {
            awaitController(admin, process, process.startNs() + START_PATIENCE.toNanos());
        } catch (RuntimeException e) {
            admin.close(Duration.ZERO);
            process.close();
            throw e;
        }
        return new Broker(
                name, version, bootstrapServer, topicConfigs, process, startSeconds, admin);
    }

    private static Properties adminProperties(String bootstrapServer) {
        Properties properties = new Properties();
        properties.put(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServer);
        properties.put(AdminClientConfig.RECONNECT_BACKOFF_MS_CONFIG, "50");
        properties.put(AdminClientConfig.RECONNECT_BACKOFF_MAX_MS_CONFIG, "200");
        return properties;
    }

    private static InetSocketAddress address(String bootstrapServer) {
        int colon = bootstrapServer.lastIndexOf(':');
        return new InetSocketAddress(
                bootstrapServer.substring(0, colon),
                Integer.parseInt(bootstrapServer.substring(colon + 1)));
    }

    /** A broker that answers may still be without a controller, and then takes no topics. */
    private static void awaitController(Admin admin, ChildProcess process, long deadlineNs)
            throws InterruptedException {
        while (true) {
            try {
                admin.describeCluster().controller().get(2, TimeUnit.SECONDS);
                return;
            } catch (ExecutionException | java.util.concurrent.TimeoutException e) {
                if (!process.isAlive() || System.nanoTime() > deadlineNs) {
                    throw process.failure("did not answer: " + e);
                }
            }
        }
    }

    String name() {
        return name;
    }

    /** What it is, with its version. */
    public String version() {
        return version;
    }

    /** For clients' {@code bootstrap.servers}. */
    public String bootstrapServer() {
        return bootstrapServer;
    }

    /** Time from the start of the process to the first answered Metadata request, in seconds. */
    double startSeconds() {
        return startSeconds;
    }

    /** User and system time so far. */
    public double cpuSeconds() {
        return ProcessStat.cpuSeconds(process.pid());
    }

    long residentBytes() {
        return ProcessStat.residentBytes(process.pid());
    }

    /** A topic with one partition. */
    public void createTopic(String topic) throws InterruptedException {
        createTopic(topic, 1);
    }

    /** A topic with so many partitions. */
    void createTopic(String topic, int partitions) throws InterruptedException {
        NewTopic newTopic = new NewTopic(topic, partitions, (short) 1).configs(topicConfigs);
        try {
            admin.createTopics(List.of(newTopic)).all().get(CALL_PATIENCE_S, TimeUnit.SECONDS);
        } catch (ExecutionException | java.util.concurrent.TimeoutException e) {
            throw process.failure("cannot create topic " + topic + ": " + e);
        }
    }

    /** Waits until every partition of a topic that was just created has its leader. */
    void awaitLeaders(String topic, int partitions) throws InterruptedException {
        long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(CALL_PATIENCE_S);
        while (true) {
            try {
                ends(topic, partitions);
                return;
            } catch (ExecutionException | java.util.concurrent.TimeoutException e) {
                if (System.nanoTime() > deadlineNs) {
                    throw process.failure("no leaders of " + topic + ": " + e);
                }
                Thread.sleep(LEADERS_POLL_MS);
            }
        }
    }

    /** How many records a topic got: the end offsets of its partitions, added up. */
    long recordCount(String topic, int partitions) throws InterruptedException {
        try {
            return ends(topic, partitions);
        } catch (ExecutionException | java.util.concurrent.TimeoutException e) {
            throw process.failure("cannot list offsets of " + topic + ": " + e);
        }
    }

    private long ends(String topic, int partitions)
            throws InterruptedException, ExecutionException, java.util.concurrent.TimeoutException {
        Map<TopicPartition, OffsetSpec> asked = new HashMap<>();
        for (int partition = 0; partition < partitions; partition++) {
            asked.put(new TopicPartition(topic, partition), OffsetSpec.latest());
        }
        return admin
                .listOffsets(asked)
                .all()
                .get(CALL_PATIENCE_S, TimeUnit.SECONDS)
                .values()
                .stream()
                .mapToLong(ListOffsetsResult.ListOffsetsResultInfo::offset)
                .sum();
    }

    void deleteTopic(String topic) throws InterruptedException {
        try {
            admin.deleteTopics(Set.of(topic)).all().get(CALL_PATIENCE_S, TimeUnit.SECONDS);
        } catch (ExecutionException | java.util.concurrent.TimeoutException e) {
            throw process.failure("cannot delete topic " + topic + ": " + e);
        }
    }

    @Override
    public void close() {
        admin.close(Duration.ofSeconds(1));
        process.close();
    }
}
