package io.headrace.engine.source;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** The bytes of one object, in order, as stretches. Used by one thread at a time. */
interface ChunkSource {

    /** Length of the object, after decompression; −1 while that is not known. */
    long length();

    /**
     * The next stretch, under way or done, which becomes the caller's; null at the end.
     *
     * @throws IOException if there is no memory for it; retry later
     */
    @Nullable Chunk next() throws IOException;

    /** Goes on at a later position; false if that is not possible, and then nothing changes. */
    boolean skipTo(long position);

    /** Much of what comes is wanted by nobody: reading far ahead would be in vain. */
    default void slowDown() {}
}
