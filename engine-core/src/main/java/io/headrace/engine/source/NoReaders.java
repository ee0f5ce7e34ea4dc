package io.headrace.engine.source;

import io.headrace.engine.spi.DatasetReaders;
import io.headrace.engine.spi.ObjectCodec;
import io.headrace.engine.spi.SampleFormat;
import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Stands where an engine was given no readers: objects are records as they are. */
public final class NoReaders implements DatasetReaders {
    @Override
    public @Nullable SampleFormat format(String name) {
        return null;
    }

    @Override
    public List<String> formatNames() {
        return List.of();
    }

    @Override
    public @Nullable ObjectCodec codecFor(String key) {
        return null;
    }

    @Override
    public @Nullable ObjectCodec codec(String name) {
        return null;
    }

    @Override
    public @Nullable SampleFormat guess(String plainKey, ByteBuffer head, boolean isWhole) {
        return null;
    }
}
