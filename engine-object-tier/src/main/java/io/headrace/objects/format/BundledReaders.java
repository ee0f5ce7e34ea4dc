package io.headrace.objects.format;

import io.headrace.engine.Experimental;
import io.headrace.engine.spi.DatasetReaders;
import io.headrace.engine.spi.ObjectCodec;
import io.headrace.engine.spi.SampleFormat;
import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The formats and compressions that come with Headrace. Stateless: one for all. Their rules are in
 * docs/design/dataset-formats.md.
 */
@Experimental
public final class BundledReaders implements DatasetReaders {
    static final SampleFormat LINES = new LinesFormat();
    static final SampleFormat TAR = new TarFormat();
    static final SampleFormat MDS = new MdsFormat();
    static final SampleFormat TF_RECORD = new TfRecordFormat();
    static final SampleFormat FIXED = new FixedFormat();

    private static final List<SampleFormat> FORMATS = List.of(LINES, TAR, MDS, TF_RECORD, FIXED);

    @Override
    public @Nullable SampleFormat format(String name) {
        for (SampleFormat format : FORMATS) {
            if (format.name().equals(name)) {
                return format;
            }
        }
        return null;
    }

    @Override
    public List<String> formatNames() {
        return FORMATS.stream().map(SampleFormat::name).toList();
    }

    @Override
    public @Nullable ObjectCodec codecFor(String key) {
        for (ObjectCodec codec : Codecs.ALL) {
            if (codec.isNamedBy(key)) {
                return codec;
            }
        }
        return null;
    }

    @Override
    public @Nullable ObjectCodec codec(String name) {
        for (ObjectCodec codec : Codecs.ALL) {
            if (codec.name().equals(name)) {
                return codec;
            }
        }
        return null;
    }

    @Override
    public @Nullable SampleFormat guess(String plainKey, ByteBuffer head, boolean isWhole) {
        return new FormatGuess(plainKey, head, isWhole).format();
    }
}
