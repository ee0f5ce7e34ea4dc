package io.headrace.server.groups;

import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** A member in a process of its own, to be killed: BOOTSTRAP PROTOCOL INSTANCE. */
final class GroupMember {
    private GroupMember() {}

    public static void main(String[] arguments) {
        Properties configs = new Properties();
        configs.put("bootstrap.servers", arguments[0]);
        configs.putAll(LostMemberTest.configs(arguments[1], arguments[2]));
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(configs, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of("t"));
            while (true) {
                consumer.poll(Duration.ofMillis(100));
            }
        }
    }
}
