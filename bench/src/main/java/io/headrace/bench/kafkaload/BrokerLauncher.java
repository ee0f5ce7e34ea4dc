package io.headrace.bench.kafkaload;

import io.headrace.bench.Folders;
import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.Uuid;

/**
 * Starts the contestants, each with a data folder of its own on the same disk, the same heap and
 * the same collector: the JVM settings of Kafka's own start script.
 */
public final class BrokerLauncher {
    /** KAFKA_JVM_PERFORMANCE_OPTS of bin/kafka-run-class.sh. */
    private static final List<String> KAFKA_JVM_SETTINGS =
            List.of(
                    "-XX:+UseG1GC",
                    "-XX:MaxGCPauseMillis=20",
                    "-XX:InitiatingHeapOccupancyPercent=35",
                    "-XX:+ExplicitGCInvokesConcurrent");

    private static final String HEADRACE_MAIN = "io.headrace.server.Headrace";
    private static final int HEADRACE_PORT = 19192;
    private static final int KAFKA_PORT = 19292;
    private static final int KAFKA_CONTROLLER_PORT = 19293;

    private final Path home;
    private final Path out;
    private final LoadOptions options;

    /** Starts brokers of a command line's options. */
    public BrokerLauncher(Path home, Path out, LoadOptions options) {
        this.home = home;
        this.out = out;
        this.options = options;
    }

    /**
     * Starts {@code headrace} or {@code kafka}, on an empty data folder, and waits until it
     * answers.
     */
    public Broker launch(String name) throws InterruptedException, IOException {
        return switch (name) {
            case "headrace" -> launchHeadrace();
            case "kafka" -> launchKafka();
            default -> throw new IllegalArgumentException("unknown contestant: name=" + name);
        };
    }

    private Broker launchHeadrace() throws InterruptedException, IOException {
        Path data = emptyFolder("headrace");
        String address = "127.0.0.1:" + HEADRACE_PORT;
        List<String> command = jvm("headrace");
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(
                List.of("-cp", System.getProperty("java.class.path"), HEADRACE_MAIN, "serve"));
        command.addAll(set("listeners=PLAINTEXT://" + address));
        command.addAll(set("log.dirs=" + data));
        command.addAll(set("headrace.admin.listener="));
        // Room for what a turn in memory mode produces before it is consumed; taken only as needed.
        command.addAll(set("headrace.memory.budget.bytes=" + Mode.MEMORY_BUDGET_BYTES));
        options.headraceSettings().forEach(setting -> command.addAll(set(setting)));
        ChildProcess process = ChildProcess.start("headrace", out.resolve("headrace.log"), command);
        return Broker.await(
                "headrace",
                "Headrace " + Machine.gitRevision(home),
                address,
                options.mode().headraceTopicConfigs,
                process);
    }

    private static List<String> set(String keyAndValue) {
        return List.of("--set", keyAndValue);
    }

    private Broker launchKafka() throws InterruptedException, IOException {
        Path data = emptyFolder("kafka");
        Path properties = out.resolve("kafka.properties");
        Files.writeString(properties, kafkaProperties(data));
        formatKafka(properties);
        List<String> command = jvm("kafka");
        command.addAll(kafkaClassPath());
        command.addAll(List.of("kafka.Kafka", properties.toString()));
        ChildProcess process = ChildProcess.start("kafka", out.resolve("kafka.log"), command);
        return Broker.await(
                "kafka",
                "Apache Kafka " + kafkaVersion(),
                "127.0.0.1:" + KAFKA_PORT,
                options.mode().kafkaTopicConfigs,
                process);
    }

    /** As config/server.properties of the distribution, but for addresses and the data folder. */
    private static String kafkaProperties(Path data) {
        return """
        process.roles=broker,controller
        node.id=1
        controller.quorum.voters=1@127.0.0.1:%2$d
        listeners=PLAINTEXT://127.0.0.1:%1$d,CONTROLLER://127.0.0.1:%2$d
        controller.listener.names=CONTROLLER
        inter.broker.listener.name=PLAINTEXT
        log.dirs=%3$s
        num.network.threads=3
        num.io.threads=8
        offsets.topic.replication.factor=1
        share.coordinator.state.topic.replication.factor=1
        share.coordinator.state.topic.min.isr=1
        transaction.state.log.replication.factor=1
        transaction.state.log.min.isr=1
        group.initial.rebalance.delay.ms=0
        # Deleted topics give their space back between rounds instead of a minute later.
        log.segment.delete.delay.ms=100
        """
                .formatted(KAFKA_PORT, KAFKA_CONTROLLER_PORT, data);
    }

    private void formatKafka(Path properties) throws InterruptedException, IOException {
        List<String> command = new ArrayList<>(List.of(Machine.javaBinary()));
        command.addAll(kafkaClassPath());
        command.addAll(
                List.of(
                        "kafka.tools.StorageTool",
                        "format",
                        "--config",
                        properties.toString(),
                        "--cluster-id",
                        Uuid.randomUuid().toString()));
        ChildProcess.start("kafka-format", out.resolve("kafka-format.log"), command)
                .output(Duration.ofSeconds(60));
    }

    private List<String> kafkaClassPath() {
        return List.of(
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=info",
                "-cp",
                home.resolve("bench/target/peers/kafka") + "/*");
    }

    private String kafkaVersion() {
        File[] jars =
                home.resolve("bench/target/peers/kafka")
                        .toFile()
                        .listFiles((folder, file) -> file.startsWith("kafka_2.13-"));
        if (jars == null || jars.length != 1) {
            throw new IllegalStateException("no Kafka in bench/target/peers/kafka");
        }
        return jars[0].getName().replaceAll("kafka_2.13-|\\.jar", "");
    }

    private List<String> jvm(String name) {
        List<String> command = new ArrayList<>();
        command.add(Machine.javaBinary());
        command.addAll(heapAndCollector(name));
        options.brokerJvmArguments()
                .forEach(argument -> command.add(argument.replace("%BROKER%", name)));
        return command;
    }

    private List<String> heapAndCollector(String name) {
        boolean stock = options.heap().equals(LoadOptions.STOCK_HEAP);
        if (stock && name.equals("headrace")) {
            return List.of("@" + home.resolve("server/src/main/jvm/server.args"));
        }
        String size = stock ? "1g" : options.heap(); // KAFKA_HEAP_OPTS of kafka-server-start.sh
        List<String> settings = new ArrayList<>(List.of("-Xms" + size, "-Xmx" + size));
        settings.addAll(KAFKA_JVM_SETTINGS);
        return settings;
    }

    /** What is printed about the JVMs of both. */
    String jvmDescription() {
        if (options.heap().equals(LoadOptions.STOCK_HEAP)) {
            return "each server with the JVM settings of its own start script";
        }
        return "both with " + String.join(" ", heapAndCollector("kafka"));
    }

    private Path emptyFolder(String name) throws IOException {
        Path folder = options.dataDirectory().toAbsolutePath().resolve(name);
        return Folders.empty(folder);
    }

    /** Removes what the brokers left; called after they have ended. */
    public void deleteData() throws IOException {
        Folders.delete(options.dataDirectory().toAbsolutePath().resolve("headrace"));
        Folders.delete(options.dataDirectory().toAbsolutePath().resolve("kafka"));
    }
}
