package io.headrace.kafka.log;

import io.headrace.engine.PartitionLog;
import io.headrace.kafka.KafkaRequest;
import java.util.ArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ProduceResponseData;
import org.apache.kafka.common.message.ProduceResponseData.PartitionProduceResponse;
import org.apache.kafka.common.message.ProduceResponseData.TopicProduceResponse;
import org.apache.kafka.common.protocol.Errors;

/**
 * One produce request from its first append to its answer. Filled on the event loop; the engine's
 * threads count down what is still to be acknowledged, and the last one answers.
 */
final class ProduceOperation {
    private static final short ACKS_NONE = 0;
    private static final short ACKS_ALL = -1;

    private final KafkaRequest request;
    private final short acks;
    private final ProduceResponseData response = new ProduceResponseData();

    /** One for the event loop until all is appended, and one for each partition waited for. */
    private final AtomicInteger outstanding = new AtomicInteger(1);

    ProduceOperation(KafkaRequest request, short acks) {
        this.request = request;
        this.acks = acks;
    }

    TopicProduceResponse addTopic(String name, Uuid topicId, int partitionCount) {
        TopicProduceResponse topic =
                new TopicProduceResponse()
                        .setName(name)
                        .setTopicId(topicId)
                        .setPartitionResponses(new ArrayList<>(partitionCount));
        response.responses().mustAdd(topic);
        return topic;
    }

    /** With acks=all: holds the answer back until the records below an offset are safe. */
    void await(PartitionLog log, long endOffset, PartitionProduceResponse result) {
        if (acks == ACKS_ALL && log.highWatermark() < endOffset) {
            outstanding.incrementAndGet();
            log.onHighWatermark(endOffset, () -> onAcknowledged(log, endOffset, result));
        }
    }

    private void onAcknowledged(PartitionLog log, long endOffset, PartitionProduceResponse result) {
        if (log.highWatermark() < endOffset) {
            // Closed meanwhile. The client asks again, and its sequence numbers tell the two apart.
            result.setErrorCode(Errors.NOT_LEADER_OR_FOLLOWER.code()).setBaseOffset(-1);
        }
        countDown();
    }

    /** Everything was appended that can be. */
    void appended() {
        countDown();
    }

    private void countDown() {
        if (outstanding.decrementAndGet() > 0) {
            return;
        }
        if (acks == ACKS_NONE) {
            endUnanswered();
        } else {
            request.respond(response);
        }
    }

    /**
     * Who asks for no answer learns of an error by the end of the connection, as with Kafka's own
     * broker; it looks for the topic anew then.
     */
    private void endUnanswered() {
        for (TopicProduceResponse topic : response.responses()) {
            for (PartitionProduceResponse partition : topic.partitionResponses()) {
                if (partition.errorCode() != Errors.NONE.code()) {
                    request.disconnect(
                            "acks=0 produce failed: topic="
                                    + topic.name()
                                    + " partition="
                                    + partition.index()
                                    + " error="
                                    + Errors.forCode(partition.errorCode()));
                    return;
                }
            }
        }
        request.respondNothing();
    }
}
