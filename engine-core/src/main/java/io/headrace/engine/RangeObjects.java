package io.headrace.engine;

import java.util.List;

/**
 * A page of the objects that records of a source are made of. Experimental, as {@link Sources}.
 *
 * @param objects in order of ordinal
 * @param next what the next page is asked for with; −1 if this is the last
 */
@Experimental
public record RangeObjects(List<RangeObject> objects, long next) {
    /** Most ordinals of a page. */
    public static final int LIMIT_MAX = 1000;

    /**
     * An object as it was listed.
     *
     * @param ordinal its place among all that are listed; the parts of a joined sample have the
     *     same
     * @param key relative to the store's root
     * @param length in bytes
     * @param version changes whenever the bytes do: the etag, or size, mtime and inode of a file
     */
    public record RangeObject(long ordinal, String key, long length, String version) {}
}
