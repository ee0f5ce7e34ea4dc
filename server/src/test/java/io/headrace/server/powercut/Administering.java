package io.headrace.server.powercut;

import io.headrace.testing.history.PartitionHistory;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;

/**
 * Creates and deletes topics, and deletes records: so that the disk does not fill, and that journal
 * files and checkpoints come and go while the power does.
 */
final class Administering implements PoweredClients.Client {
    private static final int RECORDS_LEFT = 40;
    private static final int PAUSE_MS_MAX = 800;

    private final Clients clients;
    private final Histories histories;
    private final PoweredClients powered;
    private final int round;
    private final Random random;

    Administering(
            Clients clients,
            Histories histories,
            PoweredClients powered,
            int round,
            Random random) {
        this.clients = clients;
        this.histories = histories;
        this.powered = powered;
        this.round = round;
        this.random = random;
    }

    @Override
    public void run() throws Exception {
        Admin admin = clients.admin();
        try {
            for (int i = 0; powered.goOn(); i++) {
                String topic = "made-" + round + "-" + i;
                create(admin, topic);
                pause();
                deleteRecords(admin);
                pause();
                if (random.nextBoolean()) {
                    delete(admin, topic);
                }
            }
        } finally {
            Clients.close(admin);
        }
    }

    private void pause() throws InterruptedException {
        TimeUnit.MILLISECONDS.sleep(random.nextInt(PAUSE_MS_MAX));
    }

    private void create(Admin admin, String topic) throws Exception {
        histories.topics.ask(topic);
        await(admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all());
        histories.topics.created(topic);
        powered.told();
    }

    private void delete(Admin admin, String topic) throws Exception {
        histories.topics.ask(topic);
        await(admin.deleteTopics(List.of(topic)).all());
        histories.topics.deleted(topic);
        powered.told();
    }

    private void deleteRecords(Admin admin) throws Exception {
        List<TopicPartition> kept = histories.kept();
        TopicPartition partition = kept.get(random.nextInt(kept.size()));
        PartitionHistory history = histories.log(partition);
        long offset = history.offsetOfNewest(RECORDS_LEFT);
        if (offset >= 0) {
            history.askDeletion(offset);
            await(
                    admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(offset)))
                            .all());
            history.deleted(offset);
            powered.told();
        }
    }

    private static void await(KafkaFuture<Void> future) throws Exception {
        future.get(Clients.PATIENCE_MS, TimeUnit.MILLISECONDS);
    }
}
