package io.headrace.objects;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.headrace.engine.spi.ObjectStore;
import io.headrace.engine.spi.ObjectStore.ObjectChangedException;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A server that does not look at the version it is asked for, as some that speak S3. */
final class S3VersionTest {
    private static final int LENGTH = 100;

    private final AtomicInteger requests = new AtomicInteger();
    private volatile String etag = "\"v1\"";
    private volatile int total = LENGTH;
    private HttpServer server;
    private ObjectStore store;

    @BeforeEach
    void open() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", this::answer);
        server.start();
        Map<String, String> config =
                Map.of(
                        "uri", "s3://bucket/",
                        "endpoint", "http://127.0.0.1:" + server.getAddress().getPort(),
                        "path.style.access", "true",
                        "access.key", "a",
                        "secret.key", "s");
        store =
                StoreLimits.of(config)
                        .around(
                                new S3ObjectStore("s3", S3Settings.of(config)),
                                new StoreCounters("s3"));
    }

    @AfterEach
    void close() {
        store.close();
        server.stop(0);
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            requests.incrementAndGet();
            exchange.getResponseHeaders().add("ETag", etag);
            exchange.getResponseHeaders().add("Content-Range", "bytes 0-9/" + total);
            exchange.sendResponseHeaders(206, 10);
            exchange.getResponseBody().write(new byte[10]);
        }
    }

    private void read(String version) throws IOException {
        store.read(new StoredObject("k", LENGTH, version, 0), 0, ByteBuffer.allocate(10));
    }

    private void assertChanged() {
        assertThrows(ObjectChangedException.class, () -> read("\"v1\""));
        assertEquals(1, requests.get(), "asking again does not bring the version back");
    }

    @Test
    void versionThatWasListedIsRead() throws IOException {
        read("\"v1\"");
        read("v1"); // as some servers list it
    }

    @Test
    void anotherVersionIsNotTakenForTheOneThatWasListed() {
        etag = "\"v2\"";
        assertChanged();
    }

    @Test
    void anotherLengthIsAnotherVersion() {
        total = LENGTH + 1;
        assertChanged();
    }
}
