package io.headrace.engine.source.cache;

import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** The partition of a source as the cache sees it. Thread-safe. */
public interface BlockSource {
    /** The block that holds an offset, or null if the index does not have it. Reads the index. */
    @Nullable StoredBlock blockAt(long offset);

    /** Where the index ends: the length of an epoch, as far as is known. Does not block. */
    long endOffset();

    /** Whether the index has all of the source, so that readers go on at its beginning. */
    boolean isIndexComplete();

    /** How long the store takes for a block. */
    LoadTimes loadTimes();

    /** Runs what blocks for the store or the SSD and nobody waits for yet; may refuse it. */
    Executor ahead();
}
