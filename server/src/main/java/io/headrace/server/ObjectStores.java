package io.headrace.server;

import io.headrace.engine.spi.ObjectStore;
import io.headrace.objects.DirectoryObjectStore;
import io.headrace.objects.S3ObjectStore;
import io.headrace.objects.S3Settings;
import io.headrace.objects.StoreCounters;
import io.headrace.objects.StoreLimits;
import io.headrace.server.config.ConfigException;
import io.headrace.server.config.ConfigKeys;
import io.headrace.server.config.ServerConfig;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.ObjLongConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The object stores that the configuration allows source topics to read. Owned by the server. */
final class ObjectStores implements AutoCloseable {
    private static final Logger LOGGER = LoggerFactory.getLogger(ObjectStores.class);

    /** Time for a probe to notice that it is interrupted. */
    private static final long PROBE_END_MS = 1_000;

    private final Map<String, ObjectStore> byUri = new LinkedHashMap<>();
    private final List<StoreCounters> counters = new ArrayList<>();
    private final List<Thread> probes = new ArrayList<>();
    private volatile boolean closing;

    /**
     * Opens every {@code headrace.store.NAME}.
     *
     * @throws ConfigException naming the key that is missing or has a bad value
     */
    static ObjectStores open(ServerConfig config) {
        ObjectStores stores = new ObjectStores();
        try {
            for (Map.Entry<String, Map<String, String>> store :
                    config.named(ConfigKeys.STORE_PREFIX).entrySet()) {
                stores.open(store.getKey(), store.getValue());
            }
            return stores;
        } catch (RuntimeException e) {
            stores.close();
            throw e;
        }
    }

    private void open(String name, Map<String, String> settings) {
        StoreCounters storeCounters = new StoreCounters(name);
        StoreLimits limits = StoreLimits.of(settings);
        String uri = settings.getOrDefault("uri", "");
        byUri.put(uri, limits.around(store(name, uri, settings), storeCounters));
        counters.add(storeCounters);
    }

    private static ObjectStore store(String name, String uri, Map<String, String> settings) {
        if (uri.startsWith("s3://")) {
            return new S3ObjectStore(name, S3Settings.of(settings));
        }
        if (uri.startsWith("file://")) {
            return folder(name, uri);
        }
        throw new ConfigException(
                "bad value: key="
                        + ConfigKeys.STORE_PREFIX
                        + name
                        + ".uri value="
                        + uri
                        + " allowed=s3://BUCKET/PREFIX or file:///FOLDER");
    }

    private static ObjectStore folder(String name, String uri) {
        try {
            return new DirectoryObjectStore(name, Path.of(URI.create(uri)));
        } catch (IOException | IllegalArgumentException e) {
            throw new ConfigException(
                    "cannot open the store: key="
                            + ConfigKeys.STORE_PREFIX
                            + name
                            + ".uri value="
                            + uri,
                    e);
        }
    }

    /** Hands out each store with its root URI. */
    void forEach(BiConsumer<String, ObjectStore> consumer) {
        byUri.forEach(consumer);
    }

    /** Calls the consumer with the counters and gauges of each store. */
    void metrics(ObjLongConsumer<String> consumer) {
        counters.forEach(store -> store.forEach(consumer));
    }

    /**
     * Asks each store for its first key, in the background. What is wrong with a store is in the
     * log from the start, and not only when a topic needs it; and the first topic does not wait for
     * the store's client to be loaded, which takes most of a second.
     */
    void probe() {
        byUri.forEach(
                (uri, store) -> {
                    Thread thread =
                            new Thread(() -> probe(uri, store), "store-probe-" + store.name());
                    thread.setDaemon(true);
                    probes.add(thread);
                    thread.start();
                });
    }

    private void probe(String uri, ObjectStore store) {
        try {
            boolean empty = store.list("", null, 1).isEmpty();
            LOGGER.info("store answers: store={} uri={} empty={}", store.name(), uri, empty);
        } catch (IOException | RuntimeException | Error e) {
            if (!closing) {
                LOGGER.warn(
                        "store cannot be listed at its root: store={} uri={}",
                        store.name(),
                        uri,
                        e);
            }
        }
    }

    @Override
    public void close() {
        closing = true;
        probes.forEach(Thread::interrupt);
        for (Thread probe : probes) {
            try {
                probe.join(PROBE_END_MS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        byUri.values().forEach(ObjectStore::close);
    }
}
