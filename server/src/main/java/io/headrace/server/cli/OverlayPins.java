package io.headrace.server.cli;

import io.headrace.engine.Views;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.common.config.ConfigResource;
import org.jspecify.annotations.Nullable;

/** Waits until it is decided what an overlay has: nothing can be made of it before. */
final class OverlayPins {
    private static final long DEADLINE_SECONDS = 60;
    private static final long LOOK_MS = 200;

    private OverlayPins() {}

    /**
     * Returns at once if the topic is no overlay.
     *
     * @throws CommandException if it is not decided in time
     */
    static void await(ClientOptions client, Admin kafka, String topic) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        while (!isPinned(client, kafka, topic)) {
            if (System.nanoTime() > deadline) {
                throw new CommandException(
                        "the overlay is not pinned yet, retry once 'view status' says that it is"
                                + " ready: "
                                + topic);
            }
            Thread.sleep(LOOK_MS);
        }
    }

    private static boolean isPinned(ClientOptions client, Admin kafka, String topic)
            throws InterruptedException {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        Map<ConfigResource, Config> configs =
                client.await(kafka.describeConfigs(List.of(resource)).all());
        Config known = configs.get(resource);
        return known == null
                || !Views.OVERLAY.equals(value(known.get(Views.TYPE_CONFIG)))
                || !value(known.get(Views.PINNED_CONFIG)).isEmpty();
    }

    private static String value(@Nullable ConfigEntry entry) {
        return entry == null || entry.value() == null ? "" : entry.value();
    }
}
