package io.headrace.engine.log;

import io.headrace.engine.Topic;
import io.headrace.engine.segment.SegmentGroup;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Which live batches go into which segment, so that what a segment holds will die together:
 * docs/design/sealing.md. Stateless.
 */
final class SegmentPlan {
    /** From so many bytes on, a tenant or a partition has segments of its own. */
    static final long OWN_BYTES_MIN = 16L << 20;

    /** A segment ends when it is that long. */
    static final long SEGMENT_BYTES = 256L << 20;

    /** What one segment will hold. */
    record Planned(SegmentGroup group, List<Run> runs) {}

    /**
     * All batches of one partition, in order of offset.
     *
     * @param bytes of them
     */
    record Run(Topic topic, int partition, List<IndexEntry> entries, long bytes) {
        String tenant() {
            return SegmentPlan.tenant(topic);
        }
    }

    private record SharedBy(String mode, int retentionClass) {}

    private static final Comparator<LiveBatch> BY_OFFSET =
            Comparator.<LiveBatch>comparingLong(batch -> batch.partition().topicId())
                    .thenComparingInt(batch -> batch.partition().partition())
                    .thenComparingLong(batch -> batch.entry().lastOffset());

    private static final Comparator<SharedBy> BY_CLASS =
            Comparator.comparing(SharedBy::mode).thenComparingInt(SharedBy::retentionClass);

    private static final Comparator<Run> BY_TENANT =
            Comparator.comparing(Run::tenant)
                    .thenComparingLong(run -> run.topic.id())
                    .thenComparingInt(run -> run.partition);

    private SegmentPlan() {}

    /** Whose topic it is: the name up to the first dot. */
    static String tenant(Topic topic) {
        int dot = topic.name().indexOf('.');
        return dot < 0 ? "" : topic.name().substring(0, dot);
    }

    /**
     * Plans the segments of a pass.
     *
     * @param batches sorted here
     * @param topics null for a topic that is gone: its batches go nowhere
     */
    static List<Planned> of(List<LiveBatch> batches, LongFunction<@Nullable Topic> topics) {
        Map<SharedBy, List<Run>> classes = new TreeMap<>(BY_CLASS);
        for (Run run : runs(batches, topics)) {
            SharedBy sharedBy =
                    new SharedBy(
                            run.topic.storageMode().configValue(),
                            RetentionClass.of(run.topic.config()));
            classes.computeIfAbsent(sharedBy, key -> new ArrayList<>()).add(run);
        }
        List<Planned> planned = new ArrayList<>();
        classes.forEach((sharedBy, runs) -> planClass(sharedBy, runs, planned));
        return planned;
    }

    private static List<Run> runs(List<LiveBatch> batches, LongFunction<@Nullable Topic> topics) {
        batches.sort(BY_OFFSET);
        List<Run> runs = new ArrayList<>();
        int from = 0;
        while (from < batches.size()) {
            PartitionKey partition = batches.get(from).partition();
            int to = from;
            long bytes = 0;
            List<IndexEntry> entries = new ArrayList<>();
            while (to < batches.size() && batches.get(to).partition().equals(partition)) {
                entries.add(batches.get(to).entry());
                bytes += batches.get(to).entry().length();
                to++;
            }
            Topic topic = topics.apply(partition.topicId());
            if (topic != null) {
                runs.add(new Run(topic, partition.partition(), entries, bytes));
            }
            from = to;
        }
        return runs;
    }

    private static void planClass(SharedBy sharedBy, List<Run> runs, List<Planned> planned) {
        runs.sort(BY_TENANT);
        Map<String, List<Run>> tenants =
                runs.stream()
                        .collect(
                                Collectors.groupingBy(
                                        Run::tenant, TreeMap::new, Collectors.toList()));
        List<Run> shared = new ArrayList<>();
        tenants.forEach(
                (tenant, own) -> {
                    if (own.stream().mapToLong(Run::bytes).sum() >= OWN_BYTES_MIN) {
                        cut(group(sharedBy, tenant), own, planned);
                    } else {
                        shared.addAll(own);
                    }
                });
        String tenant = tenantOfAll(shared);
        cut(group(sharedBy, tenant), shared, planned);
    }

    private static String tenantOfAll(List<Run> runs) {
        List<String> tenants = runs.stream().map(Run::tenant).distinct().limit(2).toList();
        return tenants.size() == 1 ? tenants.get(0) : "";
    }

    private static SegmentGroup group(SharedBy sharedBy, String tenant) {
        return new SegmentGroup(sharedBy.mode, tenant, sharedBy.retentionClass);
    }

    private static void cut(SegmentGroup group, List<Run> runs, List<Planned> planned) {
        List<Run> together = new ArrayList<>();
        long bytes = 0;
        for (Run run : runs) {
            if (run.bytes >= OWN_BYTES_MIN) {
                planned.add(new Planned(group, List.of(run)));
                continue;
            }
            together.add(run);
            bytes += run.bytes;
            if (bytes >= SEGMENT_BYTES) {
                planned.add(new Planned(group, together));
                together = new ArrayList<>();
                bytes = 0;
            }
        }
        if (!together.isEmpty()) {
            planned.add(new Planned(group, together));
        }
    }
}
