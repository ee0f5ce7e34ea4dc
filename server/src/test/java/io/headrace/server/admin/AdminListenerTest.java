package io.headrace.server.admin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class AdminListenerTest {
    private final AtomicBoolean ready = new AtomicBoolean();
    private final HttpClient client = HttpClient.newHttpClient();
    private AdminListener listener;

    @BeforeEach
    void launch() throws Exception {
        MetricSource source =
                consumer -> {
                    consumer.accept("headrace_connections", 3);
                    consumer.accept("headrace_connections_total", 5);
                    consumer.accept("headrace_requests_total{api=\"produce\"}", 10);
                    consumer.accept("headrace_requests_total{api=\"fetch\"}", 20);
                    consumer.accept("headrace_micros_bucket{api=\"fetch\",le=\"63\"}", 4);
                    consumer.accept("headrace_micros_bucket{api=\"fetch\",le=\"127\"}", 6);
                    consumer.accept("headrace_micros_bucket{api=\"fetch\",le=\"+Inf\"}", 7);
                    consumer.accept("headrace_micros_count{api=\"fetch\"}", 7);
                    consumer.accept("headrace_micros_sum{api=\"fetch\"}", 900);
                };
        listener =
                AdminListener.launch(
                        new InetSocketAddress("127.0.0.1", 0),
                        List.of(),
                        ready::get,
                        List.of(source, new ProcessMetrics()));
    }

    @AfterEach
    void close() {
        listener.close();
    }

    @Test
    void isHealthyBeforeItIsReady() throws Exception {
        assertEquals(200, get("/healthz").statusCode());
        assertEquals(503, get("/readyz").statusCode());
        ready.set(true);
        assertEquals(200, get("/readyz").statusCode());
    }

    @Test
    void writesCountersGaugesAndHistogramsAsPrometheusText() throws Exception {
        HttpResponse<String> response = get("/metrics");
        assertTrue(
                response.headers().firstValue("Content-Type").orElse("").startsWith("text/plain"));
        List<String> lines = response.body().lines().toList();
        for (String expected :
                List.of(
                        "# TYPE headrace_requests_total counter",
                        "headrace_requests_total{api=\"fetch\"} 20",
                        "headrace_requests_total{api=\"produce\"} 10",
                        "# TYPE headrace_connections gauge",
                        "headrace_connections 3",
                        "# TYPE headrace_connections_total counter",
                        "headrace_connections_total 5",
                        "# TYPE headrace_micros histogram",
                        "headrace_micros_bucket{api=\"fetch\",le=\"63\"} 4",
                        "headrace_micros_bucket{api=\"fetch\",le=\"127\"} 6",
                        "headrace_micros_bucket{api=\"fetch\",le=\"+Inf\"} 7",
                        "headrace_micros_count{api=\"fetch\"} 7",
                        "headrace_micros_sum{api=\"fetch\"} 900")) {
            assertTrue(lines.contains(expected), expected + " is not in\n" + response.body());
        }
    }

    @Test
    void tellsWhatTheProcessTakes() throws Exception {
        String body = get("/metrics").body();
        for (String name : List.of("process_resident_memory_bytes", "process_open_fds")) {
            double value =
                    body.lines()
                            .filter(line -> line.startsWith(name + " "))
                            .mapToDouble(line -> Double.parseDouble(line.split(" ")[1]))
                            .findFirst()
                            .orElseThrow();
            assertTrue(value > 0, name);
        }
    }

    @Test
    void knowsNoOtherPath() throws Exception {
        assertEquals(404, get("/metrics/more").statusCode());
        assertEquals(404, get("/other").statusCode());
    }

    private HttpResponse<String> get(String path) throws Exception {
        URI uri = URI.create("http://127.0.0.1:" + listener.port() + path);
        return client.send(
                HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
    }
}
