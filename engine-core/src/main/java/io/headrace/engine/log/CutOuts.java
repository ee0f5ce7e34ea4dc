package io.headrace.engine.log;

import io.headrace.engine.spi.Journal;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Remembers of journal files in which damage was met what a repair cut out of them, since a look
 * takes reading the file. Thread-safe; owned by the {@link Shard}.
 */
final class CutOuts {
    /** Files that are remembered. */
    private static final int COUNT_MAX = 256;

    private final Journal journal;

    /** Pairs of offsets by cycle, those asked for last at the end; guarded by this. */
    private final Map<Integer, long[]> stretches =
            new LinkedHashMap<>(16, 0.75f, true) {
                private static final long serialVersionUID = 1L;

                @Override
                protected boolean removeEldestEntry(Map.Entry<Integer, long[]> eldest) {
                    return size() > COUNT_MAX;
                }
            };

    CutOuts(Journal journal) {
        this.journal = journal;
    }

    /** Whether what was at that offset of a cycle's file was cut out. */
    synchronized boolean covers(int cycle, long fileOffset) throws IOException {
        long[] known = stretches.get(cycle);
        if (known == null) {
            known = journal.cutOuts(cycle);
            stretches.put(cycle, known);
        }
        for (int i = 0; i < known.length; i += 2) {
            if (known[i] <= fileOffset && fileOffset < known[i + 1]) {
                return true;
            }
        }
        return false;
    }
}
