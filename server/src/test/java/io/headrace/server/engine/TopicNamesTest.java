package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.deleteFolder;
import static io.headrace.server.engine.TestEngine.get;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.headrace.engine.log.TopicNames;
import io.headrace.rocks.RocksMetadataStore;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tools say topics by name, also when the journal that named them was trimmed long ago. */
class TopicNamesTest {
    @TempDir Path folder;

    @Test
    void aCheckpointKnowsWhatTheJournalNoLongerSays() throws IOException {
        long id;
        try (TestEngine engine = new TestEngine(folder)) {
            id = engine.create("t", 1, Map.of()).id();
            engine.engine.backups().end(get(engine.engine.backups().begin()).id());
            long later = engine.create("later", 1, Map.of()).id();
            assertEquals("later", read().of(later));
        }
        deleteFolder(folder.resolve("journal/metadata"));
        assertEquals("t", read().of(id));
        assertEquals("", read().of(id + 1000));
        RocksMetadataStore.verifyCheckpoint(folder.resolve("checkpoints/000000000001"));
    }

    private TopicNames read() throws IOException {
        return TopicNames.read(folder, RocksMetadataStore::readCheckpoint);
    }
}
