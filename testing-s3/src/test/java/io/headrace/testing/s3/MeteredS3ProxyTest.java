package io.headrace.testing.s3;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The instrument itself: what it counts, how it delays, how it breaks things. */
final class MeteredS3ProxyTest {
    private static final int LENGTH = 100_000;

    private final Map<String, byte[]> objects = new java.util.concurrent.ConcurrentHashMap<>();
    private ExecutorService serverThreads;
    private HttpServer server;
    private MeteredS3Proxy proxy;
    private HttpClient client;

    @BeforeEach
    void open() throws IOException {
        serverThreads = Executors.newCachedThreadPool();
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(serverThreads);
        server.createContext("/", this::serve);
        server.start();
        proxy =
                MeteredS3Proxy.launch(
                        URI.create("http://127.0.0.1:" + server.getAddress().getPort()));
        client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    }

    @AfterEach
    void close() {
        proxy.close();
        server.stop(0);
        serverThreads.shutdownNow();
    }

    private void serve(HttpExchange exchange) throws IOException {
        try (exchange) {
            String path = exchange.getRequestURI().getPath();
            byte[] body = exchange.getRequestBody().readAllBytes();
            if (exchange.getRequestMethod().equals("PUT")) {
                objects.put(path, body);
                exchange.sendResponseHeaders(200, -1);
            } else if (path.equals("/bucket")) {
                exchange.sendResponseHeaders(200, 0); // chunked, as listings are
                exchange.getResponseBody().write("<List/>".getBytes());
            } else if (objects.containsKey(path)) {
                exchange.sendResponseHeaders(200, objects.get(path).length);
                exchange.getResponseBody().write(objects.get(path));
            } else {
                exchange.sendResponseHeaders(404, 3);
                exchange.getResponseBody().write("404".getBytes());
            }
        }
    }

    private byte[] object(String key) {
        byte[] content = new byte[LENGTH];
        Arrays.fill(content, (byte) key.hashCode());
        objects.put("/bucket/" + key, content);
        return content;
    }

    private HttpRequest.Builder request(String pathAndQuery) {
        return HttpRequest.newBuilder(proxy.endpoint().resolve(pathAndQuery));
    }

    private HttpResponse<byte[]> get(String pathAndQuery) throws Exception {
        return client.send(request(pathAndQuery).build(), BodyHandlers.ofByteArray());
    }

    @Test
    void countsEveryRequestAndEveryByteOfManyClients() throws Exception {
        for (int i = 0; i < 10; i++) {
            object("k" + i);
        }
        List<CompletableFuture<HttpResponse<byte[]>>> answers = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            answers.add(
                    client.sendAsync(
                            request("/bucket/k" + i % 10).build(), BodyHandlers.ofByteArray()));
        }
        for (int i = 0; i < 200; i++) {
            byte[] body = answers.get(i).get(30, TimeUnit.SECONDS).body();
            assertArrayEquals(objects.get("/bucket/k" + i % 10), body);
        }
        assertEquals(200, proxy.traffic().requests(Operation.GET_OBJECT));
        assertEquals(200, proxy.traffic().requests());
        assertEquals(200L * LENGTH, proxy.traffic().objectBytes());
        assertEquals(20L * LENGTH, proxy.traffic().objectBytesByKey().get("k3"));
        assertEquals(20, proxy.traffic().getsByKey().get("k3"));
        proxy.traffic().reset();
        assertEquals(0, proxy.traffic().requests() + proxy.traffic().objectBytes());
    }

    @Test
    void passesOnWhatIsNotAnObjectAndCountsItsBytesAsNone() throws Exception {
        assertEquals("<List/>", new String(get("/bucket?list-type=2").body()));
        assertEquals(404, get("/bucket/absent").statusCode());
        HttpRequest put =
                request("/bucket/a%20b+c")
                        .PUT(BodyPublishers.ofByteArray(new byte[LENGTH]))
                        .expectContinue(true)
                        .build();
        assertEquals(200, client.send(put, BodyHandlers.discarding()).statusCode());
        HttpRequest chunked =
                request("/bucket/chunked")
                        .PUT(
                                BodyPublishers.ofInputStream(
                                        () -> new java.io.ByteArrayInputStream(new byte[LENGTH])))
                        .build();
        assertEquals(200, client.send(chunked, BodyHandlers.discarding()).statusCode());
        assertEquals(LENGTH, objects.get("/bucket/a b+c").length);
        assertEquals(LENGTH, objects.get("/bucket/chunked").length);
        assertEquals(1, proxy.traffic().requests(Operation.LIST));
        assertEquals(2, proxy.traffic().requests(Operation.PUT));
        assertEquals(0, proxy.traffic().objectBytes());
        get("/bucket/a%20b+c");
        assertEquals(LENGTH, proxy.traffic().objectBytesByKey().get("a b+c"));
    }

    @Test
    void everyRequestWaitsForItselfAlone() throws Exception {
        object("k");
        proxy.shape().latency(Duration.ofMillis(300));
        long begin = System.nanoTime();
        List<CompletableFuture<HttpResponse<byte[]>>> answers = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            answers.add(client.sendAsync(request("/bucket/k").build(), BodyHandlers.ofByteArray()));
        }
        for (CompletableFuture<HttpResponse<byte[]>> answer : answers) {
            assertEquals(LENGTH, answer.get(30, TimeUnit.SECONDS).body().length);
        }
        long took = System.nanoTime() - begin;
        assertEquals(64, proxy.traffic().inFlightMax());
        // one after the other they would take 19 s
        assertTrue(took >= 300_000_000L && took < 10_000_000_000L, "took=" + took);
    }

    @Test
    void bandwidthHoldsForAllConnectionsTogether() throws Exception {
        object("k");
        proxy.shape().bandwidth(10L * LENGTH);
        long begin = System.nanoTime();
        List<CompletableFuture<HttpResponse<byte[]>>> answers = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            answers.add(client.sendAsync(request("/bucket/k").build(), BodyHandlers.ofByteArray()));
        }
        for (CompletableFuture<HttpResponse<byte[]>> answer : answers) {
            answer.get(30, TimeUnit.SECONDS);
        }
        assertTrue(System.nanoTime() - begin > 900_000_000L);
    }

    @Test
    void bandwidthOfAConnectionHoldsForItAlone() throws Exception {
        object("k");
        proxy.shape().connectionBandwidth(2L * LENGTH);
        long begin = System.nanoTime();
        get("/bucket/k");
        assertTrue(System.nanoTime() - begin > 450_000_000L);
    }

    @Test
    void errorsAreAnsweredWithoutAskingTheServer() throws Exception {
        object("k");
        proxy.faults().script(Fault.INTERNAL_ERROR, Fault.SLOW_DOWN, Fault.NONE);
        assertEquals(500, get("/bucket/k").statusCode());
        HttpResponse<byte[]> busy = get("/bucket/k");
        assertEquals(503, busy.statusCode());
        assertTrue(new String(busy.body()).contains("<Code>SlowDown</Code>"));
        assertEquals(200, get("/bucket/k").statusCode());
        assertEquals(1, proxy.traffic().faults(Fault.INTERNAL_ERROR));
        assertEquals(1, proxy.traffic().faults(Fault.SLOW_DOWN));
        assertEquals(3, proxy.traffic().requests());
        assertEquals(LENGTH, proxy.traffic().objectBytes());
    }

    @ParameterizedTest
    @EnumSource(
            value = Fault.class,
            names = {"RESET", "BROKEN_BODY"})
    void brokenConnectionsAreSeenByTheClient(Fault fault) throws Exception {
        object("k");
        proxy.faults().script(fault);
        assertThrows(IOException.class, () -> get("/bucket/k"));
        assertEquals(1, proxy.traffic().faults(fault));
        assertEquals(LENGTH / 2, proxy.traffic().objectBytes());
        assertEquals(LENGTH, get("/bucket/k").body().length);
    }

    @Test
    void shortBodyIsWellFormedAndTheConnectionGoesOn() throws Exception {
        byte[] content = object("k");
        proxy.faults().script(Fault.SHORT_BODY);
        assertEquals(LENGTH / 2, get("/bucket/k").body().length);
        assertArrayEquals(content, get("/bucket/k").body());
        assertEquals(1, proxy.connectionCount());
    }

    @Test
    void stallLastsUntilTheClientHangsUp() throws Exception {
        object("k");
        proxy.faults().script(Fault.STALL);
        HttpRequest request = request("/bucket/k").timeout(Duration.ofSeconds(1)).build();
        HttpResponse<java.io.InputStream> answer =
                client.send(request, BodyHandlers.ofInputStream());
        try (java.io.InputStream body = answer.body()) {
            assertEquals(LENGTH / 2, body.readNBytes(LENGTH / 2).length);
            assertEquals(1, proxy.traffic().inFlight());
        } catch (HttpTimeoutException slow) {
            // as good: it did not get the rest
        }
        long deadline = System.nanoTime() + 10_000_000_000L;
        while (proxy.traffic().inFlight() > 0 && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        assertEquals(0, proxy.traffic().inFlight());
    }

    @Test
    void ratesAreDrawnFromTheSeed() {
        assertEquals(draws(7), draws(7));
        assertTrue(!draws(7).equals(draws(8)));
        long failed = draws(7).stream().filter(fault -> fault != Fault.NONE).count();
        assertTrue(failed > 250 && failed < 350, "failed=" + failed);
    }

    private List<Fault> draws(long seed) {
        Faults faults = new Faults().seed(seed);
        faults.rate(Fault.RESET, 0.1).rate(Fault.SLOW_DOWN, 0.2);
        List<Fault> draws = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            draws.add(faults.next(Operation.GET_OBJECT));
        }
        return draws;
    }
}
