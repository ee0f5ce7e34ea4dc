package io.headrace.engine;

import java.util.List;

/**
 * A page of the objects that a source was listed with. Experimental, as {@link Sources}.
 *
 * @param objects in the order of their keys' bytes
 * @param next the key that the next page begins behind; empty if this is the last
 */
@Experimental
public record SourceObjects(List<SourceObject> objects, String next) {
    /** Most objects of a page. */
    public static final int LIMIT_MAX = 1000;

    /**
     * One of them.
     *
     * @param key below the source's URI
     * @param length in bytes
     * @param version changes whenever the bytes do: the etag, or size, mtime and inode of a file
     */
    public record SourceObject(String key, long length, String version) {}
}
