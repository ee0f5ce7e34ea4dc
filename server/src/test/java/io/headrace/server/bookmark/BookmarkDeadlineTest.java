package io.headrace.server.bookmark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.kafka.group.GroupPositions;
import io.headrace.server.HeadraceServer;
import io.headrace.server.config.ServerConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What somebody has given up waiting for is not done later. */
@Timeout(120)
class BookmarkDeadlineTest {
    private static final BookmarkName NAME = BookmarkName.of("llama@1");

    @TempDir Path folder;
    private final AtomicLong nanos = new AtomicLong();
    private final List<String> restored = new ArrayList<>();

    /** A group whose restore takes as long as the test says, up to its commit. */
    private final class SlowGroups implements GroupPositions {
        final CountDownLatch begun = new CountDownLatch(1);
        final CountDownLatch goesOn = new CountDownLatch(1);

        @Override
        public List<TopicPositions> committed(String group) {
            Position position = new Position(0, 1, -1, "");
            return List.of(new TopicPositions("images", "id", List.of(position)));
        }

        @Override
        public int restore(String group, List<TopicPositions> positions, Runnable lastCheck) {
            begun.countDown();
            try {
                assertTrue(goesOn.await(60, TimeUnit.SECONDS));
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            lastCheck.run();
            restored.add(group);
            return 0;
        }
    }

    private HeadraceServer launch() {
        Map<String, String> settings =
                Map.of(
                        "listeners", "PLAINTEXT://127.0.0.1:0",
                        "headrace.admin.listener", "127.0.0.1:0",
                        "log.dirs", folder.resolve("data").toString(),
                        "headrace.journal.shards", "1",
                        "headrace.disk.reserve.bytes", "0",
                        "headrace.memory.budget.bytes", Integer.toString(64 << 20));
        return HeadraceServer.launch(ServerConfig.of(settings));
    }

    @Test
    void moreThanMayWaitAreToldToComeAgain() throws Exception {
        SlowGroups groups = new SlowGroups();
        List<CompletableFuture<?>> answers = new ArrayList<>();
        try (HeadraceServer server = launch();
                Bookmarks bookmarks = new Bookmarks(server.engine(), groups)) {
            bookmarks.save(NAME, "train", null).join();
            answers.add(bookmarks.restore(NAME, null));
            assertTrue(groups.begun.await(60, TimeUnit.SECONDS));
            for (int i = 0; i < 32; i++) {
                answers.add(bookmarks.find(NAME));
            }
            CompletableFuture<?> refused = bookmarks.find(NAME);
            String said = assertThrows(CompletionException.class, refused::join).getMessage();
            assertTrue(said.contains("too many requests wait for bookmarks, retry"), said);
            groups.goesOn.countDown();
            answers.forEach(CompletableFuture::join);
        }
    }

    @Test
    void aRequestThatWasGivenUpIsNotCarriedOut() throws Exception {
        SlowGroups groups = new SlowGroups();
        try (HeadraceServer server = launch();
                Bookmarks bookmarks = new Bookmarks(server.engine(), groups, () -> 0, nanos::get)) {
            bookmarks.save(NAME, "train", null).join();
            CompletableFuture<?> running = bookmarks.restore(NAME, null);
            assertTrue(groups.begun.await(60, TimeUnit.SECONDS));
            CompletableFuture<?> waiting = bookmarks.restore(NAME, "waiting");
            CompletableFuture<?> deletion = bookmarks.delete(NAME);
            nanos.addAndGet(TimeUnit.MILLISECONDS.toNanos(Bookmarks.DEADLINE_MS));
            groups.goesOn.countDown();
            for (CompletableFuture<?> late : List.of(running, waiting, deletion)) {
                String said = assertThrows(CompletionException.class, late::join).getMessage();
                assertTrue(said.contains("nothing was changed"), said);
            }
            assertEquals(List.of(), restored);
            assertEquals("train", bookmarks.restore(NAME, null).join().group());
            assertEquals(List.of("train"), restored);
        }
    }
}
