package io.headrace.engine;

import io.headrace.engine.RangeObjects.RangeObject;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * Source topics as tools see them: how far they are listed and indexed, what was left out, and what
 * a topic would be before it is created. Experimental: it may change in any release.
 *
 * <p>Thread-safe; no call blocks. Futures complete on a thread of the engine's, do not block it.
 * They fail with {@link EngineException} if the topic is unknown or is no source, and with {@link
 * InvalidConfigException} for a config that a topic could not have.
 */
@Experimental
public interface Sources {

    /**
     * Ids of sources that are in use: that somebody read, listed or indexed since the engine's
     * start. Answered at once, in no order.
     *
     * @param limit at most that many
     */
    List<Long> inUse(int limit);

    /** How far a source is listed and indexed. Reads a few rows per partition. */
    CompletableFuture<SourceStatus> status(long topicId);

    /**
     * Reads everything that is not indexed yet, whether or not somebody consumes; it goes on until
     * the end is reached, the engine closes, or {@link #stopIndexing} is called. {@link #status}
     * shows the progress. Asked again, it goes on after a failure.
     */
    CompletableFuture<SourceStatus> index(long topicId);

    /** Ends what {@link #index} began; what is indexed stays. */
    CompletableFuture<SourceStatus> stopIndexing(long topicId);

    /**
     * Lists the store again. Objects that are new are appended as a generation of their own; those
     * that are known keep their places.
     */
    CompletableFuture<SourceStatus> refresh(long topicId);

    /**
     * A page of what was left out or found to be wrong, in order of where it is.
     *
     * @param after {@link SourceFindings#next} of the page before; empty for the first
     * @param limit most findings of the page, at most {@value SourceFindings#LIMIT_MAX}
     */
    CompletableFuture<SourceFindings> findings(
            long topicId, SourceFindings.Kind kind, String after, int limit);

    /**
     * A page of the objects that a range of a partition's records is made of, also of those between
     * them that have no records. Fails if the range is not indexed.
     *
     * @param toOffset behind the last record, beyond the first
     * @param after {@link RangeObjects#next} of the page before; −1 for the first
     * @param limit most ordinals of the page, at most {@value RangeObjects#LIMIT_MAX}
     */
    CompletableFuture<RangeObjects> rangeObjects(
            long topicId, int partition, long fromOffset, long toOffset, long after, int limit);

    /**
     * Asks the store of a topic for the first byte of each object, by its version, whatever is
     * cached. Empty objects are not asked for.
     *
     * @param objects at most {@value RangeObjects#LIMIT_MAX}
     * @return fails, naming the object and both versions, if one of them has another version now
     */
    CompletableFuture<Void> checkVersions(long topicId, List<RangeObject> objects);

    /**
     * A page of the objects that were listed, in the order of their keys.
     *
     * @param after {@link SourceObjects#next} of the page before; empty for the first
     * @param limit most objects of the page, at most {@value SourceObjects#LIMIT_MAX}
     */
    CompletableFuture<SourceObjects> objects(long topicId, String after, int limit);

    /** Most bytes of one {@link #digest}. */
    int DIGEST_LENGTH_MAX = 16 << 20;

    /**
     * Reads a range of an object in its store, as it was listed, and makes a digest of it.
     *
     * @param key below the source's URI
     * @param from its first byte
     * @param length in bytes, at most {@value #DIGEST_LENGTH_MAX}, within the object
     * @return SHA-256 as hexadecimal digits; fails if there is no such object, or it is not what it
     *     was when it was listed any more
     */
    default CompletableFuture<String> digest(long topicId, String key, long from, int length) {
        return CompletableFuture.failedFuture(new EngineException("no digests here: key=" + key));
    }

    /**
     * Looks at a source without creating anything: lists it as far as a few pages go, reads the
     * beginning of one object, and decodes the first samples.
     *
     * @param uri as in {@code headrace.source.uri}
     * @param configs other topic configs
     */
    CompletableFuture<SourceCheck> check(String uri, Map<String, String> configs);

    /** Samples that a check shows. */
    int CHECK_SAMPLE_COUNT = 3;

    /**
     * A sample that was decoded for a check.
     *
     * @param key of the record; empty if it has none
     * @param objectKey of the object it is from
     * @param position of its first byte in the object, after decompression
     * @param parts what is in it; one with an empty name if the record's value is plain bytes
     */
    record CheckedSample(String key, String objectKey, long position, List<CheckedPart> parts) {}

    /**
     * A part of a sample.
     *
     * @param name such as {@code jpg}
     * @param length in bytes
     * @param head its first bytes, at most {@value #HEAD_LENGTH_MAX}
     */
    record CheckedPart(String name, long length, byte[] head) {
        /** Most bytes of a part that are shown. */
        public static final int HEAD_LENGTH_MAX = 4096;
    }
}
