package io.headrace.bench.topics;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.CreateTopicsResult;
import org.apache.kafka.clients.admin.NewTopic;

/** Creates topics with Kafka's own AdminClient: some requests under way at a time. */
final class TopicCreation {
    private static final int TIMEOUT_MS = 60_000;

    private TopicCreation() {}

    /** Channels of agents, as a platform with a channel per agent names them. */
    static String name(int index) {
        return String.format(Locale.ROOT, "agents.agent-%07d.control", index);
    }

    /** Creates the topics and returns when all of them have been acknowledged; seconds taken. */
    static double create(String bootstrapServer, int count, TopicsOptions options)
            throws ExecutionException, InterruptedException {
        try (Admin admin = Admin.create(properties(bootstrapServer))) {
            admin.describeCluster().nodes().get();
            long start = System.nanoTime();
            Deque<CreateTopicsResult> underWay = new ArrayDeque<>();
            for (int from = 0; from < count; from += options.batch()) {
                if (underWay.size() == options.inFlight()) {
                    underWay.remove().all().get();
                }
                int to = Math.min(count, from + options.batch());
                underWay.add(request(admin, from, to, options));
            }
            while (!underWay.isEmpty()) {
                underWay.remove().all().get();
            }
            return (System.nanoTime() - start) / 1e9;
        }
    }

    private static CreateTopicsResult request(
            Admin admin, int from, int to, TopicsOptions options) {
        List<NewTopic> topics =
                IntStream.range(from, to)
                        .mapToObj(
                                index ->
                                        new NewTopic(name(index), 1, (short) 1)
                                                .configs(options.topicConfigs()))
                        .toList();
        return admin.createTopics(topics, new CreateTopicsOptions().timeoutMs(TIMEOUT_MS));
    }

    private static Map<String, Object> properties(String bootstrapServer) {
        return Map.of(
                AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServer,
                AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, TIMEOUT_MS,
                AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, TIMEOUT_MS);
    }
}
