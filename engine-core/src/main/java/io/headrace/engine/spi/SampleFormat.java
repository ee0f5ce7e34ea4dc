package io.headrace.engine.spi;

import io.headrace.engine.Experimental;
import io.headrace.engine.spi.ObjectStore.StoredObject;

/**
 * How the bytes of an object become samples: a shard of many, such as a tar file or a text of
 * lines. Stateless and thread-safe; the same bytes give the same samples for ever, since offsets
 * follow from them.
 */
@Experimental
public interface SampleFormat {

    /** What topics call it in {@code headrace.source.format}. */
    String name();

    /**
     * A scanner of one object.
     *
     * @param object as it was listed
     * @param position 0, or where an earlier scanner of that object stood between two samples; in
     *     bytes of the object after decompression
     * @param notes what {@link SampleScanner#notes} of the scanner that began at 0 said; empty at
     *     position 0
     */
    SampleScanner scanner(StoredObject object, long position, byte[] notes, Options options);

    /**
     * What a topic's configs say about its samples.
     *
     * @param recordLength of {@code fixed}, in bytes; 0 if it is not set
     */
    record Options(int recordLength) {}
}
