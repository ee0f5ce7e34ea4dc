package io.headrace.engine.source.cache;

import org.jspecify.annotations.Nullable;

/** Receives a block that was asked for. */
@FunctionalInterface
public interface LoadCallback {
    /**
     * Takes over the block with a reference to it, or learns why there is none.
     *
     * @param block null if it could not be loaded
     * @param failure why; null if it was
     */
    void onLoaded(@Nullable CachedBlock block, @Nullable Throwable failure);
}
