package io.headrace.engine;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The topics of an engine. Reads are answered on the caller's thread from the metadata store (a few
 * µs); changes are commands in the metadata journal, durable and visible when their future
 * completes.
 *
 * <p>Thread-safe. Futures complete on the catalog's own thread; do not block it.
 */
@Stable
public interface TopicCatalog {

    /** The topic of that name, or null. */
    @Nullable Topic find(String name);

    /** The topic of that id, or null. */
    @Nullable Topic find(long topicId);

    /**
     * Topics in order of name.
     *
     * @param fromName first name to return, inclusive; the empty string begins at the first topic
     * @param limit at most that many; bounded on purpose, there may be millions
     */
    List<Topic> list(String fromName, int limit);

    /** An overlay that needs a topic's records, also those of its patch; null if there is none. */
    default @Nullable Topic overlayOver(long topicId) {
        return null;
    }

    /** A view that a topic is needed for, so that it cannot be deleted; null if there is none. */
    default @Nullable Topic viewOver(long topicId) {
        return null;
    }

    /** How many topics there are. */
    long topicCount();

    /**
     * Creates topics, each on its own: one that fails does not hold up the others.
     *
     * @param validateOnly check only, change nothing
     * @return one result per spec, in order: the topic, or why not
     */
    CompletableFuture<List<CatalogResult>> create(List<TopicSpec> specs, boolean validateOnly);

    /**
     * Deletes topics by id. Their offsets, ids and names are never given to anything else but the
     * name.
     */
    CompletableFuture<List<CatalogResult>> delete(List<Long> topicIds);

    /** Adds partitions. {@code partitionCount} is the new total. */
    CompletableFuture<CatalogResult> grow(long topicId, int partitionCount, boolean validateOnly);

    /**
     * Changes configs of a topic.
     *
     * @param changes by name; null as a value removes the topic's own setting
     */
    CompletableFuture<CatalogResult> alterConfigs(
            long topicId, Map<String, @Nullable String> changes, boolean validateOnly);

    /**
     * Takes a block of producer ids that nobody ever had.
     *
     * @return the first of {@code count} ids
     */
    CompletableFuture<Long> allocateProducerIds(int count);

    /**
     * Calls the listener for each topic that was created, changed or deleted from now on, on the
     * catalog's thread, after the change is visible and before its future completes.
     */
    void listen(Consumer<CatalogChange> listener);

    /**
     * What happened to a topic.
     *
     * @param topic as it is now, or was last
     * @param before as it was before; null if it is new
     */
    record CatalogChange(Kind kind, Topic topic, @Nullable Topic before) {
        /** Kind of change. */
        public enum Kind {
            /** It is new. */
            CREATED,
            /** Its configs or partition count changed. */
            ALTERED,
            /** It is gone. */
            DELETED
        }
    }

    /**
     * One outcome.
     *
     * @param topic as it is after the change; null on failure
     * @param error null on success
     * @param message what happened, naming the thing and the value; empty on success
     */
    record CatalogResult(@Nullable Topic topic, @Nullable Error error, String message) {
        /** Success. */
        public static CatalogResult of(Topic topic) {
            return new CatalogResult(topic, null, "");
        }

        /** Failure. */
        public static CatalogResult failed(Error error, String message) {
            return new CatalogResult(null, error, message);
        }
    }

    /** Why a change was refused. */
    enum Error {
        /** A topic of that name exists, or comes twice in the request. */
        EXISTS,
        /** No such topic. */
        UNKNOWN_TOPIC,
        /** The name is not a topic name. */
        INVALID_NAME,
        /** The partition count is out of range, or would shrink the topic. */
        INVALID_PARTITIONS,
        /** A config is unknown or has a value it cannot have. */
        INVALID_CONFIG,
        /** The change is valid, but not on this topic or not now. */
        REFUSED,
        /** The metadata journal is out of space; retry when there is space again. */
        OUT_OF_SPACE
    }
}
