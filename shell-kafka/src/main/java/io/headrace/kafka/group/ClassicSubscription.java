package io.headrace.kafka.group;

import java.nio.ByteBuffer;
import java.util.List;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.protocol.types.SchemaException;

/** What a member of a classic group says about itself, opaque to the coordinator until now. */
final class ClassicSubscription {
    private ClassicSubscription() {}

    /**
     * The topics that a member of protocol type "consumer" has subscribed to; none if malformed.
     */
    static List<String> topicsOf(byte[] metadata) {
        try {
            ByteBuffer buffer = ByteBuffer.wrap(metadata);
            short version = ConsumerProtocol.deserializeVersion(buffer);
            return ConsumerProtocol.deserializeConsumerProtocolSubscription(buffer, version)
                    .topics();
        } catch (SchemaException | IllegalArgumentException e) {
            return List
                    .of(); // a client's own format under Kafka's name; the group works all the same
        }
    }
}
