package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.headrace.engine.Topic;
import io.headrace.engine.TopicConfig;
import io.headrace.engine.log.SegmentPlan.Planned;
import io.headrace.engine.segment.SegmentGroup;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What dies together lies together. */
class SegmentPlanTest {
    private static final int MIB = 1 << 20;
    private static final long HOUR_MS = 3_600_000;

    private final Map<Long, Topic> topics = new HashMap<>();
    private final List<LiveBatch> batches = new ArrayList<>();

    @Test
    void eachClassOfRetentionHasItsSegment() {
        topic(1, "a", Map.of("retention.ms", String.valueOf(HOUR_MS)));
        topic(2, "b", Map.of("retention.ms", String.valueOf(365 * 24 * HOUR_MS)));
        topic(3, "c", Map.of("retention.ms", String.valueOf(HOUR_MS + 1)));
        topic(4, "d", Map.of("retention.ms", "-1"));
        topic(5, "e", Map.of("retention.bytes", "1000"));
        topic(6, "f", Map.of("cleanup.policy", "compact"));
        topic(7, "g", Map.of("retention.ms", "5"));
        for (long id = 1; id <= 7; id++) {
            add(id, 0, 0, 100);
        }
        List<Planned> planned = plan();
        assertEquals(
                List.of(0, 13, 62, 63, 64),
                planned.stream().map(each -> each.group().retentionClass()).toList());
        assertEquals(List.of("1/0", "3/0", "7/0"), runs(planned.get(0)));
    }

    @Test
    void batchesAreInOrderAndThoseOfDeletedTopicsAreLeftOut() {
        topic(1, "a", Map.of());
        topic(2, "b", Map.of());
        for (int i = 0; i < 20; i++) {
            add(1 + i % 3, i % 2, i, 100);
        }
        Collections.shuffle(batches, new Random(1));
        List<Planned> planned = plan();
        assertEquals(1, planned.size());
        assertEquals(List.of("1/0", "1/1", "2/0", "2/1"), runs(planned.get(0)));
        for (SegmentPlan.Run run : planned.get(0).runs()) {
            List<Long> offsets = run.entries().stream().map(IndexEntry::lastOffset).toList();
            assertEquals(offsets.stream().sorted().toList(), offsets);
        }
    }

    @Test
    void bigTenantsAndBigPartitionsAreByThemselves() {
        topic(1, "big.small", Map.of());
        topic(2, "big.large", Map.of());
        topic(3, "big.small-too", Map.of());
        topic(4, "tiny.a", Map.of());
        topic(5, "another", Map.of());
        add(1, 0, 0, MIB);
        add(2, 0, 0, 15 * MIB);
        add(2, 0, 1, MIB);
        add(2, 1, 0, MIB);
        add(3, 0, 0, MIB);
        add(4, 0, 0, MIB);
        add(5, 0, 0, MIB);
        List<Planned> planned = plan();
        assertEquals(
                List.of(List.of("2/0"), List.of("1/0", "2/1", "3/0"), List.of("5/0", "4/0")),
                planned.stream().map(SegmentPlanTest::runs).toList());
        assertEquals(new SegmentGroup("persistent", "big", 7), planned.get(0).group());
        assertEquals(new SegmentGroup("persistent", "", 7), planned.get(2).group());
    }

    @Test
    void aSegmentEndsWhenItIsLongEnough() {
        for (int id = 1; id <= 40; id++) {
            topic(id, "t." + id, Map.of());
            add(id, 0, 0, 15 * MIB);
        }
        assertEquals(List.of(18, 18, 4), plan().stream().map(each -> each.runs().size()).toList());
    }

    private void topic(long id, String name, Map<String, String> configs) {
        TopicConfig config = TopicConfig.DEFAULTS.with(configs);
        topics.put(id, new Topic(id, name, 2, configs, config, 1));
    }

    private void add(long topicId, int partition, long offset, int length) {
        IndexEntry entry = new IndexEntry(offset, 0, length, 1, 0, 0, 0, 1);
        batches.add(new LiveBatch(new PartitionKey(topicId, partition), entry));
    }

    private List<Planned> plan() {
        return SegmentPlan.of(batches, topics::get);
    }

    private static List<String> runs(Planned planned) {
        return planned.runs().stream()
                .map(run -> run.topic().id() + "/" + run.partition())
                .toList();
    }
}
