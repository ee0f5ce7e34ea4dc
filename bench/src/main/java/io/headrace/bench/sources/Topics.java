package io.headrace.bench.sources;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;

/** Topics over objects, created as anybody would. */
final class Topics {
    private Topics() {}

    static void create(String bootstrapServer, Dataset dataset, int partitionCount)
            throws ExecutionException, InterruptedException {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrapServer))) {
            create(admin, dataset.folder(), dataset.format(), partitionCount);
        }
    }

    static void create(Admin admin, String folder, String format, int partitionCount)
            throws ExecutionException, InterruptedException {
        NewTopic topic =
                new NewTopic(folder, Optional.of(partitionCount), Optional.empty())
                        .configs(
                                Map.of(
                                        "headrace.source.uri",
                                        SlowS3.uri(folder),
                                        "headrace.source.format",
                                        format));
        admin.createTopics(List.of(topic)).all().get();
    }
}
