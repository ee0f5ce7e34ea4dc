package io.headrace.engine.log;

import io.headrace.engine.journal.JournalScan;
import io.headrace.engine.spi.EntryType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Names of topics by id as the metadata journal of a data folder has them, for tools: of deleted
 * topics too, but not of those whose commands were trimmed. Immutable.
 */
public final class TopicNames {
    private final Map<Long, String> names = new HashMap<>();

    private TopicNames() {}

    /** Reads them; damage costs the names that are in it. */
    public static TopicNames read(Path data) throws IOException {
        TopicNames topics = new TopicNames();
        Path journal = data.resolve("journal").resolve("metadata");
        if (Files.isDirectory(journal)) {
            JournalScan.readOnly(
                    journal,
                    (position, type, topicId, partition, offset, epoch, time, payload) ->
                            topics.onEntry(type, payload));
        }
        return topics;
    }

    private void onEntry(EntryType type, ByteBuffer payload) {
        if (type != EntryType.COMMAND) {
            return;
        }
        Command command;
        try {
            command = Command.decode(payload);
        } catch (IllegalStateException e) {
            return; // of a later version
        }
        if (command instanceof Command.PutTopic put) {
            names.put(put.topic().id(), put.topic().name());
        }
    }

    /** The topic's name; empty if it is not known. */
    public String of(long topicId) {
        return names.getOrDefault(topicId, "");
    }
}
