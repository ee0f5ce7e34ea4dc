package io.headrace.engine.view;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import io.headrace.engine.view.ReplaySpec.Range;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** A view whose partitions are ranges of others, with the offsets that the records have there. */
final class ReplayView implements DerivedView {
    private final ViewSources sources;
    private final List<RangeLog> logs;

    /** Ids of the topics that it is over; these cannot go as long as it is there. */
    private final ConcurrentHashMap<String, Long> ids = new ConcurrentHashMap<>();

    private volatile Topic topic;

    ReplayView(ViewSources sources, Topic topic, ReplaySpec spec) {
        this.sources = sources;
        this.topic = topic;
        List<Range> ranges = spec.ranges();
        logs =
                IntStream.range(0, ranges.size())
                        .mapToObj(number -> new RangeLog(this, number, ranges.get(number)))
                        .toList();
    }

    @Override
    public @Nullable PartitionLog log(int partition) {
        return partition < 0 || partition >= logs.size() ? null : logs.get(partition);
    }

    /** The log that a range is of; null if it is out of reach for a moment. */
    @Nullable PartitionLog base(Range range) {
        Long id = ids.get(range.topic());
        Topic base = id == null ? sources.topic(range.topic()) : sources.topic(id);
        if (base == null) {
            return null;
        }
        if (id == null) {
            ids.put(range.topic(), base.id());
        }
        PartitionLog log = sources.log(base, range.partition());
        return log == null ? null : log.at(range.fromOffset());
    }

    ViewSources sources() {
        return sources;
    }

    Topic topic() {
        return topic;
    }

    @Override
    public void topic(Topic altered) {
        topic = altered;
    }

    @Override
    public void sweep() {
        // holds nothing
    }

    @Override
    public void end() {
        // holds nothing
    }
}
