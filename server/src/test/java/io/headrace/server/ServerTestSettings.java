package io.headrace.server;

import io.headrace.server.config.ServerConfig;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Settings of a small server on free ports. */
final class ServerTestSettings {
    private ServerTestSettings() {}

    static Map<String, String> of(Path data) {
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put("listeners", "PLAINTEXT://127.0.0.1:0");
        settings.put("headrace.admin.listener", "127.0.0.1:0");
        settings.put("log.dirs", data.toString());
        settings.put("headrace.journal.cycle.bytes", Integer.toString(4 << 20));
        settings.put("headrace.journal.shards", "1");
        settings.put("headrace.disk.reserve.bytes", "0");
        settings.put("headrace.memory.budget.bytes", Integer.toString(64 << 20));
        return settings;
    }

    static ServerConfig config(Path data) {
        return ServerConfig.of(of(data));
    }
}
