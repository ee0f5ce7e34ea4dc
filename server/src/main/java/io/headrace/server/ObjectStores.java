package io.headrace.server;

import io.headrace.engine.spi.ObjectStore;
import io.headrace.objects.DirectoryObjectStore;
import io.headrace.objects.S3ObjectStore;
import io.headrace.objects.S3Settings;
import io.headrace.server.config.ConfigException;
import io.headrace.server.config.ConfigKeys;
import io.headrace.server.config.ServerConfig;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiConsumer;

/** The object stores that the configuration allows source topics to read. Owned by the server. */
final class ObjectStores implements AutoCloseable {
    private final Map<String, ObjectStore> byUri = new LinkedHashMap<>();

    /**
     * Opens every {@code headrace.store.NAME}.
     *
     * @throws ConfigException naming the key that is missing or has a bad value
     */
    static ObjectStores open(ServerConfig config) throws IOException {
        ObjectStores stores = new ObjectStores();
        try {
            for (Map.Entry<String, Map<String, String>> store :
                    config.named(ConfigKeys.STORE_PREFIX).entrySet()) {
                stores.open(store.getKey(), store.getValue());
            }
            return stores;
        } catch (IOException | RuntimeException e) {
            stores.close();
            throw e;
        }
    }

    private void open(String name, Map<String, String> settings) throws IOException {
        String uri = settings.getOrDefault("uri", "");
        if (uri.startsWith("s3://")) {
            byUri.put(uri, new S3ObjectStore(name, S3Settings.of(settings)));
        } else if (uri.startsWith("file://")) {
            byUri.put(uri, new DirectoryObjectStore(name, Path.of(URI.create(uri))));
        } else {
            throw new ConfigException(
                    "bad value: key="
                            + ConfigKeys.STORE_PREFIX
                            + name
                            + ".uri value="
                            + uri
                            + " allowed=s3://BUCKET/PREFIX or file:///FOLDER");
        }
    }

    /** Hands out each store with its root URI. */
    void forEach(BiConsumer<String, ObjectStore> consumer) {
        byUri.forEach(consumer);
    }

    @Override
    public void close() {
        byUri.values().forEach(ObjectStore::close);
    }
}
