package io.headrace.engine.source;

import io.headrace.engine.spi.ObjectStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Stands in for a store that is not configured any more: every call fails, naming what the topic
 * wants.
 */
final class AbsentStore implements ObjectStore {
    private final String uri;

    private AbsentStore(String uri) {
        this.uri = uri;
    }

    /** The spec of a topic whose own spec is refused. */
    static SourceSpec spec(Map<String, String> configs) {
        String uri = configs.getOrDefault(SourceSpec.URI_CONFIG, "");
        return new SourceSpec(
                new AbsentStore(uri),
                "",
                true,
                configs.getOrDefault(SourceSpec.FORMAT_CONFIG, SourceSpec.FILES),
                SourceSpec.RECORD_LENGTH_MAX_DEFAULT,
                0,
                List.of(),
                null,
                SourceSpec.Oversize.SKIP,
                false,
                SkippedOffsets.NONE,
                0);
    }

    @Override
    public String name() {
        return "absent";
    }

    @Override
    public List<StoredObject> list(String prefix, @Nullable String afterKey, int limit)
            throws IOException {
        throw absent();
    }

    @Override
    public void read(StoredObject object, long offset, ByteBuffer into) throws IOException {
        throw absent();
    }

    private IOException absent() {
        return new IOException("no store of this server holds it: uri=" + uri);
    }

    @Override
    public void close() {}
}
