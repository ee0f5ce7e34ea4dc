package io.headrace.bench.sources;

import io.headrace.engine.spi.ObjectStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A store that makes up its keys, so that ten million objects can be listed and need no room. */
final class SyntheticStore implements ObjectStore {
    static final String FOLDER = "images";

    private static final String KEY = FOLDER + "/%03d/%09d.jpg";
    private static final int OBJECTS_PER_FOLDER = 100_000;
    private static final long LENGTH = 100_000;
    private static final long MODIFIED_MS = 1_700_000_000_000L;

    private final int objectCount;

    SyntheticStore(int objectCount) {
        this.objectCount = objectCount;
    }

    @Override
    public String name() {
        return "synthetic";
    }

    @Override
    public List<StoredObject> list(String prefix, @Nullable String afterKey, int limit) {
        int first = afterKey == null ? 0 : number(afterKey) + 1;
        List<StoredObject> page = new ArrayList<>(limit);
        for (int i = first; i < objectCount && page.size() < limit; i++) {
            page.add(object(i));
        }
        return page;
    }

    private static StoredObject object(int number) {
        String version = "\"%032x\"".formatted(number); // as long as an etag
        return new StoredObject(
                KEY.formatted(number / OBJECTS_PER_FOLDER, number), LENGTH, version, MODIFIED_MS);
    }

    private static int number(String key) {
        int end = key.lastIndexOf('.');
        return Integer.parseInt(key.substring(key.lastIndexOf('/') + 1, end));
    }

    /** Fails: only keys are made up. */
    @Override
    public void read(StoredObject object, long offset, ByteBuffer into) throws IOException {
        throw new IOException("a synthetic store has no bytes: key=" + object.key());
    }

    @Override
    public void close() {}
}
