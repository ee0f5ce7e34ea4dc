package io.headrace.server.cli;

import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of every command that talks to a server, named as Kafka's own tools name them. */
final class ClientOptions {
    /**
     * A server on the same machine answers in milliseconds; a wrong address should not cost a
     * minute.
     */
    private static final int TIMEOUT_MS = 15_000;

    @Option(
            names = "--bootstrap-server",
            paramLabel = "HOST:PORT",
            defaultValue = "127.0.0.1:9092",
            description = "The server to talk to; default: ${DEFAULT-VALUE}.")
    private String bootstrapServer = "";

    @Option(
            names = "--command-config",
            paramLabel = "FILE",
            description = "Properties of the Kafka client, as Kafka's own tools take them.")
    private @Nullable Path commandConfig;

    /** A client, to be closed by the caller. */
    Admin admin() throws IOException {
        return Admin.create(properties());
    }

    /** A consumer of raw bytes, in no group, to be closed by the caller. */
    KafkaConsumer<byte[], byte[]> consumer(Map<String, Object> settings) throws IOException {
        Properties properties = properties();
        properties.putAll(settings);
        return new KafkaConsumer<>(
                properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private Properties properties() throws IOException {
        Properties properties = new Properties();
        properties.put("request.timeout.ms", TIMEOUT_MS);
        properties.put("default.api.timeout.ms", TIMEOUT_MS);
        if (commandConfig != null) {
            try (Reader reader = Files.newBufferedReader(commandConfig, StandardCharsets.UTF_8)) {
                properties.load(reader);
            }
        }
        properties.put("bootstrap.servers", bootstrapServer);
        return properties;
    }

    /** The result of a call, or what went wrong with it, in words. */
    <T> T await(KafkaFuture<T> future) throws InterruptedException {
        try {
            return future.get();
        } catch (ExecutionException e) {
            throw new CommandException(describe(e.getCause()));
        }
    }

    /** What went wrong with a call of a client, in words. */
    String describe(@Nullable Throwable cause) {
        if (cause instanceof TimeoutException) {
            return "no answer from " + bootstrapServer + ": is the server running there?";
        }
        if (cause instanceof UnknownTopicOrPartitionException) {
            return "no such topic";
        }
        return String.valueOf(cause == null ? null : cause.getMessage());
    }
}
