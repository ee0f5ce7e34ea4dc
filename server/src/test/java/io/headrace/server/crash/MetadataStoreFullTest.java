package io.headrace.server.crash;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.spi.MetadataStore;
import io.headrace.rocks.RocksContext;
import io.headrace.rocks.RocksMetadataStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The metadata store on a disk that somebody else fills: writes wait, and lose nothing. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class MetadataStoreFullTest {
    private static final int VALUE_LENGTH = 50_000;
    private static final int ROW_COUNT = 400;

    @TempDir Path temporary;

    @Test
    void writesWaitForSpaceAndGoOnByThemselves() throws Exception {
        try (LoopDisk disk = LoopDisk.mount(temporary, 64L << 20)) {
            Path folder = disk.folder().resolve("rocksdb");
            RocksContext context = new RocksContext().writeBufferBytes(4 << 20);
            try (MetadataStore store = RocksMetadataStore.open(folder, context)) {
                write(store, 0);
                store.flush();
                Path foreign = disk.fill();
                AtomicInteger written = new AtomicInteger(1);
                CompletableFuture<Void> all =
                        CompletableFuture.runAsync(
                                () -> {
                                    while (written.get() < ROW_COUNT) {
                                        write(store, written.get());
                                        written.incrementAndGet();
                                    }
                                });
                awaitStall(written, all);
                assertArrayEquals(value(0), store.get(key(0)), "reads go on");
                Files.delete(foreign);
                all.get(1, TimeUnit.MINUTES);
                assertHoldsAll(store);
            }
            try (MetadataStore store = RocksMetadataStore.open(folder, context)) {
                assertHoldsAll(store);
            }
        }
    }

    /** Until no row more is written for a second. */
    private static void awaitStall(AtomicInteger written, CompletableFuture<Void> all)
            throws InterruptedException {
        int before = -1;
        while (written.get() != before) {
            before = written.get();
            TimeUnit.SECONDS.sleep(1);
        }
        assertTrue(before < ROW_COUNT && !all.isDone(), "written " + before);
    }

    private static void assertHoldsAll(MetadataStore store) {
        for (int row = 0; row < ROW_COUNT; row++) {
            assertArrayEquals(value(row), store.get(key(row)), "row " + row);
        }
    }

    private static void write(MetadataStore store, int row) {
        try (MetadataStore.Batch batch = store.newBatch()) {
            batch.put(key(row), value(row));
            store.write(batch);
        }
    }

    private static byte[] key(int row) {
        return Integer.toString(row).getBytes(UTF_8);
    }

    /** Not to be compressed. */
    private static byte[] value(int row) {
        byte[] value = new byte[VALUE_LENGTH];
        new Random(row).nextBytes(value);
        return value;
    }
}
