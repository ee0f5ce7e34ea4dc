package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.awaitHighWatermark;
import static io.headrace.server.engine.TestEngine.get;
import static io.headrace.server.engine.TestEngine.read;
import static io.headrace.server.engine.TestEngine.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.Topic;
import io.headrace.engine.spi.ObjectStore;
import io.headrace.objects.DirectoryObjectStore;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A store that does not answer, beside one that does. */
class StoreIsolationTest {
    private static final String HELD = "file:///srv/held/";
    private static final String GOOD = "file:///srv/good/";
    private static final int THREADS = 8;
    private static final int PARTITIONS = 16;
    private static final int LINES = 20_000;

    @TempDir Path folder;
    private HeldStore held;
    private TestEngine engine;

    /** Lists, and answers no read until it is let go of. */
    private static final class HeldStore implements ObjectStore {
        private final ObjectStore delegate;
        final CountDownLatch gate = new CountDownLatch(1);
        final AtomicInteger reads = new AtomicInteger();

        HeldStore(ObjectStore delegate) {
            this.delegate = delegate;
        }

        @Override
        public String name() {
            return delegate.name();
        }

        @Override
        public List<StoredObject> list(String prefix, String afterKey, int limit)
                throws IOException {
            return delegate.list(prefix, afterKey, limit);
        }

        @Override
        public void read(StoredObject object, long offset, ByteBuffer into) throws IOException {
            reads.incrementAndGet();
            try {
                gate.await();
            } catch (InterruptedException ending) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("let go of");
            }
            delegate.read(object, offset, into);
        }

        @Override
        public void close() {
            delegate.close();
        }
    }

    @BeforeEach
    void launch() throws IOException {
        held = new HeldStore(store("held"));
        DirectoryObjectStore good = store("good");
        engine =
                new TestEngine(
                        folder.resolve("engine"),
                        context ->
                                context.objectStore(HELD, held)
                                        .objectStore(GOOD, good)
                                        .sourceThreadCount(THREADS));
    }

    @AfterEach
    void close() {
        held.gate.countDown();
        engine.close();
    }

    private DirectoryObjectStore store(String name) throws IOException {
        Path root = Files.createDirectory(folder.resolve(name));
        for (int i = 0; i < PARTITIONS; i++) {
            Files.writeString(root.resolve(String.format("%02d", i)), "sample\n".repeat(LINES));
        }
        return new DirectoryObjectStore(name, root);
    }

    private Topic create(String name, String uri, String format) {
        return engine.create(
                name,
                PARTITIONS,
                Map.of("headrace.source.uri", uri, "headrace.source.format", format));
    }

    /** More reads of all kinds than there are threads. */
    private void askTheHeldStore() {
        create("held-files", HELD, "files");
        create("held-lines", HELD, "lines");
        for (int partition = 0; partition < PARTITIONS; partition++) {
            PartitionLog files = engine.log("held-files", partition);
            awaitHighWatermark(files, 1);
            files.readCold(0, 1, ReadResult::close);
            engine.log("held-lines", partition).read(0, 1);
        }
    }

    @Test
    void storeThatNeverAnswersKeepsNoOtherFromBeingListedIndexedAndRead() {
        askTheHeldStore();
        await("reads are held", () -> held.reads.get() >= THREADS);
        Topic lines = create("lines", GOOD, "lines");
        create("files", GOOD, "files");
        for (int partition = 0; partition < PARTITIONS; partition++) {
            PartitionLog log = engine.log("lines", partition);
            for (int next = 0; next < LINES; ) {
                awaitHighWatermark(log, next + 1);
                next += readAll(log, next).size();
            }
            PartitionLog files = engine.log("files", partition);
            awaitHighWatermark(files, 1);
            read(files, 0, 1).close();
            assertNotNull(get(files.maxTimestamp()));
        }
        long indexed =
                get(engine.engine.sources().status(lines.id())).partitions().get(0).endOffset();
        assertEquals(LINES, indexed);
        assertNotNull(get(engine.engine.sources().check(GOOD, Map.of())));
        assertEquals(THREADS, held.reads.get());
    }
}
