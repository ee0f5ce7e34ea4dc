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
     * @return completes, on any thread, when the entry is on stable storage; exceptionally if it
     *     will not be (no space, journal closed), and then the caller tries again later
     */
    CompletableFuture<?> append(long topicId, ByteBuffer payload);
}
