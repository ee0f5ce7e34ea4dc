package io.headrace.server;

import io.headrace.server.config.ServerConfig;
import io.headrace.testing.s3.MeteredS3Proxy;
import io.headrace.testing.s3.S3Server;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;

/** An S3 server, a proxy that counts what is asked of it, and a server of ours that asks there. */
final class SourceServer implements AutoCloseable {
    final S3Server s3 = new S3Server();
    final MeteredS3Proxy proxy = MeteredS3Proxy.launch(s3.endpoint());
    private final HeadraceServer server;

    /**
     * @param storeSettings of the store, without what stands before them
     */
    SourceServer(Path data, Map<String, String> settings, Map<String, String> storeSettings)
            throws Exception {
        Map<String, String> all = ServerTestSettings.of(data);
        all.putAll(settings);
        Map<String, String> store = s3.config("", proxy.endpoint());
        store.putAll(storeSettings);
        store.forEach((key, value) -> all.put("headrace.store.s3." + key, value));
        server = HeadraceServer.launch(ServerConfig.of(all));
    }

    String bootstrap() {
        return "127.0.0.1:" + server.kafkaPort();
    }

    int adminPort() {
        return server.adminPort();
    }

    void create(SourceDataset dataset) throws Exception {
        create(bootstrap(), dataset, Map.of());
    }

    /**
     * Creates a topic over the objects of a dataset, with its name.
     *
     * @param configs besides those that follow from the dataset, or instead of them
     */
    static void create(String bootstrap, SourceDataset dataset, Map<String, String> configs)
            throws Exception {
        Map<String, String> all = new HashMap<>();
        all.put("headrace.source.uri", "s3://" + dataset.name() + "/");
        all.put("headrace.source.format", dataset.format());
        all.putAll(configs);
        NewTopic topic =
                new NewTopic(
                                dataset.name(),
                                Optional.of(dataset.partitions().size()),
                                Optional.empty())
                        .configs(all);
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            admin.createTopics(List.of(topic)).all().get();
        }
    }

    @Override
    public void close() {
        server.close();
        proxy.close();
        s3.close();
    }
}
