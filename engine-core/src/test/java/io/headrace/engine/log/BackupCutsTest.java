package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.headrace.engine.segment.SegmentFiles;
import io.headrace.engine.segment.SegmentFolder;
import io.headrace.engine.spi.Journal;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BackupCutsTest {
    private static final int SHARDS = 3;

    @TempDir Path folder;

    private final List<Shard> shards = new ArrayList<>();
    private final List<String> unlocked = new ArrayList<>();

    /** Nobody can append between two of the positions, which would put one journal ahead. */
    @Test
    void eachPositionIsReadWithTheLocksOfAllShards() throws IOException {
        for (int id = 1; id <= SHARDS; id++) {
            shards.add(shard(id, journal("data-" + id, id * 100L)));
        }
        BackupCuts cuts =
                new BackupCuts(
                        null, null, journal("metadata", 7), null, null, shards, null, null, null);
        BackupCuts.Positions positions = cuts.positions();
        assertEquals(List.of(), unlocked);
        assertEquals(7, positions.metadata());
        assertArrayEquals(new long[] {100, 200, 300}, positions.data());
    }

    private Shard shard(int id, Journal journal) throws IOException {
        SegmentFolder segments = SegmentFolder.open(folder, id, SegmentFiles.SYSTEM);
        return new Shard(
                id, journal, segments, 1, null, () -> 0, null, Background.THREADS, failure -> {});
    }

    private Journal journal(String name, long position) {
        LongSupplier read =
                () -> {
                    for (Shard shard : shards) {
                        if (!Thread.holdsLock(shard.lock)) {
                            unlocked.add(name + " without the lock of shard " + shard.id());
                        }
                    }
                    return position;
                };
        return (Journal)
                Proxy.newProxyInstance(
                        Journal.class.getClassLoader(),
                        new Class<?>[] {Journal.class},
                        (proxy, method, arguments) -> {
                            if (method.getName().equals("appendedPosition")) {
                                return read.getAsLong();
                            }
                            throw new AssertionError(method.toString());
                        });
    }
}
