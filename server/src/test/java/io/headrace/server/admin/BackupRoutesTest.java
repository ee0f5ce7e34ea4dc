package io.headrace.server.admin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.headrace.engine.Backups;
import io.headrace.engine.EngineException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class BackupRoutesTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final HttpClient client = HttpClient.newHttpClient();
    private final HeldBackups backups = new HeldBackups();
    private AdminListener listener;

    /** Whose cut takes as long as the test wants. */
    private static final class HeldBackups implements Backups {
        CompletableFuture<Cut> cut = new CompletableFuture<>();
        String renewed = "";

        @Override
        public CompletableFuture<Cut> begin() {
            cut = new CompletableFuture<>();
            return cut;
        }

        @Override
        public void renew(String id) {
            renewed = id;
        }

        @Override
        public void end(String id) {}
    }

    @BeforeEach
    void launch() throws Exception {
        listener =
                AdminListener.launch(
                        new InetSocketAddress("127.0.0.1", 0), List.of(), () -> true, List.of());
        listener.serveBackups(backups, "cluster");
    }

    @AfterEach
    void close() {
        listener.close();
    }

    /** A checkpoint is as large as the metadata store. */
    @Test
    void noRequestWaitsForACheckpoint() throws Exception {
        String id = json(post("/backups")).path("id").asText();
        String path = "/backups/" + id;
        HttpResponse<byte[]> early = get(path);
        assertEquals(200, early.statusCode());
        assertEquals(Json.object().put("id", id), json(early));
        HttpResponse<byte[]> second = post("/backups");
        assertEquals(503, second.statusCode());
        assertTrue(json(second).path("error").asText().startsWith("another backup is under way"));
        Backups.Cut cut =
                new Backups.Cut(
                        "id-of-cut",
                        Path.of("/data"),
                        7,
                        1,
                        30_000,
                        List.of(new Backups.CutFile(Path.of("a"), 5, true)));
        backups.cut.complete(cut);
        assertEquals(cut, CutJson.read(json(get(path))));
        assertEquals(200, post("/backups/id-of-cut/renew").statusCode());
        assertEquals("id-of-cut", backups.renewed);
        assertEquals(200, post("/backups").statusCode());
        assertEquals(404, get(path).statusCode());
    }

    @Test
    void whoAsksIsToldWhyThereIsNoCut() throws Exception {
        String path = "/backups/" + json(post("/backups")).path("id").asText();
        backups.cut.completeExceptionally(new EngineException("no cut for a backup: disk=full"));
        HttpResponse<byte[]> answer = get(path);
        assertEquals(503, answer.statusCode());
        assertEquals("no cut for a backup: disk=full", json(answer).path("error").asText());
    }

    private static JsonNode json(HttpResponse<byte[]> response) throws Exception {
        return Json.parse(response.body());
    }

    private HttpResponse<byte[]> get(String path) throws Exception {
        return client.send(
                HttpRequest.newBuilder(uri(path)).timeout(PATIENCE).build(),
                BodyHandlers.ofByteArray());
    }

    private HttpResponse<byte[]> post(String path) throws Exception {
        return client.send(
                HttpRequest.newBuilder(uri(path))
                        .timeout(PATIENCE)
                        .header(JsonHandler.HEADER, "1")
                        .POST(BodyPublishers.noBody())
                        .build(),
                BodyHandlers.ofByteArray());
    }

    private URI uri(String path) {
        return URI.create("http://127.0.0.1:" + listener.port() + path);
    }
}
