package io.headrace.server.cli;

import io.headrace.server.ServerProcess;
import io.headrace.server.config.ConfigException;
import io.headrace.server.config.ServerConfig;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code headrace serve}: runs the server until it is told to stop. */
@Command(
        name = "serve",
        description = "Run the server; SIGTERM or Ctrl-C drains, syncs and ends it.")
public final class ServeCommand implements Callable<Integer> {
    @Option(names = "--config", paramLabel = "FILE", description = "A properties file.")
    private @Nullable Path file;

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = "A key of the configuration; goes before the file.")
    private Map<String, String> settings = new LinkedHashMap<>();

    @Override
    public Integer call() throws Exception {
        ServerProcess.run(config());
        return 0;
    }

    private ServerConfig config() throws IOException {
        Properties properties = new Properties();
        if (file != null) {
            if (!Files.isReadable(file)) {
                throw new ConfigException("cannot read the configuration: file=" + file);
            }
            try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
                properties.load(reader);
            }
        }
        Map<String, String> merged = new LinkedHashMap<>();
        properties
                .stringPropertyNames()
                .forEach(key -> merged.put(key, properties.getProperty(key)));
        merged.putAll(settings);
        return ServerConfig.of(merged);
    }
}
