package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.headrace.engine.testing.LeakCheck;
import io.headrace.server.admin.Json;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Which stock consumer waited for data of a source, as the admin listener tells. */
final class ConsumerWaitsTest {
    private static final String SERIES =
            "headrace_source_consumer_wait_nanoseconds_total{topic=\"%s\",client=\"%s\"} ";

    @RegisterExtension final LeakCheck leaks = new LeakCheck();

    @TempDir Path data;

    private SourceServer server;

    @BeforeEach
    void open() throws Exception {
        server = new SourceServer(data, Map.of(), Map.of());
        server.proxy.shape().latency(Duration.ofMillis(20));
    }

    @AfterEach
    void close() {
        server.close();
    }

    private void readEpochs(SourceDataset dataset, String clientId, int count) {
        try (Trainer trainer = new Trainer(server.bootstrap(), dataset, 500, 0, clientId)) {
            for (int epoch = 0; epoch < count; epoch++) {
                trainer.epoch();
            }
        }
    }

    private byte[] get(String path) throws IOException {
        URI uri = URI.create("http://127.0.0.1:" + server.adminPort() + path);
        try (InputStream in = uri.toURL().openStream()) {
            return in.readAllBytes();
        }
    }

    private void assertOnlyTheFirstWaited(SourceDataset dataset) throws Exception {
        server.create(dataset);
        readEpochs(dataset, "first", 1);
        readEpochs(
                dataset, "second", 3); // over the end of the dataset, where nobody waits for data
        String metrics = new String(get("/metrics"), StandardCharsets.UTF_8);
        assertTrue(metrics.contains(SERIES.formatted(dataset.name(), "first")), metrics);
        assertFalse(metrics.contains(SERIES.formatted(dataset.name(), "second")), metrics);
        JsonNode readers = Json.parse(get("/sources/" + dataset.name())).path("readers");
        assertEquals(1, readers.size(), readers::toString);
        assertEquals("first", readers.path(0).path("name").asText());
        assertTrue(readers.path(0).path("waitNanos").asLong() > 0, readers::toString);
    }

    @Test
    void whoBringsObjectsFromTheStoreWaitsAndWhoFindsThemCachedDoesNot() throws Exception {
        assertOnlyTheFirstWaited(SourceDataset.files(server.s3, "images", 1, 200, 20_000));
    }

    @Test
    void whoHasSamplesCountedWaitsAndWhoFindsThemCachedDoesNot() throws Exception {
        assertOnlyTheFirstWaited(SourceDataset.lines(server.s3, "text", 1, 4, 5_000));
    }
}
