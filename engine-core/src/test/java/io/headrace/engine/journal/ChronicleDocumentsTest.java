package io.headrace.engine.journal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.spi.Disk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import net.openhft.chronicle.bytes.BytesStore;
import net.openhft.chronicle.core.Jvm;
import net.openhft.chronicle.core.io.ReferenceChangeListener;
import net.openhft.chronicle.core.io.ReferenceCounted;
import net.openhft.chronicle.core.io.ReferenceOwner;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an append does not wait for when it begins a file. */
class ChronicleDocumentsTest {
    private static final int PAGE_BYTES = 4096;
    private static final int FILE_BYTES = 1 << 20;
    private static final int CYCLE = CycleNumbering.FIRST_CYCLE;
    private static final long PATIENCE_S = 20;

    @TempDir Path folder;

    private Path file(int cycle) {
        return folder.resolve(CycleNumbering.fileName(cycle));
    }

    private static void begin(ChronicleDocuments documents, int cycle) throws IOException {
        documents.cycle(cycle);
        documents.begin();
        documents.takeBack();
    }

    private boolean isMapped(int cycle) throws IOException {
        String path = file(cycle).toRealPath().toString();
        return Files.readAllLines(Path.of("/proc/self/maps")).stream()
                .anyMatch(line -> line.endsWith(path));
    }

    /** Chronicle would have the kernel bring in a window of zeros with its first store. */
    @Test
    void theFirstPageOfAFileIsThereBeforeChronicleIsAskedForIt() throws IOException {
        ChronicleDocuments documents =
                new ChronicleDocuments(folder, CYCLE, FILE_BYTES, Disk.SYSTEM);
        documents.close();
        documents.cycle(CYCLE);
        assertThrows(IllegalStateException.class, documents::begin);
        assertArrayEquals(new byte[PAGE_BYTES], Files.readAllBytes(file(CYCLE)));
    }

    /** Whoever lets go of it last unmaps it, which takes as long as the file is. */
    @Test
    void theFileBeforeIsLetGoOfByAnotherThread() throws Exception {
        CompletableFuture<Thread> letGo = new CompletableFuture<>();
        ChronicleDocuments documents =
                new ChronicleDocuments(folder, CYCLE, FILE_BYTES, Disk.SYSTEM);
        try {
            begin(documents, CYCLE);
            onLetGo(documents, letGo);
            begin(documents, CYCLE + 1);
            assertNotSame(Thread.currentThread(), letGo.get(PATIENCE_S, TimeUnit.SECONDS));
            await("unmapped", () -> !isMapped(CYCLE));
            assertTrue(isMapped(CYCLE + 1));
        } finally {
            documents.close();
        }
        assertFalse(isMapped(CYCLE + 1), "still mapped after the end");
    }

    /** Which thread gives up what was reserved for us, of the mapping that is appended to. */
    private static void onLetGo(ChronicleDocuments documents, CompletableFuture<Thread> letGo) {
        ReferenceOwner owner = Jvm.getValue(documents, "owner");
        BytesStore<?, ?> mapping = Jvm.getValue(documents, "mapping");
        mapping.addReferenceChangeListener(
                new ReferenceChangeListener() {
                    @Override
                    public void onReferenceRemoved(
                            ReferenceCounted of, @Nullable ReferenceOwner removed) {
                        if (removed == owner) {
                            letGo.complete(Thread.currentThread());
                        }
                    }
                });
    }

    private interface Condition {
        boolean holds() throws IOException;
    }

    private static void await(String what, Condition condition) throws IOException {
        long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
        while (!condition.holds()) {
            assertTrue(System.nanoTime() < deadlineNs, "not within " + PATIENCE_S + " s: " + what);
            LockSupport.parkNanos(1_000_000);
        }
    }
}
