package io.headrace.rocks;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.rocksdb.ReadOptions;
import org.rocksdb.Slice;

/**
 * The range of keys that begin with a prefix, as an iterator takes it. Native: whoever makes one
 * closes it, after the iterator.
 */
final class KeyBounds implements AutoCloseable {
    private final ReadOptions options;
    private final Slice lower;
    private final @Nullable Slice upper;

    KeyBounds(byte[] prefix, ReadOptions template) {
        lower = new Slice(prefix);
        byte[] end = successor(prefix);
        upper = end == null ? null : new Slice(end);
        options = new ReadOptions(template).setIterateLowerBound(lower);
        if (upper != null) {
            options.setIterateUpperBound(upper);
        }
    }

    ReadOptions options() {
        return options;
    }

    /** The first key after all that begin with the prefix, or null if there is none. */
    private static byte @Nullable [] successor(byte[] prefix) {
        for (int length = prefix.length; length > 0; length--) {
            if (prefix[length - 1] != (byte) 0xFF) {
                byte[] end = Arrays.copyOf(prefix, length);
                end[length - 1]++;
                return end;
            }
        }
        return null;
    }

    @Override
    public void close() {
        options.close();
        if (upper != null) {
            upper.close();
        }
        lower.close();
    }
}
