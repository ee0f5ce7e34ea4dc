package io.headrace.engine;

import java.util.List;

/**
 * A page of what was left out of a source or is wrong with it. Experimental, as {@link Sources}.
 *
 * @param findings in order of where they are
 * @param next where the next page begins; empty if this is the last
 */
@Experimental
public record SourceFindings(List<Finding> findings, String next) {
    /** Most findings of a page. */
    public static final int LIMIT_MAX = 1000;

    /** What a finding is. */
    public enum Kind {
        /** An object that is not what its format says, from a position on. */
        BAD_OBJECT,
        /** A sample or object that is longer than a record may be. */
        LEFT_OUT,
        /**
         * An object that no sample of a joined source has use for, or that lacks required parts.
         */
        ORPHAN
    }

    /**
     * One of them.
     *
     * @param kind what it is
     * @param key of the object
     * @param partition that the object is in; −1 for an orphan
     * @param position in the object, in bytes after decompression
     * @param reason in a few words
     */
    public record Finding(Kind kind, String key, int partition, long position, String reason) {}
}
