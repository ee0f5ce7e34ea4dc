package io.headrace.server.admin;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import io.headrace.engine.Backups;
import io.headrace.engine.Engine;
import io.headrace.engine.Sources;
import io.headrace.engine.TopicCatalog;
import io.headrace.engine.Views;
import io.headrace.server.bookmark.Bookmarks;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves {@code /metrics} (Prometheus text), {@code /healthz} (200 as long as the process answers),
 * {@code /readyz} (200 while clients are served, 503 otherwise), {@code /sources} and {@code
 * /backups} (JSON) and others, on one thread of its own; but what is read of callers and written to
 * them as JSON is on others, so that whoever is slow there holds up nobody who asks how the server
 * is.
 *
 * <p>The caller who launched it owns it and closes it.
 */
public final class AdminListener implements AutoCloseable {
    private static final Logger LOGGER = LoggerFactory.getLogger(AdminListener.class);
    private static final String SOURCES = "/sources";
    private static final String BACKUPS = "/backups";
    private static final String VIEWS = "/views";
    private static final String BOOKMARKS = "/bookmarks";
    private static final String DATASETS = "/datasets";
    private static final String NOTES = "/notes";
    private static final int BACKLOG = 16;

    /** Callers whose bodies are read and whose answers are written at a time: they may be slow. */
    private static final int TALKERS = 4;

    /** Paths below which JSON is answered. */
    private static final int HANDLERS = 6;

    /** As many as all of them let wait, so that every answer has its turn. */
    private static final int TALKERS_WAITING_MAX = HANDLERS * JsonHandler.HELD_MAX;

    private static final int TALKER_IDLE_S = 10;
    private static final int OK = 200;
    private static final int NOT_FOUND = 404;
    private static final int UNAVAILABLE = 503;
    private static final String PLAIN = "text/plain; charset=utf-8";

    private final HttpServer http;
    private final ExecutorService executor;
    private final ExecutorService talkers;
    private final BooleanSupplier ready;
    private final List<MetricSource> metricSources;
    private final JsonHandler sources;
    private final JsonHandler backups;
    private final JsonHandler views;
    private final JsonHandler bookmarks;
    private final JsonHandler datasets;
    private final JsonHandler notes;

    private AdminListener(
            HttpServer http,
            AllowedHosts hosts,
            BooleanSupplier ready,
            List<MetricSource> metricSources) {
        this.http = http;
        this.ready = ready;
        this.metricSources = metricSources;
        this.executor =
                Executors.newSingleThreadExecutor(task -> new Thread(task, "headrace-admin"));
        this.talkers = talkers();
        this.sources = new JsonHandler(SOURCES, hosts, talkers);
        this.backups = new JsonHandler(BACKUPS, hosts, talkers);
        this.views = new JsonHandler(VIEWS, hosts, talkers);
        this.bookmarks = new JsonHandler(BOOKMARKS, hosts, talkers, BookmarkRoutes.BODY_LENGTH_MAX);
        this.datasets = new JsonHandler(DATASETS, hosts, talkers);
        this.notes = new JsonHandler(NOTES, hosts, talkers, NoteRoutes.BODY_LENGTH_MAX);
    }

    private static ExecutorService talkers() {
        ThreadPoolExecutor pool =
                new ThreadPoolExecutor(
                        TALKERS,
                        TALKERS,
                        TALKER_IDLE_S,
                        TimeUnit.SECONDS,
                        new ArrayBlockingQueue<>(TALKERS_WAITING_MAX),
                        task -> {
                            Thread thread = new Thread(task, "headrace-admin-talker");
                            thread.setDaemon(true);
                            return thread;
                        });
        pool.allowCoreThreadTimeOut(true);
        return pool;
    }

    /**
     * Binds and serves.
     *
     * @param hosts names by which what answers JSON may be addressed, besides addresses and {@code
     *     localhost}
     * @param ready asked at each {@code /readyz}
     * @param metricSources asked in turn at each {@code /metrics}; may grow while it is served
     */
    public static AdminListener launch(
            InetSocketAddress address,
            Collection<String> hosts,
            BooleanSupplier ready,
            List<MetricSource> metricSources)
            throws IOException {
        HttpServer http = HttpServer.create(address, BACKLOG);
        AdminListener listener =
                new AdminListener(http, new AllowedHosts(hosts), ready, metricSources);
        http.setExecutor(listener.executor);
        http.createContext("/", exact("/", listener::index));
        http.createContext("/metrics", exact("/metrics", listener::metrics));
        http.createContext("/healthz", exact("/healthz", exchange -> answer(exchange, OK, "ok\n")));
        http.createContext("/readyz", exact("/readyz", listener::readiness));
        http.createContext(SOURCES, listener.sources);
        http.createContext(BACKUPS, listener.backups);
        http.createContext(VIEWS, listener.views);
        http.createContext(BOOKMARKS, listener.bookmarks);
        http.createContext(DATASETS, listener.datasets);
        http.createContext(NOTES, listener.notes);
        http.start();
        return listener;
    }

    /** Answers {@code /sources} from now on; until then it says that it is not ready. */
    public void serveSources(TopicCatalog catalog, Sources served) {
        sources.serve(new SourceRoutes(catalog, served, executor));
    }

    /**
     * Answers {@code /backups} from now on; until then it says that it is not ready.
     *
     * @param clusterId which a backup names
     */
    public void serveBackups(Backups served, String clusterId) {
        backups.serve(new BackupRoutes(served, clusterId, executor));
    }

    /** Answers {@code /views} from now on; until then it says that it is not ready. */
    public void serveViews(TopicCatalog catalog, Views served) {
        views.serve(new ViewRoutes(catalog, served, executor));
    }

    /** Answers {@code /bookmarks} and {@code /notes} from now on; until then it is not ready. */
    public void serveBookmarks(Bookmarks served) {
        notes.serve(new NoteRoutes(served, executor));
        bookmarks.serve(new BookmarkRoutes(served, executor));
    }

    /**
     * Answers {@code /datasets} from now on; until then it says that it is not ready.
     *
     * @param clusterId which the answers name
     */
    public void serveDatasets(Engine engine, String clusterId) {
        datasets.serve(new DatasetRoutes(engine, clusterId, executor));
    }

    /** The port that was bound. */
    public int port() {
        return http.getAddress().getPort();
    }

    /** A context of the HTTP server answers every path below its own; we want only that path. */
    private static HttpHandler exact(String path, HttpHandler handler) {
        return exchange -> {
            try (exchange) {
                if (exchange.getRequestURI().getPath().equals(path)) {
                    handler.handle(exchange);
                } else {
                    answer(exchange, NOT_FOUND, "not found\n");
                }
            } catch (RuntimeException e) {
                LOGGER.warn("request failed: path={}", path, e);
                throw e; // the HTTP server closes the connection
            }
        };
    }

    private void index(HttpExchange exchange) throws IOException {
        answer(
                exchange,
                OK,
                "/metrics\n"
                        + "/healthz\n"
                        + "/readyz\n"
                        + "/sources\n"
                        + "/datasets\n"
                        + "/backups\n"
                        + "/views\n"
                        + "/bookmarks\n"
                        + "/notes\n");
    }

    private void readiness(HttpExchange exchange) throws IOException {
        if (ready.getAsBoolean()) {
            answer(exchange, OK, "ready\n");
        } else {
            answer(exchange, UNAVAILABLE, "not ready\n");
        }
    }

    private void metrics(HttpExchange exchange) throws IOException {
        PrometheusText text = new PrometheusText();
        for (MetricSource source : metricSources) {
            source.forEach(text);
        }
        answer(exchange, OK, PrometheusText.CONTENT_TYPE, text.toString());
    }

    private static void answer(HttpExchange exchange, int status, String text) throws IOException {
        answer(exchange, status, PLAIN, text);
    }

    static void answer(HttpExchange exchange, int status, String type, String text)
            throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", type);
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
    }

    @Override
    public void close() {
        http.stop(0);
        executor.shutdownNow();
        talkers.shutdownNow();
    }
}
