package io.headrace.server.groups;

import io.headrace.engine.Engine;
import io.headrace.engine.EngineContext;
import io.headrace.kafka.KafkaRecordFilter;
import io.headrace.kafka.KafkaShell;
import io.headrace.kafka.KafkaShellContext;
import io.headrace.kafka.Listener;
import io.headrace.kafka.group.GroupContext;
import io.headrace.offheap.OffHeapContext;
import io.headrace.offheap.OffHeapMemoryStore;
import io.headrace.rocks.RocksMetadataStore;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.UnaryOperator;
import org.apache.kafka.clients.CommonClientConfigs;

/** A Kafka shell over a whole engine in a folder; may be restarted, keeping its port. */
final class GroupServer implements AutoCloseable {
    private final Path folder;
    private final GroupContext groups;
    private final UnaryOperator<KafkaShellContext> settings;
    private OffHeapMemoryStore memory;
    private Engine engine;
    private KafkaShell shell;
    private int port;

    /** What clients are told; 0 for the one that is bound. */
    private int advertisedPort;

    GroupServer(Path folder, GroupContext groups) {
        this(folder, groups, context -> context);
    }

    GroupServer(Path folder, GroupContext groups, UnaryOperator<KafkaShellContext> settings) {
        this.folder = folder;
        this.groups = groups;
        this.settings = settings;
        launch();
    }

    /** Behind a proxy, which clients are sent to. */
    GroupServer(Path folder, GroupContext groups, CuttingProxy proxy) {
        this.folder = folder;
        this.groups = groups;
        this.settings = context -> context;
        this.advertisedPort = proxy.port();
        launch();
        proxy.target(port);
    }

    private void launch() {
        memory = new OffHeapMemoryStore(new OffHeapContext().budgetBytes(64 << 20));
        engine =
                Engine.launch(
                        new EngineContext()
                                .directory(folder)
                                .memoryStore(memory)
                                .metadataStoreFactory(RocksMetadataStore::open)
                                .recordFilter(new KafkaRecordFilter())
                                .journalCount(1)
                                .retentionCheckIntervalMs(100)
                                .journalCycleBytes(8 << 20)
                                .diskReserveBytes(0));
        shell =
                KafkaShell.launch(
                        settings.apply(
                                new KafkaShellContext()
                                        .engine(engine)
                                        .groups(groups)
                                        .listeners(
                                                List.of(
                                                        new Listener(
                                                                "PLAINTEXT",
                                                                "127.0.0.1",
                                                                port,
                                                                "",
                                                                advertisedPort)))));
        port = shell.boundPort();
    }

    Engine engine() {
        return engine;
    }

    void restart() {
        close();
        launch();
    }

    String bootstrapServers() {
        return "127.0.0.1:" + (advertisedPort == 0 ? port : advertisedPort);
    }

    /** Client configs with the server's address. */
    Properties clientConfigs(Map<String, String> more) {
        Properties configs = new Properties();
        configs.put(CommonClientConfigs.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers());
        configs.putAll(more);
        return configs;
    }

    @Override
    public void close() {
        shell.close();
        engine.close();
        memory.close();
    }
}
