package io.headrace.engine.log;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Remembers of journal files in which damage was met what a repair cut out of them, since a look
 * takes reading the file. Thread-safe; owned by {@link ColdReader}.
 */
final class CutOuts {
    /** Files that are remembered. */
    private static final int COUNT_MAX = 256;

    private record Key(int journal, int cycle) {}

    /** Pairs of offsets, those asked for last at the end; guarded by this. */
    private final Map<Key, long[]> stretches =
            new LinkedHashMap<>(16, 0.75f, true) {
                private static final long serialVersionUID = 1L;

                @Override
                protected boolean removeEldestEntry(Map.Entry<Key, long[]> eldest) {
                    return size() > COUNT_MAX;
                }
            };

    /** Whether what was at that offset of a cycle's file was cut out. */
    synchronized boolean covers(Shard shard, int cycle, long fileOffset) throws IOException {
        Key key = new Key(shard.id(), cycle);
        long[] known = stretches.get(key);
        if (known == null) {
            known = shard.journal().cutOuts(cycle);
            stretches.put(key, known);
        }
        for (int i = 0; i < known.length; i += 2) {
            if (known[i] <= fileOffset && fileOffset < known[i + 1]) {
                return true;
            }
        }
        return false;
    }
}
