package io.headrace.engine.log;

import io.headrace.engine.EngineException;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog;
import io.headrace.engine.source.SourceJournal;
import io.headrace.engine.spi.EntryType;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.IntSupplier;

/**
 * Writes the index of a source into the data journal of its topic. Owned by the engine;
 * thread-safe.
 */
final class SourceIndexJournal implements SourceJournal {
    /** Of a cycle: what the journal takes as one payload. */
    private static final int CYCLE_SHARE = 4;

    private final TopicCatalog catalog;
    private final List<Shard> shards;
    private final Projector projector;
    private final IntSupplier leaderEpoch;
    private final long payloadLengthMax;

    SourceIndexJournal(
            TopicCatalog catalog,
            List<Shard> shards,
            Projector projector,
            IntSupplier leaderEpoch,
            long cycleBytes) {
        this.catalog = catalog;
        this.shards = shards;
        this.projector = projector;
        this.leaderEpoch = leaderEpoch;
        this.payloadLengthMax = cycleBytes / CYCLE_SHARE;
    }

    /** Completes on the projector's thread, when the entry is synced and in the metadata store. */
    @Override
    public CompletableFuture<?> append(long topicId, ByteBuffer payload) {
        Topic topic = catalog.find(topicId);
        if (topic == null) {
            return refused("topic is gone", topicId);
        }
        if (payload.remaining() > payloadLengthMax) {
            return refused("entry is too long: length=" + payload.remaining(), topicId);
        }
        Shard shard = shards.get(topic.journal() - 1);
        long position;
        synchronized (shard.lock) {
            position =
                    shard.appendEntry(
                            EntryType.SOURCE_INDEX, topicId, 0, 0, leaderEpoch.getAsInt(), payload);
        }
        if (position < 0) {
            return refused("journal is out of space", topicId);
        }
        CompletableFuture<Void> applied = new CompletableFuture<>();
        projector.whenApplied(shard.id(), position, () -> applied.complete(null));
        shard.requestSync();
        return applied;
    }

    private static CompletableFuture<?> refused(String why, long topicId) {
        return CompletableFuture.failedFuture(
                new EngineException("source index: " + why + " topicId=" + topicId));
    }
}
