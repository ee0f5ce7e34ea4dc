package io.headrace.bench.topics;

import io.headrace.bench.HeadraceProcess;
import java.net.InetSocketAddress;
import java.nio.file.Path;

/** Where and how the server of this benchmark runs. */
final class TopicsServer {
    private static final String HOST = "127.0.0.1";
    private static final int PORT = 19392;

    private TopicsServer() {}

    /** Starts the server and waits for the first answered Metadata request. */
    static HeadraceProcess start(Path home, Path log, Path data, TopicsOptions options, String run)
            throws InterruptedException {
        return HeadraceProcess.start(
                home,
                log,
                data,
                PORT,
                options.serverJvmArguments().stream()
                        .map(each -> each.replace("%RUN%", run))
                        .toList(),
                options.serverSettings());
    }

    static String bootstrapServer() {
        return HOST + ":" + PORT;
    }

    static InetSocketAddress address() {
        return new InetSocketAddress(HOST, PORT);
    }
}
