package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.headrace.engine.SourceFindings.Finding;
import io.headrace.engine.SourceFindings.Kind;
import io.headrace.engine.SourceStatus;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.testing.LeakCheck;
import io.headrace.server.admin.AdminListener;
import io.headrace.server.admin.Json;
import io.headrace.server.admin.SourceMetrics;
import io.headrace.server.admin.StatusJson;
import io.headrace.server.config.ServerConfig;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code /sources} over HTTP, byte for byte: a real listener and a real catalog, and sources that
 * answer as told.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SourcesHttpTest {
    @RegisterExtension final LeakCheck leaks = new LeakCheck();

    private static final String HOST = "127.0.0.1";
    private static final String REQUEST =
            "GET /sources/imagenet HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

    private HeadraceServer server;
    private ScriptedSources sources;
    private AdminListener listener;
    private long imagenet;

    private record Response(int status, String body) {
        JsonNode json() throws IOException {
            return Json.parse(body.getBytes(StandardCharsets.UTF_8));
        }

        String error() throws IOException {
            return json().path("error").asText();
        }
    }

    @BeforeAll
    void launchServer(@TempDir Path folder) throws Exception {
        Map<String, String> settings = ServerTestSettings.of(folder);
        settings.put("headrace.store.local.uri", folder.toUri().toString());
        server = HeadraceServer.launch(ServerConfig.of(settings));
        String uri = folder.toUri() + "objects/";
        List<TopicSpec> topics = new ArrayList<>();
        topics.add(new TopicSpec("imagenet", 2, Map.of("headrace.source.uri", uri)));
        topics.add(new TopicSpec("text", 1, Map.of("headrace.source.uri", uri)));
        topics.add(new TopicSpec("check", 1, Map.of("headrace.source.uri", uri)));
        for (int i = 0; i < 1200; i++) {
            topics.add(new TopicSpec("orders-" + i, 1, Map.of()));
        }
        server.engine().catalog().create(topics, false).get(60, TimeUnit.SECONDS);
        imagenet = server.engine().catalog().find("imagenet").id();
    }

    @AfterAll
    void closeServer() {
        server.close();
    }

    @BeforeEach
    void launch() throws Exception {
        sources = new ScriptedSources();
        sources.answer(ScriptedSources.status(imagenet, "imagenet", true, 4, 10));
        listener =
                AdminListener.launch(
                        new InetSocketAddress(HOST, 0),
                        List.of("gpu-host"),
                        () -> true,
                        List.of(new SourceMetrics(sources)));
        listener.serveSources(server.engine().catalog(), sources);
    }

    @AfterEach
    void close() {
        listener.close();
    }

    private Response get(String path) throws IOException {
        return send("GET", path, HOST, "", "");
    }

    private Response post(String path, String body) throws IOException {
        return send("POST", path, HOST, "X-Headrace: 1\r\n", body);
    }

    /** By hand, for an HTTP client lets nobody set the Host header. */
    private Response send(String method, String path, String host, String headers, String body)
            throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), listener.port())) {
            socket.setSoTimeout(20_000);
            String request =
                    "%s %s HTTP/1.1\r\n%s%sConnection: close\r\nContent-Length: %d\r\n\r\n%s"
                            .formatted(
                                    method,
                                    path,
                                    host.isEmpty() ? "" : "Host: " + host + "\r\n",
                                    headers,
                                    body.length(),
                                    body);
            socket.getOutputStream().write(request.getBytes(StandardCharsets.UTF_8));
            String answer =
                    new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return new Response(
                    Integer.parseInt(answer.split(" ")[1]),
                    answer.substring(answer.indexOf("\r\n\r\n") + 4));
        }
    }

    @Test
    void tellsAllAboutASource() throws Exception {
        Response response = get("/sources/imagenet");
        assertEquals(200, response.status());
        JsonNode json = response.json();
        assertFalse(json.path("complete").asBoolean());
        assertEquals("[4000,10000]", json.path("endOffsets").toString());
        assertTrue(json.path("uri").asText().endsWith("/objects/"));
        assertEquals(14_000, json.path("recordCount").asLong());
        assertEquals(
                ScriptedSources.status(imagenet, "imagenet", true, 4, 10), StatusJson.read(json));
        sources.answer(ScriptedSources.status(imagenet, "imagenet", false, 10, 10));
        assertTrue(get("/sources/imagenet").json().path("complete").asBoolean());
    }

    @Test
    void passesOnWhatIsAskedOfASource() throws Exception {
        assertEquals(200, post("/sources/imagenet/index", "").status());
        assertEquals(200, post("/sources/imagenet/index/stop", "").status());
        assertEquals(200, post("/sources/imagenet/refresh", "").status());
        assertEquals(
                List.of("index " + imagenet, "stop " + imagenet, "refresh " + imagenet),
                sources.asked);
    }

    @Test
    void pagesThroughFindings() throws Exception {
        for (int i = 0; i < 5; i++) {
            sources.find(new Finding(Kind.BAD_OBJECT, "train/" + i, 1, 512L * i, "truncated"));
        }
        String path = "/sources/imagenet/findings?kind=bad_object&limit=3";
        JsonNode first = get(path).json();
        assertEquals(3, first.path("findings").size());
        assertEquals("&token=3", first.path("next").asText());
        JsonNode second = get(path + "&after=%26token%3D3").json();
        assertEquals("train/3", second.path("findings").path(0).path("key").asText());
        assertEquals("truncated", second.path("findings").path(1).path("reason").asText());
        assertEquals("", second.path("next").asText());
        assertEquals(
                0, get("/sources/imagenet/findings?kind=orphan").json().path("findings").size());
    }

    @Test
    void checksASourceAndNamesABadConfig() throws Exception {
        Response found =
                post(
                        "/sources/check",
                        "{\"uri\":\"s3://b/train/\",\"configs\":{\"headrace.source.format\":\"tar\"}}");
        assertEquals(200, found.status());
        assertEquals(12_345_678, found.json().path("recordCountEstimate").asLong());
        assertEquals(List.of("check s3://b/train/ {headrace.source.format=tar}"), sources.asked);
        Response refused =
                post(
                        "/sources/check",
                        "{\"uri\":\"s3://b/\",\"configs\":{\"headrace.source.format\":\"zip\"}}");
        assertEquals(400, refused.status());
        assertTrue(
                refused.error().contains("key=headrace.source.format value=zip"), refused.error());
    }

    @Test
    void aTopicMayBeNamedLikeAPath() throws Exception {
        sources.answer(
                ScriptedSources.status(
                        server.engine().catalog().find("check").id(), "check", false, 10));
        assertEquals("check", get("/sources/check").json().path("topic").asText());
        assertEquals(200, post("/sources/check/index", "").status());
    }

    @Test
    void listsSourcesAmongManyTopicsPageByPage() throws Exception {
        List<String> names = new ArrayList<>();
        String after = "";
        do {
            JsonNode page = get("/sources?limit=1&after=" + after).json();
            assertTrue(page.path("sources").size() <= 1);
            page.path("sources").forEach(source -> names.add(source.path("topic").asText()));
            after = page.path("next").asText();
        } while (!after.isEmpty() && names.size() <= 3);
        assertEquals(List.of("check", "imagenet", "text"), names);
    }

    @Test
    void aSourceThatCannotBeAskedHidesNoOther() throws Exception {
        JsonNode list = get("/sources").json().path("sources");
        assertEquals(3, list.size());
        assertEquals("", list.path(1).path("failure").asText());
        assertEquals(14_000, list.path(1).path("recordCount").asLong());
        assertTrue(list.path(2).path("failure").asText().contains("not configured"));
        assertFalse(list.path(2).path("complete").asBoolean());
    }

    @Test
    void refusesWhatIsNotThereByName() throws Exception {
        assertEquals(404, get("/sources/none").status());
        assertEquals("no such topic: topic=none", get("/sources/none").error());
        assertEquals(404, get("/sources/orders-1").status());
        assertTrue(get("/sources/orders-1").error().contains("mode=persistent"));
        assertEquals(404, get("/sources/imagenet/other").status());
        assertEquals(404, get("/sourcesimagenet").status());
        assertEquals(405, get("/sources/imagenet/index").status());
        assertEquals(405, post("/sources/imagenet", "").status());
        assertEquals(405, post("/sources", "").status());
    }

    @Test
    void refusesBadValuesByKeyAndValue() throws Exception {
        for (Map.Entry<String, String> refused :
                Map.of(
                                "/sources/imagenet/findings?kind=all", "key=kind value=all",
                                "/sources/imagenet/findings?kind=orphan&limit=0",
                                        "key=limit value=0",
                                "/sources?limit=many", "key=limit value=many",
                                "/sources?from=a", "key=from value=a",
                                "/sources/imagenet?watch", "key=watch value=")
                        .entrySet()) {
            Response response = get(refused.getKey());
            assertEquals(400, response.status(), refused.getKey());
            assertTrue(response.error().contains(refused.getValue()), response.error());
        }
        assertEquals(400, post("/sources/check", "{\"uri\": ").status());
        assertEquals(400, post("/sources/check", "[]").status());
        assertTrue(post("/sources/check", "{}").error().contains("key=uri"));
        assertEquals(413, post("/sources/check", "x".repeat(70_000)).status());
    }

    @Test
    void anEngineThatCannotAnswerIsUnavailable() throws Exception {
        Response response = get("/sources/text");
        assertEquals(503, response.status());
        assertTrue(response.error().contains("not configured"), response.error());
    }

    @Test
    void isNotReadyBeforeThereIsAnEngine() throws Exception {
        listener.close();
        listener =
                AdminListener.launch(
                        new InetSocketAddress(HOST, 0), List.of(), () -> false, List.of());
        assertEquals(503, get("/sources/imagenet").status());
    }

    @Test
    void whatAnotherPageInTheBrowserSendsIsRefused() throws Exception {
        String index = "/sources/imagenet/index";
        Response noHeader = send("POST", index, HOST, "Origin: http://evil.example\r\n", "");
        assertEquals(403, noHeader.status());
        assertTrue(noHeader.error().contains("X-Headrace"), noHeader.error());
        assertFalse(send("OPTIONS", index, HOST, "", "").status() == 200);
        Response rebound = send("POST", index, "evil.example:9644", "X-Headrace: 1\r\n", "");
        assertEquals(403, rebound.status());
        assertTrue(rebound.error().contains("host=evil.example:9644"), rebound.error());
        assertEquals(403, send("GET", "/sources/imagenet", "evil.example", "", "").status());
        assertEquals(
                403, send("GET", "/sources/imagenet", "127.0.0.1.evil.example", "", "").status());
        assertEquals(List.of(), sources.asked);
    }

    @Test
    void isAddressedByAddressOrByANameThatItKnows() throws Exception {
        for (String host :
                List.of("127.0.0.1:9644", "10.1.2.3", "[::1]:9644", "localhost", "GPU-host:80")) {
            assertEquals(200, send("GET", "/sources/imagenet", host, "", "").status(), host);
        }
    }

    @Test
    void aSlowAnswerHoldsUpNobody() throws Exception {
        sources.gate = new CompletableFuture<>();
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), listener.port())) {
            socket.setSoTimeout(20_000);
            socket.getOutputStream().write(REQUEST.getBytes(StandardCharsets.UTF_8));
            assertEquals(200, get("/healthz").status());
            assertEquals(404, get("/sources/none").status());
            sources.gate.complete(null);
            String answer =
                    new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertTrue(answer.startsWith("HTTP/1.1 200"), answer);
        }
    }

    private static String firstAnswer(List<Socket> sockets) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (System.nanoTime() < deadline) {
            for (Socket socket : sockets) {
                if (socket.getInputStream().available() > 0) {
                    return new String(
                            socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                }
            }
            TimeUnit.MILLISECONDS.sleep(10);
        }
        throw new AssertionError("no answer");
    }

    @Test
    void tooManyWaitingRequestsAreRefused() throws Exception {
        sources.gate = new CompletableFuture<>();
        List<Socket> waiting = new ArrayList<>();
        try {
            for (int i = 0; i < 40; i++) {
                Socket socket = new Socket(InetAddress.getLoopbackAddress(), listener.port());
                waiting.add(socket);
                socket.getOutputStream().write(REQUEST.getBytes(StandardCharsets.UTF_8));
            }
            String answer = firstAnswer(waiting); // the others wait
            assertTrue(answer.startsWith("HTTP/1.1 503"), answer);
            assertTrue(answer.contains("too many requests"), answer);
        } finally {
            sources.gate.complete(null);
            for (Socket socket : waiting) {
                socket.close();
            }
        }
    }

    @Test
    void writesTheProgressOfSourcesInUseForPrometheus() throws Exception {
        String metrics = get("/metrics").body();
        for (String line :
                List.of(
                        "headrace_source_objects{topic=\"imagenet\"} 20",
                        "headrace_source_indexed_objects{topic=\"imagenet\"} 14",
                        "headrace_source_indexed_records{topic=\"imagenet\"} 14000",
                        "headrace_source_complete{topic=\"imagenet\"} 0",
                        "headrace_source_indexing{topic=\"imagenet\"} 1")) {
            assertTrue(metrics.contains(line + "\n"), line + " is not in\n" + metrics);
        }
    }

    @Test
    void writesABoundedNumberOfSourcesForPrometheus() throws Exception {
        for (int i = 0; i < 150; i++) {
            SourceStatus status = ScriptedSources.status(1000 + i, "s" + i, false, 10);
            sources.answer(status);
        }
        String metrics = get("/metrics").body();
        assertEquals(
                100,
                metrics.lines().filter(l -> l.startsWith("headrace_source_complete{")).count());
    }

    @Test
    void aStatusThatDoesNotComeHoldsUpNoScrape() throws Exception {
        sources.gate = new CompletableFuture<>();
        Response response = get("/metrics");
        assertEquals(200, response.status());
        String metrics = response.body();
        assertFalse(metrics.contains("headrace_source_complete{"), metrics);
    }
}
