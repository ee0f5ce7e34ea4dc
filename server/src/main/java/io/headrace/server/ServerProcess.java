package io.headrace.server;

import io.headrace.server.config.ServerConfig;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The life of the server's process: it starts, waits for SIGTERM or SIGINT, drains and ends. */
public final class ServerProcess {
    private static final Logger LOGGER = LoggerFactory.getLogger(ServerProcess.class);

    /** Service managers wait ten seconds before they kill; we end ourselves before. */
    private static final long SHUTDOWN_MS_MAX = HeadraceServer.CLOSE_MS + 500;

    private static final int STATUS_NOT_DRAINED = 71;

    private ServerProcess() {}

    /** Runs a server; returns only if it cannot start, by an exception. */
    public static void run(ServerConfig config) throws IOException, InterruptedException {
        LOGGER.info(
                "starting: version={} jdk={} data={}",
                Version.text(),
                Runtime.version(),
                EngineSettings.folder(config));
        if (!config.withoutEffect().isEmpty()) {
            LOGGER.warn("{}", config.warning());
        }
        HeadraceServer server = HeadraceServer.launch(config);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(server), "headrace-shutdown"));
        LOGGER.info(
                "ready: port={} admin={} uptimeMs={}",
                server.kafkaPort(),
                server.adminPort(),
                ManagementFactory.getRuntimeMXBean().getUptime());
        new CountDownLatch(1).await(); // until the hook has run and the JVM ends
    }

    private static void stop(HeadraceServer server) {
        LOGGER.info("stopping");
        Thread watchdog = new Thread(ServerProcess::haltLater, "headrace-watchdog");
        watchdog.setDaemon(true);
        watchdog.start();
        server.close();
        LOGGER.info("stopped");
    }

    /** What was acknowledged is synced, so that ending late requests the hard way loses nothing. */
    private static void haltLater() {
        try {
            Thread.sleep(SHUTDOWN_MS_MAX);
        } catch (InterruptedException e) {
            return;
        }
        System.err.println("headrace: not drained in " + SHUTDOWN_MS_MAX + " ms, ending anyway");
        Runtime.getRuntime().halt(STATUS_NOT_DRAINED);
    }
}
