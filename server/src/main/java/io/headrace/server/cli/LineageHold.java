package io.headrace.server.cli;

import io.headrace.engine.Versions;
import io.headrace.server.lineage.Manifest;
import io.headrace.server.lineage.Manifest.TopicRanges;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.common.config.ConfigResource;

/** Keeps what a manifest names from going, as far as that can be had: versions do not change. */
final class LineageHold {
    private final ClientOptions client;
    private final PrintWriter out;

    /**
     * @param out is told what is held, and what is not
     */
    LineageHold(ClientOptions client, PrintWriter out) {
        this.client = client;
        this.out = out;
    }

    void protect(Manifest manifest) throws IOException, InterruptedException {
        try (Admin kafka = client.admin()) {
            for (TopicRanges topic : manifest.topics()) {
                if (topic.configs().containsKey(Versions.OF_CONFIG)) {
                    protect(kafka, topic.topic());
                    out.println("protected: " + topic.topic());
                } else {
                    out.println("not protected, as it is no version: " + topic.topic());
                }
            }
        }
    }

    private void protect(Admin kafka, String version) throws InterruptedException {
        AlterConfigOp change =
                new AlterConfigOp(new ConfigEntry(Versions.PROTECTED_CONFIG, "true"), OpType.SET);
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, version);
        client.await(kafka.incrementalAlterConfigs(Map.of(resource, List.of(change))).all());
    }
}
