package io.headrace.kafka.group;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.Alias;
import io.headrace.engine.Views;
import io.headrace.kafka.group.HeldEngine.HeldLog;
import io.headrace.kafka.topic.TopicDirectory;
import io.headrace.kafka.topic.TopicIds;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.protocol.ApiKeys;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A group is placed in several commits, over an engine that decides what becomes of each: nobody
 * joins the group before all are there.
 */
@Timeout(120)
class AliasPlacingTest {
    private static final String LATEST = "pairs.latest";
    private static final int PARTITIONS = 200;

    /** With it, a commit holds some 80 positions. */
    private static final String METADATA = "m".repeat(4000);

    private final HeldEngine engine = new HeldEngine();
    private final GroupsClient client =
            new GroupsClient(
                    Groups.start(
                            new TopicDirectory(engine, new TopicIds("test-cluster")),
                            new GroupContext()));
    private Alias alias = Alias.of(engine.create("pairs.v1", PARTITIONS));

    @BeforeEach
    void fill() throws Exception {
        engine.create(LATEST, PARTITIONS);
        engine.create("other", 1);
        engine.configs(LATEST, configs());
        for (int i = 0; i < PARTITIONS; i++) {
            client.commit("g", LATEST, i, 7, METADATA);
        }
        alias = alias.showing(engine.create("pairs.v2", PARTITIONS));
        engine.configs(LATEST, configs());
    }

    private Map<String, String> configs() {
        return Map.of(
                Views.TYPE_CONFIG,
                Views.ALIAS,
                Alias.CURRENT_CONFIG,
                alias.currentVersion().name(),
                Alias.VERSIONS_CONFIG,
                alias.versionsText());
    }

    @AfterEach
    void close() {
        client.close();
    }

    private HeldLog offsetsLog() {
        return engine.log(Groups.OFFSETS_TOPIC, client.partitionOf("g"));
    }

    private CompletableFuture<Void> place(String member, String topic, Runnable then) {
        return client.aliasGroups()
                .place(
                        GroupsClient.context(ApiKeys.JOIN_GROUP),
                        "g",
                        Set.of(member),
                        List.of(topic),
                        false,
                        then);
    }

    /** Ordinals of the versions in which the group is. */
    private Set<Long> ordinals() throws Exception {
        Set<Long> ordinals = new TreeSet<>();
        for (int i = 0; i < PARTITIONS; i++) {
            String committed = client.committed("g", LATEST, i);
            ordinals.add(Alias.ordinal(Long.parseLong(committed.split(" ")[0])));
        }
        return ordinals;
    }

    private boolean isPlaced(String topic) {
        return client.aliasGroups().isPlaced("g", List.of(topic), false);
    }

    @Test
    void whatOneOfSeveralCommitsLeftUndoneIsDoneBeforeAnybodyJoins() throws Exception {
        assertTrue(isPlaced("other"));
        offsetsLog().takeAppends(1);
        List<String> joined = new ArrayList<>();
        assertThrows(
                ExecutionException.class,
                () -> place("a", LATEST, () -> joined.add("a")).get(20, TimeUnit.SECONDS));
        assertEquals(Set.of(0L, 1L), ordinals());
        assertFalse(isPlaced("other"));
        assertThrows(
                ExecutionException.class,
                () -> place("b", "other", () -> joined.add("b")).get(20, TimeUnit.SECONDS));
        assertEquals(List.of(), joined);

        offsetsLog().takeAppends(Integer.MAX_VALUE);
        place("b", "other", () -> joined.add("b")).get(20, TimeUnit.SECONDS);
        assertEquals(List.of("b"), joined);
        assertEquals(Set.of(1L), ordinals());
        for (int i = 0; i < PARTITIONS; i++) {
            assertEquals("7 " + METADATA, client.committed("g", "pairs.v1", i));
        }
        assertTrue(isPlaced("other"));
    }

    @Test
    void whoeverComesBetweenTheCommitsWaitsForTheLast() throws Exception {
        long end = offsetsLog().logEndOffset();
        engine.holdSync();
        CompletableFuture<Void> placed = place("a", LATEST, () -> {});
        client.awaitAppended(engine, "g", end + 1);
        assertFalse(isPlaced("other"));
        List<Set<Long>> found = new ArrayList<>();
        CompletableFuture<Void> passed =
                place("b", "other", () -> {})
                        .thenRunAsync(
                                () -> {
                                    try {
                                        found.add(ordinals());
                                    } catch (Exception e) {
                                        throw new AssertionError(e);
                                    }
                                });
        engine.releaseSync();
        placed.get(20, TimeUnit.SECONDS);
        passed.get(20, TimeUnit.SECONDS);
        assertEquals(List.of(Set.of(1L)), found);
        assertTrue(isPlaced("other"));
    }
}
