package io.headrace.engine.source.cache;

import java.util.Locale;

/** Where a block that is read came from. */
public enum Tier {
    /** It was in memory since an earlier read. */
    MEMORY,
    /** It was read from the SSD for this read. */
    DISK,
    /** It was read from the store for this read. */
    STORE;

    /** As metrics label it. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
