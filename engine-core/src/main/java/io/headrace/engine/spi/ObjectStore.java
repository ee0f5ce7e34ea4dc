package io.headrace.engine.spi;

import io.headrace.engine.Experimental;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Objects under keys, read-only, in pages and ranges. Calls block; they run on the engine's cold
 * executor. Thread-safe.
 */
@Experimental
public interface ObjectStore extends AutoCloseable {

    /** Name of the store in the server's config. */
    String name();

    /**
     * One page of a listing, in unsigned byte order of the UTF-8 keys.
     *
     * @param prefix keys begin with it; relative to the store's own root
     * @param afterKey keys after this one, or null for the first page
     * @param limit at most that many; fewer mean that the listing ends here
     */
    List<StoredObject> list(String prefix, @Nullable String afterKey, int limit) throws IOException;

    /**
     * Reads a range of exactly {@code into.remaining()} bytes of the object as it was listed.
     *
     * @throws ObjectChangedException if it is gone or no longer of that version; names both
     *     versions
     * @throws IOException if the store did not answer, after the store's own bounded retries
     */
    void read(StoredObject object, long offset, ByteBuffer into) throws IOException;

    @Override
    void close();

    /**
     * An object as it was listed.
     *
     * @param key relative to the store's root
     * @param length in bytes
     * @param version changes whenever the bytes do: the etag, or size, mtime and inode of a file
     * @param modifiedMs when it was last written, in milliseconds since 1970; 0 if the store does
     *     not say
     */
    record StoredObject(String key, long length, String version, long modifiedMs) {}

    /** An object is not what it was when it was listed. */
    final class ObjectChangedException extends IOException {
        private static final long serialVersionUID = 1L;

        /**
         * @param key of the object
         * @param expected version that was listed
         * @param found version that is there now, or "absent"
         */
        public ObjectChangedException(String key, String expected, String found) {
            super("object changed: key=" + key + " expected=" + expected + " found=" + found);
        }
    }
}
