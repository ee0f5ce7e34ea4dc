package io.headrace.engine.spi;

import io.headrace.engine.Experimental;
import java.io.IOException;
import java.io.InputStream;

/** A compression of whole objects. Stateless and thread-safe. */
@Experimental
public interface ObjectCodec {

    /** What the index calls it: {@code gzip}, {@code zstd} or {@code lz4}. */
    String name();

    /** Whether a key names objects that are compressed by it, such as {@code train-00.tar.gz}. */
    boolean isNamedBy(String key);

    /** The key without what names the compression: {@code train-00.tar}. */
    String plainKey(String key);

    /**
     * The bytes after decompression.
     *
     * @param compressed closed with the result
     */
    InputStream decode(InputStream compressed) throws IOException;
}
