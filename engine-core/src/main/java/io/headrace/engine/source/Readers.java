package io.headrace.engine.source;

import io.headrace.engine.EngineException;
import io.headrace.engine.spi.DatasetReaders;
import io.headrace.engine.spi.ObjectCodec;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import io.headrace.engine.spi.SampleFormat;
import io.headrace.engine.spi.SampleScanner;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** The formats and compressions of objects, as topics and the index name them. Thread-safe. */
final class Readers {
    private final DatasetReaders readers;

    Readers(DatasetReaders readers) {
        this.readers = readers;
    }

    /**
     * What follows about an object from its topic and key; null if somebody has to look into it.
     */
    @Nullable ObjectFacts facts(SourceSpec spec, StoredObject object) {
        if (spec.format().equals(SourceSpec.AUTO)) {
            return null;
        }
        ObjectCodec codec = readers.codecFor(object.key());
        return ObjectFacts.of(spec.format(), codec == null ? "" : codec.name());
    }

    /** The compression that an object's key names, or null. */
    @Nullable ObjectCodec codecFor(StoredObject object) {
        return readers.codecFor(object.key());
    }

    /**
     * Looks at an object.
     *
     * @param head its first bytes, after decompression
     * @param isWhole whether that is all of it
     */
    ObjectFacts guess(SourceSpec spec, StoredObject object, ByteBuffer head, boolean isWhole) {
        ObjectCodec codec = readers.codecFor(object.key());
        String plainKey = codec == null ? object.key() : codec.plainKey(object.key());
        SampleFormat format = readers.guess(plainKey, head, isWhole);
        return format == null
                ? wholeObject(spec)
                : ObjectFacts.of(format.name(), codec == null ? "" : codec.name());
    }

    private static ObjectFacts wholeObject(SourceSpec spec) {
        ObjectFacts facts = ObjectFacts.of(SourceSpec.FILES, "");
        return spec.oversize() == SourceSpec.Oversize.SPLIT
                ? facts.withNotes(WholeObjectFormat.piecesOf(spec.recordLengthMax()))
                : facts;
    }

    /** The compression of an object, or null if it has none. */
    @Nullable ObjectCodec codec(ObjectFacts facts) {
        if (!facts.isCompressed()) {
            return null;
        }
        ObjectCodec codec = readers.codec(facts.codec());
        if (codec == null) {
            throw new EngineException("no reader for a compression: name=" + facts.codec());
        }
        return codec;
    }

    /** A scanner of an object, from a position on. */
    SampleScanner scanner(SourceSpec spec, StoredObject object, ObjectFacts facts, long position) {
        SampleFormat.Options options = new SampleFormat.Options(spec.recordLength());
        if (facts.format().equals(SourceSpec.FILES)) {
            return WholeObjectFormat.INSTANCE.scanner(object, position, facts.notes(), options);
        }
        SampleFormat format = readers.format(facts.format());
        if (format == null) {
            throw new EngineException("no reader for a format: name=" + facts.format());
        }
        byte[] notes = position == 0 ? new byte[0] : facts.notes();
        return format.scanner(object, position, notes, options);
    }
}
