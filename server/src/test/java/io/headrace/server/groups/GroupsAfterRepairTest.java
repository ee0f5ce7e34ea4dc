package io.headrace.server.groups;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.journal.JournalRepair;
import io.headrace.kafka.group.GroupContext;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Groups whose partition of the offsets topic had damage, which was cut out. */
class GroupsAfterRepairTest {
    private static final TopicPartition PARTITION = new TopicPartition("t", 0);

    @TempDir Path data;

    private GroupServer start() {
        return new GroupServer(data, new GroupContext());
    }

    private static long committed(GroupServer server, int timeoutS) throws Exception {
        try (Admin admin = Admin.create(server.clientConfigs(Map.of()))) {
            return admin.listConsumerGroupOffsets("g")
                    .partitionsToOffsetAndMetadata()
                    .get(timeoutS, TimeUnit.SECONDS)
                    .get(PARTITION)
                    .offset();
        }
    }

    /** Commits that can be found on disk by what they say. */
    private static void commit(GroupServer server) throws Exception {
        try (Admin admin = Admin.create(server.clientConfigs(Map.of()))) {
            admin.createTopics(List.of(new NewTopic("t", 1, (short) 1)))
                    .all()
                    .get(30, TimeUnit.SECONDS);
            for (int i = 1; i <= 3; i++) {
                OffsetAndMetadata offset = new OffsetAndMetadata(i, "commit number " + i);
                admin.alterConsumerGroupOffsets("g", Map.of(PARTITION, offset))
                        .all()
                        .get(30, TimeUnit.SECONDS);
            }
        }
    }

    private void damage(String text) throws IOException {
        List<Path> cycles;
        try (Stream<Path> files = Files.walk(data.resolve("journal/data-1"))) {
            cycles = files.filter(file -> file.toString().endsWith(".cq4")).toList();
        }
        byte[] wanted = text.getBytes(StandardCharsets.UTF_8);
        for (Path cycle : cycles) {
            byte[] bytes = Files.readAllBytes(cycle);
            for (int at = 0; at + wanted.length <= bytes.length; at++) {
                if (Arrays.equals(bytes, at, at + wanted.length, wanted, 0, wanted.length)) {
                    bytes[at] ^= 1;
                    Files.write(cycle, bytes);
                    return;
                }
            }
        }
        throw new AssertionError("not there: " + text);
    }

    /** The newest commit that is left counts, also if what was cut out came last. */
    @ParameterizedTest
    @CsvSource({"commit number 2, 3", "commit number 3, 2"})
    void theirCommitsThatAreLeftAreLoaded(String damaged, long expected) throws Exception {
        try (GroupServer server = start()) {
            commit(server);
        }
        damage(damaged);
        JournalRepair.run(data.resolve("journal/data-1"), data.resolve("side"));
        try (GroupServer server = start()) {
            assertEquals(expected, committed(server, 60));
        }
    }

    /** Nobody has said yet that an older commit will do. */
    @Test
    void beforeTheRepairTheyAreNotLoaded() throws Exception {
        try (GroupServer server = start()) {
            commit(server);
        }
        damage("commit number 2");
        try (GroupServer server = start()) {
            Exception refused = assertThrows(Exception.class, () -> committed(server, 5));
            assertTrue(refused.toString().contains("Timeout"), refused.toString());
        }
    }
}
