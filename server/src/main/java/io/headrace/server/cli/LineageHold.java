package io.headrace.server.cli;

import io.headrace.engine.Versions;
import io.headrace.server.lineage.Manifest;
import io.headrace.server.lineage.Manifest.TopicRanges;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.common.config.ConfigResource;

/** Keeps what a manifest names from going, as far as that can be had: versions do not change. */
final class LineageHold {
    private final ClientOptions client;
    private final PrintWriter out;

    /** Versions that were not protected before. */
    private final Deque<String> held = new ArrayDeque<>();

    /** What is done once all is held. */
    interface Step {
        void run() throws IOException, InterruptedException;
    }

    /**
     * @param out is told what is held, and what is not
     */
    LineageHold(ClientOptions client, PrintWriter out) {
        this.client = client;
        this.out = out;
    }

    /**
     * Protects the versions that a manifest names, and takes a step. If one of that fails, what was
     * protected by this is let go of again.
     */
    void during(Manifest manifest, Step then) throws IOException, InterruptedException {
        try (Admin kafka = client.admin()) {
            boolean isDone = false;
            try {
                for (TopicRanges topic : manifest.topics()) {
                    protect(kafka, topic);
                }
                then.run();
                isDone = true;
            } finally {
                if (!isDone) {
                    letGo(kafka);
                }
            }
        }
    }

    private void protect(Admin kafka, TopicRanges topic) throws InterruptedException {
        if (!topic.configs().containsKey(Versions.OF_CONFIG)) {
            out.println("not protected, as it is no version: " + topic.topic());
        } else if (isProtected(kafka, topic.topic())) {
            out.println("protected already: " + topic.topic());
        } else {
            // Also of a request that fails nobody knows whether it was carried out.
            held.push(topic.topic());
            set(kafka, topic.topic(), "true");
            out.println("protected: " + topic.topic());
        }
    }

    /** The last one first; says of each what has become of it. */
    private void letGo(Admin kafka) throws InterruptedException {
        while (!held.isEmpty()) {
            String version = held.pop();
            try {
                set(kafka, version, "false");
                out.println("not protected any more: " + version);
            } catch (CommandException e) {
                out.println("may still be protected: " + version + ": " + e.getMessage());
            }
        }
        out.flush();
    }

    /** By now: another export may have protected it since the manifest was made. */
    private boolean isProtected(Admin kafka, String version) throws InterruptedException {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, version);
        Config configs =
                Objects.requireNonNull(
                        client.await(kafka.describeConfigs(List.of(resource)).all()).get(resource));
        ConfigEntry found = configs.get(Versions.PROTECTED_CONFIG);
        return found != null && "true".equals(found.value());
    }

    private void set(Admin kafka, String version, String isProtected) throws InterruptedException {
        AlterConfigOp change =
                new AlterConfigOp(
                        new ConfigEntry(Versions.PROTECTED_CONFIG, isProtected), OpType.SET);
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, version);
        client.await(kafka.incrementalAlterConfigs(Map.of(resource, List.of(change))).all());
    }
}
