package io.headrace.engine.source;

import io.headrace.engine.Topic;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A source topic in use: what it reads, the listing of it, and the logs that are open. Thread-safe.
 */
final class SourceTopic {
    private final SourceLogs logs;
    private final SourceSpec spec;
    private final SourceListing listing;
    private final Map<Integer, SourceLog> open = new ConcurrentHashMap<>();
    private final Map<Integer, LineIndexer> indexers = new ConcurrentHashMap<>();
    private volatile Topic topic;
    private volatile boolean isClosed;

    SourceTopic(SourceLogs logs, Topic topic, SourceSpec spec) {
        this.logs = logs;
        this.topic = topic;
        this.spec = spec;
        this.listing = new SourceListing(this, logs);
    }

    long id() {
        return topic.id();
    }

    String name() {
        return topic.name();
    }

    int partitionCount() {
        return topic.partitionCount();
    }

    Topic topic() {
        return topic;
    }

    void topic(Topic altered) {
        topic = altered;
    }

    SourceSpec spec() {
        return spec;
    }

    SourceListing listing() {
        return listing;
    }

    boolean isClosed() {
        return isClosed;
    }

    /** The open log of a partition, opened if need be. */
    SourceLog log(int partition) {
        listing.start();
        SourceLog existing = open.get(partition);
        if (existing != null) {
            return existing;
        }
        SourceLog log = open.computeIfAbsent(partition, this::open);
        log.onObjects(); // what was listed before the log could be told
        if (isClosed) {
            log.close();
        }
        return log;
    }

    @Nullable SourceLog logIfOpen(int partition) {
        return open.get(partition);
    }

    private SourceLog open(int partition) {
        SourceLog log = new SourceLog(this, partition, logs);
        if (spec.format() == SourceFormat.LINES) {
            log.countBy(
                    indexers.computeIfAbsent(
                            partition, number -> new LineIndexer(log, this, logs)));
        }
        log.onIndexed(logs.index().end(id(), partition).offset());
        return log;
    }

    void forget(SourceLog log) {
        open.remove(log.partition(), log);
    }

    /** More objects have ordinals. */
    void onIndexed() {
        open.values().forEach(SourceLog::onObjects);
    }

    void close() {
        isClosed = true;
        open.values().forEach(SourceLog::close);
    }
}
