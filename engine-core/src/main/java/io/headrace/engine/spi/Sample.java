package io.headrace.engine.spi;

import io.headrace.engine.Experimental;
import io.headrace.engine.batch.SamplePartsLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One sample of an object: a key, and the places of its parts. A scanner fills it, whoever frames
 * records reads it; one object is used for all samples of a scan, by one thread.
 */
@Experimental
public final class Sample {
    /** Most parts of a sample. */
    public static final int PART_COUNT_MAX = SamplePartsLayout.PART_COUNT_MAX;

    /** Most bytes of a part's name, in UTF-8. */
    public static final int NAME_LENGTH_MAX = SamplePartsLayout.NAME_LENGTH_MAX;

    /**
     * A part.
     *
     * @param name such as {@code jpg}; empty for the only part of a sample that has just a value
     * @param position of its first byte in the object, after decompression
     * @param length in bytes
     */
    public record Part(String name, long position, long length) {}

    private final List<Part> parts = new ArrayList<>();
    private @Nullable String key;
    private boolean isMultiPart;

    /** Holds nothing, until a sample begins. */
    public void clear() {
        begin(null, false);
    }

    /** Begins a sample whose record has the bytes of one part as its value. */
    public void single(@Nullable String sampleKey, long position, long length) {
        begin(sampleKey, false);
        parts.add(new Part("", position, length));
    }

    /** Begins a sample whose record has a map of parts as its value; {@link #add} adds them. */
    public void multiPart(@Nullable String sampleKey) {
        begin(sampleKey, true);
    }

    private void begin(@Nullable String sampleKey, boolean hasParts) {
        parts.clear();
        key = sampleKey;
        isMultiPart = hasParts;
    }

    /** Adds a part. */
    public void add(String name, long position, long length) {
        parts.add(new Part(name, position, length));
    }

    /** Key of the record, or null. */
    public @Nullable String key() {
        return key;
    }

    /** Whether the value is a map of parts. */
    public boolean isMultiPart() {
        return isMultiPart;
    }

    /** The parts, in the order of the object. Valid until the next sample begins. */
    public List<Part> parts() {
        return parts;
    }
}
