package io.headrace.engine.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.Topic;
import io.headrace.engine.TopicConfig;
import io.headrace.engine.source.cache.CacheContext;
import io.headrace.engine.spi.DatasetReaders;
import io.headrace.engine.spi.HeapMetadataStore;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.engine.spi.ObjectStore;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Trees whose keys do not make the stems that somebody had in mind. */
final class JoinedPagesTest {
    /** Keys in order, all of the first tree. */
    private static final class Keys implements ObjectStore {
        private final List<String> keys;

        Keys(List<String> keys) {
            this.keys = keys;
        }

        @Override
        public String name() {
            return "keys";
        }

        @Override
        public List<StoredObject> list(String prefix, @Nullable String afterKey, int limit) {
            return keys.stream()
                    .filter(key -> key.startsWith(prefix))
                    .filter(key -> afterKey == null || key.compareTo(afterKey) > 0)
                    .limit(limit)
                    .map(key -> new StoredObject(key, 1, "1", 0))
                    .toList();
        }

        @Override
        public void read(StoredObject object, long offset, ByteBuffer into) {}

        @Override
        public void close() {}
    }

    private static Deque<ListedObject> list(List<String> keys) throws IOException {
        SourceJoin join = SourceJoin.of(List.of("a", "b"), List.of());
        SourceSpec spec =
                new SourceSpec(
                        new Keys(keys),
                        "",
                        true,
                        SourceSpec.FILES,
                        1 << 20,
                        0,
                        List.of(),
                        join,
                        SourceSpec.Oversize.SKIP,
                        false,
                        SkippedOffsets.NONE,
                        0);
        DatasetReaders noReaders =
                (DatasetReaders)
                        Proxy.newProxyInstance(
                                DatasetReaders.class.getClassLoader(),
                                new Class<?>[] {DatasetReaders.class},
                                (proxy, method, arguments) -> List.of());
        try (MetadataStore metadata = HeapMetadataStore.open(Path.of("target", "never-written"));
                SourceLogs logs =
                        new SourceLogs(
                                (topicId, payload) -> CompletableFuture.completedFuture(null),
                                metadata,
                                new HeapMemory(),
                                Runnable::run,
                                store ->
                                        new StoreThreads(
                                                Runnable::run, Runnable::run, Runnable::run),
                                Map.of(),
                                noReaders,
                                () -> 0,
                                new CacheContext())) {
            Topic topic = new Topic(1, "joined", 1, Map.of(), TopicConfig.DEFAULTS, 0);
            JoinedPages pages =
                    new JoinedPages(new SourceTopic(logs, topic, spec), logs, join, null);
            Deque<ListedObject> found = new ArrayDeque<>();
            while (pages.hasNext()) {
                pages.next(found);
            }
            return found;
        }
    }

    private static List<String> keys(int count) {
        return IntStream.range(0, count).mapToObj(i -> String.format("a/img.%06d.jpg", i)).toList();
    }

    @Test
    void objectsOfOneStemAreOneSampleUpToABound() throws IOException {
        Deque<ListedObject> found = list(keys(JoinedPages.MEMBERS_MAX));
        assertEquals(1, found.size());
        assertEquals(JoinedPages.MEMBERS_MAX, found.element().members().size());
    }

    @Test
    void moreObjectsOfOneStemFailTheListingWhichNamesIt() {
        IOException failure =
                assertThrows(IOException.class, () -> list(keys(JoinedPages.MEMBERS_MAX + 1)));
        assertTrue(String.valueOf(failure.getMessage()).contains("stem=a/img"));
    }
}
