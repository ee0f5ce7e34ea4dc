package io.headrace.kafka.topic;

import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.kafka.EngineErrors;
import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.KafkaShellContext;
import io.headrace.kafka.Outstanding;
import io.headrace.kafka.RequestHandler;
import java.util.List;
import org.apache.kafka.common.message.CreatePartitionsRequestData;
import org.apache.kafka.common.message.CreatePartitionsRequestData.CreatePartitionsAssignment;
import org.apache.kafka.common.message.CreatePartitionsRequestData.CreatePartitionsTopic;
import org.apache.kafka.common.message.CreatePartitionsResponseData;
import org.apache.kafka.common.message.CreatePartitionsResponseData.CreatePartitionsTopicResult;
import org.apache.kafka.common.protocol.Errors;
import org.jspecify.annotations.Nullable;

/** CreatePartitions: grows topics. */
public final class CreatePartitionsHandler implements RequestHandler {
    private final KafkaShellContext context;
    private final TopicDirectory topics;

    /**
     * @param context number of this node
     * @param topics to grow
     */
    public CreatePartitionsHandler(KafkaShellContext context, TopicDirectory topics) {
        this.context = context;
        this.topics = topics;
    }

    @Override
    public void handle(KafkaRequest request) {
        CreatePartitionsRequestData data = request.data(CreatePartitionsRequestData.class);
        CreatePartitionsResponseData response = new CreatePartitionsResponseData();
        Outstanding outstanding = new Outstanding(() -> request.respond(response));
        for (CreatePartitionsTopic asked : data.topics()) {
            CreatePartitionsTopicResult result =
                    new CreatePartitionsTopicResult().setName(asked.name());
            response.results().add(result);
            grow(asked, data.validateOnly(), result, outstanding);
        }
        outstanding.seal();
    }

    private void grow(
            CreatePartitionsTopic asked,
            boolean validateOnly,
            CreatePartitionsTopicResult result,
            Outstanding outstanding) {
        TopicHandle topic = topics.find(asked.name());
        if (topic == null) {
            refuse(result, Errors.UNKNOWN_TOPIC_OR_PARTITION, "no such topic");
        } else if (TopicNames.isInternal(asked.name())) {
            refuse(result, Errors.POLICY_VIOLATION, "the server's own topic: name=" + asked.name());
        } else if (!areAssignmentsOurs(asked, topic.topic().partitionCount())) {
            refuse(
                    result,
                    Errors.INVALID_REPLICA_ASSIGNMENT,
                    "every new partition has to be assigned to node " + context.nodeId());
        } else {
            outstanding.add(
                    topics.catalog().grow(topic.topic().id(), asked.count(), validateOnly),
                    (outcome, failure) -> describe(outcome, failure, result));
        }
    }

    private boolean areAssignmentsOurs(CreatePartitionsTopic asked, int partitionCount) {
        List<CreatePartitionsAssignment> assignments = asked.assignments();
        if (assignments == null) {
            return true;
        }
        for (CreatePartitionsAssignment assignment : assignments) {
            if (!assignment.brokerIds().equals(List.of(context.nodeId()))) {
                return false;
            }
        }
        return assignments.size() == asked.count() - partitionCount;
    }

    private static void describe(
            @Nullable CatalogResult outcome,
            @Nullable Throwable failure,
            CreatePartitionsTopicResult result) {
        if (outcome == null) {
            Errors error = EngineErrors.of(failure);
            refuse(result, error, error.message());
        } else if (outcome.error() != null) {
            refuse(result, CatalogErrors.of(outcome.error()), outcome.message());
        }
    }

    private static void refuse(CreatePartitionsTopicResult result, Errors error, String message) {
        result.setErrorCode(error.code()).setErrorMessage(message);
    }
}
