package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.Topic;
import io.headrace.engine.TopicConfig;
import io.headrace.engine.spi.HeapMetadataStore;
import io.headrace.engine.spi.MetadataStore;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Looks through the catalog that are asked for again and again. */
final class UnionScansTest {
    private static final int TOPICS = 1000;
    private static final int PAGE = 256;
    private static final int PAGES = 4;

    private final TreeMap<String, Topic> topics = new TreeMap<>();
    private final UnionScans scans;
    private final List<UnionPart> found = new ArrayList<>();
    private int topicCount;

    UnionScansTest(@TempDir Path folder) {
        MetadataStore store = HeapMetadataStore.open(folder);
        scans = new UnionScans(union -> new UnionScan(union, this::list, store, Map.of(), PAGE));
        for (int i = 1; i <= TOPICS; i++) {
            Topic topic = topic(i, "a%04d".formatted(i), Map.of());
            topics.put(topic.name(), topic);
        }
    }

    private static Topic topic(long id, String name, Map<String, String> configs) {
        return topic(id, name, 1, configs);
    }

    private static Topic topic(long id, String name, int partitions, Map<String, String> configs) {
        return new Topic(id, name, partitions, configs, TopicConfig.DEFAULTS, 1);
    }

    private static Union union(long id) {
        Map<String, String> configs =
                Map.of("headrace.view.type", "union", "headrace.view.topics", "a*");
        return Union.of(topic(id, "union" + id, configs));
    }

    private List<Topic> list(String from, int count) {
        return topics.tailMap(from).values().stream().limit(count).toList();
    }

    private void next(long nowNs) {
        scans.next(
                nowNs,
                new UnionScan.Consumer() {
                    @Override
                    public void onTopic() {
                        topicCount++;
                    }

                    @Override
                    public void onPart(UnionPart part, long startOffset, long endOffset) {
                        found.add(part);
                    }
                });
    }

    @Test
    void eachGetsToTheLastNamesHoweverOftenItIsAskedForAndAgainBehindThat() {
        Union union = union(5000);
        scans.request(union);
        for (int page = 0; page < PAGES; page++) {
            next(0);
            scans.request(union);
        }
        assertEquals(TOPICS, found.stream().map(UnionPart::topicId).distinct().count());
        assertEquals(TOPICS, found.size(), "began anew before it was at the end");
        for (int page = 0; page < PAGES; page++) {
            assertTrue(scans.isDue(0));
            next(0);
        }
        assertEquals(2 * TOPICS, found.size());
        assertFalse(scans.isDue(0));
        assertTrue(scans.isEmpty());
    }

    /** However many partitions a topic has, and whether they fill pages. */
    @Test
    void aPageHasSoManyPartitionsWhoeverseTheyAre() {
        topics.put("a0000", topic(6000, "a0000", 2 * PAGE + 5, Map.of()));
        topics.put("a0000a", topic(6001, "a0000a", PAGE - 5, Map.of()));
        scans.request(union(5000));
        int before = 0;
        while (!scans.isEmpty()) {
            next(0);
            assertTrue(found.size() - before <= PAGE, "a page of " + (found.size() - before));
            before = found.size();
        }
        assertEquals(3 * PAGE + TOPICS, found.size());
        assertEquals(found.size(), found.stream().distinct().count());
        assertEquals(TOPICS + 2, topicCount);
    }

    @Test
    void aTopicThatIsMadeAnewWhileItIsLookedAtIsLookedAtFromItsStart() {
        topics.clear();
        topics.put("a", topic(6000, "a", PAGE + 1, Map.of()));
        scans.request(union(5000));
        next(0);
        topics.put("a", topic(6001, "a", 3, Map.of()));
        next(0);
        assertEquals(PAGE + 3, found.size());
        assertTrue(scans.isEmpty());
    }

    @Test
    void thoseOfSeveralUnionsTakeTurnsAndOneThatHasToWaitHoldsNone() {
        scans.requestLater(union(5000), 100);
        scans.request(union(5001));
        scans.request(union(5002));
        for (int page = 0; page < 2 * PAGES; page++) {
            next(99);
        }
        assertFalse(scans.isDue(99));
        assertEquals(1, scans.untilDueNs(99));
        assertEquals(2 * TOPICS, found.size());
        assertEquals(5001, found.get(0).viewId());
        assertEquals(5002, found.get(TOPICS / PAGES + 6).viewId());
        assertTrue(scans.isDue(100));
        scans.remove(5000);
        assertTrue(scans.isEmpty());
    }
}
