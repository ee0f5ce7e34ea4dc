package io.headrace.engine.source;

import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;

/**
 * Where the index of a source is made durable; the engine implements it over one of its journals.
 */
@FunctionalInterface
public interface SourceJournal {
    /**
     * Appends an entry of type {@code SOURCE_INDEX}. Entries of one topic keep their order.
     *
     * @param topicId the topic it belongs to
     * @param payload position to limit; not touched again by the caller
     * @return completes, on any thread, when the entry is on stable storage and {@link
     *     SourceLogs#onEntry} was applied to the metadata store. What is refused (no space, topic
     *     gone, journal closed) has failed when this returns, and the caller tries again later;
     *     what was taken becomes durable, unless the engine ends
     */
    CompletableFuture<?> append(long topicId, ByteBuffer payload);
}
