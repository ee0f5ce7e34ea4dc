package io.headrace.engine.view;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** A union as its readers see it: its own log, to which they append nothing. */
final class UnionView implements DerivedView {
    private final ViewSources sources;
    private final Map<Integer, UnionLog> logs = new ConcurrentHashMap<>();
    private volatile Topic topic;

    UnionView(ViewSources sources, Topic topic) {
        this.sources = sources;
        this.topic = topic;
    }

    /** The same object as long as the log below is. */
    @Override
    public @Nullable PartitionLog log(int partition) {
        PartitionLog copies = sources.references(topic, partition);
        if (copies == null) {
            return null;
        }
        UnionLog known = logs.get(partition);
        if (known == null || known.copies() != copies) {
            known = new UnionLog(copies);
            logs.put(partition, known);
        }
        return known;
    }

    @Override
    public void topic(Topic altered) {
        topic = altered;
    }

    /** Lets go of what is open again when somebody asks. */
    @Override
    public void sweep() {
        logs.clear();
    }

    @Override
    public void end() {
        logs.clear();
    }
}
