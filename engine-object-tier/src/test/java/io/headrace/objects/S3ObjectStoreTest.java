package io.headrace.objects;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.spi.ObjectStore;
import io.headrace.engine.spi.ObjectStore.ObjectChangedException;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import io.headrace.engine.spi.ObjectStoreContractTest;
import io.headrace.testing.s3.S3Server;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class S3ObjectStoreTest extends ObjectStoreContractTest {
    private static final String PREFIX = "some/prefix/";

    private S3Server server;
    private S3ObjectStore store;

    @BeforeEach
    void open() throws Exception {
        server = new S3Server();
        store = new S3ObjectStore("s3", S3Settings.of(server.config(PREFIX)));
    }

    @AfterEach
    void close() {
        store.close();
        server.close();
    }

    @Override
    protected ObjectStore store() {
        return store;
    }

    @Override
    protected void put(String key, byte[] content) {
        server.put(PREFIX + key, content);
    }

    @Override
    protected void remove(String key) {
        server.remove(PREFIX + key);
    }

    @Test
    void keysOutsideOfTheRootAreNotSeen() throws IOException {
        server.put("some/other", bytes("x"));
        server.put("some/prefix-not", bytes("x"));
        put("k", bytes("x"));
        assertEquals(1, store.list("", null, 10).size());
        StoredObject climbing = new StoredObject("../other", 1, "\"any\"", 0);
        assertThrows(IOException.class, () -> read(climbing, 1));
    }

    @Test
    void wrongCredentialsAreAnErrorThatNamesTheStoreAndNotTheSecret() {
        Map<String, String> config = new HashMap<>();
        config.put("uri", "s3://" + S3Server.BUCKET);
        config.put("endpoint", server.endpoint().toString());
        config.put("path.style.access", "true");
        config.put("access.key", "someone");
        config.put("secret.key", "hush-hush");
        try (S3ObjectStore stranger = new S3ObjectStore("stranger", S3Settings.of(config))) {
            IOException refused = assertThrows(IOException.class, () -> stranger.list("", null, 1));
            assertTrue(refused.getMessage().contains("store=stranger"), refused.getMessage());
            assertFalse(refused.toString().contains("hush"), refused.toString());
        }
    }

    @Test
    void unavailableServerIsAskedABoundedNumberOfTimes() throws IOException {
        AtomicInteger requests = new AtomicInteger();
        HttpServer busy =
                serve(
                        exchange -> {
                            requests.incrementAndGet();
                            exchange.sendResponseHeaders(503, -1);
                        });
        try (ObjectStore asking = storeAt(busy, 3)) {
            StoredObject object = new StoredObject("k", 4, "\"v\"", 0);
            assertThrows(IOException.class, () -> asking.read(object, 0, ByteBuffer.allocate(4)));
            assertEquals(3, requests.get());
        } finally {
            busy.stop(0);
        }
    }

    @Test
    void bodyThatBreaksOffIsReadAgainFromItsBeginning() throws IOException {
        AtomicInteger requests = new AtomicInteger();
        HttpServer flaky =
                serve(
                        exchange -> {
                            int attempt = requests.incrementAndGet();
                            exchange.getResponseHeaders().add("ETag", "\"v\"");
                            exchange.getResponseHeaders().add("Content-Range", "bytes 0-3/4");
                            exchange.sendResponseHeaders(206, 4);
                            exchange.getResponseBody().write(bytes(attempt == 1 ? "xx" : "good"));
                        });
        try (ObjectStore asking = storeAt(flaky, 3)) {
            ByteBuffer into = ByteBuffer.allocate(4);
            asking.read(new StoredObject("k", 4, "\"v\"", 0), 0, into);
            assertEquals("good", new String(into.array()));
            assertEquals(2, requests.get());
        } finally {
            flaky.stop(0);
        }
    }

    @Test
    void answerThatIsAnotherRangeIsNoAnswer() throws IOException {
        HttpServer deaf =
                serve(
                        exchange -> {
                            exchange.sendResponseHeaders(200, 4); // the whole, whatever was asked
                            exchange.getResponseBody().write(bytes("abcd"));
                        });
        try (ObjectStore asking = storeAt(deaf, 1)) {
            StoredObject object = new StoredObject("k", 4, "\"v\"", 0);
            ByteBuffer whole = ByteBuffer.allocate(4);
            asking.read(object, 0, whole);
            assertEquals("abcd", new String(whole.array()));
            assertThrows(IOException.class, () -> asking.read(object, 2, ByteBuffer.allocate(2)));
            assertThrows(IOException.class, () -> asking.read(object, 0, ByteBuffer.allocate(2)));
        } finally {
            deaf.stop(0);
        }
    }

    @Test
    void readOfAnotherVersionIsRefusedByTheServerAndNotByChance() throws IOException {
        put("k", bytes("same"));
        StoredObject object = only("k");
        StoredObject older = new StoredObject("k", 4, "\"0123\"", 0);
        assertEquals("same", read(object, 4));
        assertThrows(ObjectChangedException.class, () -> read(older, 4));
    }

    @Test
    void badSettingsAreNamedWithTheirValue() {
        assertRefused(Map.of("uri", "file:///x"), "file:///x");
        assertRefused(Map.of("uri", "s3:///x"), "s3:///x");
        assertRefused(Map.of("uri", "s3://b", "endpont", "http://x"), "endpont");
        assertRefused(Map.of("uri", "s3://b", "endpoint", "localhost"), "localhost");
        assertRefused(Map.of("uri", "s3://b", "path.style.access", "yes"), "yes");
        assertRefused(Map.of("uri", "s3://b", "access.key", "a"), "secret.key");
        assertRefused(Map.of("uri", "s3://b", "requests.max", "0"), "requests.max");
        assertRefused(Map.of("uri", "s3://b", "bandwidth.max.bytes", "-1"), "-1");
        assertRefused(Map.of("uri", "s3://b", "attempts.max", "many"), "many");
        assertRefused(Map.of("uri", "s3://b", "stall.timeout.ms", "0"), "stall.timeout.ms");
        assertRefused(Map.of("uri", "s3://b", "credentials.file", "/not/there"), "/not/there");
        assertRefused(
                Map.of(
                        "uri",
                        "s3://b",
                        "access.key",
                        "a",
                        "secret.key",
                        "b",
                        "credentials.profile",
                        "p"),
                "credentials.profile");
    }

    private static void assertRefused(Map<String, String> config, String named) {
        String message =
                assertThrows(InvalidConfigException.class, () -> S3Settings.of(config))
                        .getMessage();
        assertTrue(message.contains(named), message);
    }

    private interface Handler {
        void handle(HttpExchange exchange) throws IOException;
    }

    private static HttpServer serve(Handler handler) throws IOException {
        HttpServer http =
                HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        http.createContext(
                "/",
                exchange -> {
                    try (exchange) {
                        exchange.getRequestBody().readAllBytes();
                        handler.handle(exchange);
                    }
                });
        http.start();
        return http;
    }

    private static ObjectStore storeAt(HttpServer http, int attemptsMax) {
        Map<String, String> config = new HashMap<>();
        config.put("uri", "s3://b");
        config.put("endpoint", "http://127.0.0.1:" + http.getAddress().getPort());
        config.put("path.style.access", "true");
        config.put("access.key", "a");
        config.put("secret.key", "b");
        return new StoreLimits(8, 0, attemptsMax)
                .around(
                        new S3ObjectStore("there", S3Settings.of(config)),
                        new StoreCounters("there"));
    }
}
