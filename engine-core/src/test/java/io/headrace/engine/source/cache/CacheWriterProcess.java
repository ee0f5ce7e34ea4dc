package io.headrace.engine.source.cache;

import java.nio.file.Path;
import java.util.Random;

/**
 * Reads blocks in no order through a cache that holds half of them on disk, and prints a line now
 * and then, until it is killed. Arguments: folder, seed.
 */
final class CacheWriterProcess {
    private CacheWriterProcess() {}

    public static void main(String[] arguments) throws Exception {
        Random random = new Random(Long.parseLong(arguments[1]));
        TestCache cache = new TestCache(Path.of(arguments[0]), 4, CacheKillTest.ON_DISK, 1).open();
        SyntheticSource source = cache.source(CacheKillTest.TOPIC, CacheKillTest.BLOCKS);
        for (long i = 0; ; i++) {
            cache.read(CacheKillTest.TOPIC, source, random.nextInt(CacheKillTest.BLOCKS));
            cache.nanos.addAndGet(random.nextInt(1_000_000_000));
            if (i % 50 == 0) {
                System.out.println(i);
            }
        }
    }
}
