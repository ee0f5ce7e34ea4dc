package io.headrace.engine.spi;

import io.headrace.engine.Experimental;
import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The formats and compressions that source topics can be read in. Thread-safe. */
@Experimental
public interface DatasetReaders {

    /** The format of a name, or null. */
    @Nullable SampleFormat format(String name);

    /** Names of all formats, for messages. */
    List<String> formatNames();

    /** The compression that an object's key names, or null. */
    @Nullable ObjectCodec codecFor(String key);

    /** The compression of a name, or null. */
    @Nullable ObjectCodec codec(String name);

    /**
     * Guesses an object's format.
     *
     * @param plainKey its key without what names a compression
     * @param head its first bytes after decompression, at most {@link #HEAD_LENGTH}
     * @param isWhole whether that is all of it
     * @return null if it is none of these: an object that is one sample as it is
     */
    @Nullable SampleFormat guess(String plainKey, ByteBuffer head, boolean isWhole);

    /** Bytes that a guess wants to see. */
    int HEAD_LENGTH = 4096;
}
