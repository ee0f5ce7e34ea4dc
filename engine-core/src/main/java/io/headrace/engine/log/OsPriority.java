package io.headrace.engine.log;

import jnr.ffi.LibraryLoader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The operating system's priority of a thread. Java's own reaches it under a JVM flag only, which
 * an embedder does not set.
 */
final class OsPriority {
    private static final Logger LOGGER = LoggerFactory.getLogger(OsPriority.class);

    /**
     * Whoever wants the core gets three times as much of it, and at once. With more, appends would
     * wait for housekeeping that holds a shard's lock while others have the core.
     */
    static final int NICER_BY = 5;

    /** Of the C library; public for jnr-ffi, which implements it. */
    public interface CLibrary {
        /** {@code nice(2)}, which on Linux is about the calling thread. */
        int nice(int increment);
    }

    private OsPriority() {}

    /** Has the calling thread come after others; where that is not to be had, nothing changes. */
    static void lower() {
        try {
            LibraryLoader.create(CLibrary.class).load("c").nice(NICER_BY);
        } catch (RuntimeException | LinkageError e) {
            LOGGER.debug("not lowered: thread={}", Thread.currentThread().getName(), e);
        }
    }
}
