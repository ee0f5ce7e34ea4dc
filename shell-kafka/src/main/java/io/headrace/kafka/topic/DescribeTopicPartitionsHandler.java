package io.headrace.kafka.topic;

import io.headrace.engine.Topic;
import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.KafkaShellContext;
import io.headrace.kafka.RequestHandler;
import java.util.List;
import java.util.NavigableSet;
import java.util.TreeSet;
import java.util.concurrent.Executor;
import org.apache.kafka.common.message.DescribeTopicPartitionsRequestData;
import org.apache.kafka.common.message.DescribeTopicPartitionsRequestData.TopicRequest;
import org.apache.kafka.common.message.DescribeTopicPartitionsResponseData;
import org.apache.kafka.common.message.DescribeTopicPartitionsResponseData.Cursor;
import org.apache.kafka.common.message.DescribeTopicPartitionsResponseData.DescribeTopicPartitionsResponsePartition;
import org.apache.kafka.common.message.DescribeTopicPartitionsResponseData.DescribeTopicPartitionsResponseTopic;
import org.apache.kafka.common.protocol.Errors;
import org.jspecify.annotations.Nullable;

/**
 * DescribeTopicPartitions: topics in order of name, a page at a time, each page bounded by its
 * partitions. The one way to list a million topics in bounded memory.
 */
public final class DescribeTopicPartitionsHandler implements RequestHandler {
    /** Kafka's max.request.partition.size.limit. */
    private static final int PAGE_PARTITIONS_MAX = 2000;

    private final KafkaShellContext context;
    private final TopicDirectory topics;
    private final Executor background;

    /**
     * @param context number of this node
     * @param topics to describe
     * @param background for pages of all topics
     */
    public DescribeTopicPartitionsHandler(
            KafkaShellContext context, TopicDirectory topics, Executor background) {
        this.context = context;
        this.topics = topics;
        this.background = background;
    }

    @Override
    public void handle(KafkaRequest request) {
        DescribeTopicPartitionsRequestData data =
                request.data(DescribeTopicPartitionsRequestData.class);
        String from = data.cursor() == null ? "" : data.cursor().topicName();
        int fromPartition = data.cursor() == null ? 0 : Math.max(0, data.cursor().partitionIndex());
        int limit = Math.min(PAGE_PARTITIONS_MAX, Math.max(1, data.responsePartitionLimit()));
        Page page = new Page(from, fromPartition, limit);
        if (data.topics().isEmpty()) {
            background.execute(() -> respondAll(request, page));
        } else {
            respondNamed(request, data.topics(), page);
        }
    }

    private void respondNamed(KafkaRequest request, List<TopicRequest> asked, Page page) {
        NavigableSet<String> names = new TreeSet<>();
        asked.forEach(topic -> names.add(topic.name()));
        for (String name : names.tailSet(page.from, true)) {
            TopicHandle topic = topics.find(name);
            if (!page.add(name, topic == null ? null : topic.topic())) {
                break;
            }
        }
        request.respond(page.response);
    }

    private void respondAll(KafkaRequest request, Page page) {
        try {
            // One topic more than fits, each having at least one partition, to know where to go on.
            for (Topic topic : topics.catalog().list(page.from, page.room + 1)) {
                if (!page.add(topic.name(), topic)) {
                    break;
                }
            }
            request.respond(page.response);
        } catch (RuntimeException | Error e) {
            request.fail(e);
        }
    }

    /** A response while it is filled. */
    private final class Page {
        final DescribeTopicPartitionsResponseData response =
                new DescribeTopicPartitionsResponseData();
        final String from;
        final int fromPartition;
        int room;

        Page(String from, int fromPartition, int limit) {
            this.from = from;
            this.fromPartition = fromPartition;
            this.room = limit;
        }

        /** Adds a topic; false if the page is full. */
        boolean add(String name, @Nullable Topic topic) {
            int first = name.equals(from) ? fromPartition : 0;
            if (room == 0) {
                response.setNextCursor(new Cursor().setTopicName(name).setPartitionIndex(first));
                return false;
            }
            DescribeTopicPartitionsResponseTopic described =
                    new DescribeTopicPartitionsResponseTopic().setName(name);
            response.topics().add(described);
            if (topic == null) {
                described.setErrorCode(unknown(name).code());
                return true;
            }
            described
                    .setTopicId(topics.ids().uuid(topic.id()))
                    .setIsInternal(TopicNames.isInternal(name));
            return addPartitions(topic, first, described);
        }

        private boolean addPartitions(
                Topic topic, int first, DescribeTopicPartitionsResponseTopic described) {
            for (int i = first; i < topic.partitionCount(); i++) {
                if (room == 0) {
                    response.setNextCursor(
                            new Cursor().setTopicName(topic.name()).setPartitionIndex(i));
                    return false;
                }
                room--;
                described.partitions().add(partition(i));
            }
            return true;
        }

        private DescribeTopicPartitionsResponsePartition partition(int index) {
            List<Integer> thisNode = List.of(context.nodeId());
            return new DescribeTopicPartitionsResponsePartition()
                    .setPartitionIndex(index)
                    .setLeaderId(context.nodeId())
                    .setLeaderEpoch(topics.engine().leaderEpoch())
                    .setReplicaNodes(thisNode)
                    .setIsrNodes(thisNode)
                    .setEligibleLeaderReplicas(List.of())
                    .setLastKnownElr(List.of());
        }
    }

    private static Errors unknown(String name) {
        return TopicNames.isValid(name)
                ? Errors.UNKNOWN_TOPIC_OR_PARTITION
                : Errors.INVALID_TOPIC_EXCEPTION;
    }
}
