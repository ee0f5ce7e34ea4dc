package io.headrace.bench.sources;

import io.headrace.testing.s3.MeteredS3Proxy;
import io.headrace.testing.s3.S3Server;
import io.headrace.testing.s3.Traffic;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** An S3 server behind a proxy that counts, and is as slow as S3 is. */
final class SlowS3 implements AutoCloseable {
    /** Name of the store in Headrace's configuration. */
    private static final String STORE = "s3";

    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(20);

    private final S3Server server;
    private final MeteredS3Proxy proxy;

    SlowS3(Path folder, SourcesOptions options) throws Exception {
        server = S3Server.inFolder(folder);
        proxy = MeteredS3Proxy.launch(server.endpoint());
        proxy.shape()
                .latency(Duration.ofMillis(options.latencyMs()))
                .bandwidth(options.bandwidth());
    }

    void put(String key, byte[] content) {
        server.put(key, content);
    }

    Traffic traffic() {
        return proxy.traffic();
    }

    /** Waits until more than so many requests have come, and none waits for its answer. */
    void awaitAnswer(long requestCount) throws InterruptedException, TimeoutException {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (traffic().requests() <= requestCount || traffic().inFlight() > 0) {
            if (System.nanoTime() - deadline > 0) {
                throw new TimeoutException("the server has not asked its store for anything");
            }
            Thread.sleep(1);
        }
    }

    URI endpoint() {
        return proxy.endpoint();
    }

    /** Settings of the store, as {@code NAME.KEY=} and value. */
    Map<String, String> storeSettings() {
        Map<String, String> settings = new TreeMap<>();
        server.config("", proxy.endpoint())
                .forEach((key, value) -> settings.put(STORE + "." + key + "=", value));
        return settings;
    }

    /** The URI of a folder of the bucket, as a topic's source. */
    static String uri(String folder) {
        return STORE + "://" + folder + "/";
    }

    @Override
    public void close() {
        proxy.close();
        server.close();
    }
}
