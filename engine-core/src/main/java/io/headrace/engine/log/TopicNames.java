package io.headrace.engine.log;

import io.headrace.engine.EngineException;
import io.headrace.engine.journal.JournalScan;
import io.headrace.engine.spi.EntryType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.stream.Stream;

/**
 * Names of topics by id as the newest checkpoint and the metadata journal of a data folder have
 * them, for tools: of topics that were deleted since the checkpoint too. Immutable.
 */
public final class TopicNames {
    private static final String CHECKPOINT = "[0-9]{12}";

    private final Map<Long, String> names = new HashMap<>();

    /** Reads the rows of a checkpoint, which holds what the journal no longer says. */
    @FunctionalInterface
    public interface CheckpointReader {
        /**
         * Hands over the rows whose keys begin with a byte.
         *
         * @throws EngineException if the checkpoint is damaged or gone
         */
        void read(Path checkpoint, byte keysBeginWith, BiConsumer<byte[], byte[]> rows);
    }

    private TopicNames() {}

    /** Reads them; damage costs the names that are in it. */
    public static TopicNames read(Path data, CheckpointReader reader) throws IOException {
        TopicNames topics = new TopicNames();
        topics.readCheckpoint(data, reader);
        Path journal = data.resolve("journal").resolve("metadata");
        if (Files.isDirectory(journal)) {
            JournalScan.readOnly(
                    journal,
                    (position, type, topicId, partition, offset, epoch, time, payload) ->
                            topics.onEntry(type, payload));
        }
        return topics;
    }

    private void readCheckpoint(Path data, CheckpointReader reader) throws IOException {
        Path folder = data.resolve("checkpoints");
        if (!Files.isDirectory(folder)) {
            return;
        }
        Optional<Path> newest;
        try (Stream<Path> children = Files.list(folder)) {
            newest =
                    children.filter(path -> path.getFileName().toString().matches(CHECKPOINT))
                            .max(Comparator.naturalOrder());
        }
        try {
            newest.ifPresent(path -> reader.read(path, Rows.TOPIC_NAME, this::onNameRow));
        } catch (EngineException e) {
            // What it would have told is not known then; verify says what is wrong with it.
        }
    }

    private void onNameRow(byte[] key, byte[] value) {
        names.put(Rows.number(value), new String(key, 1, key.length - 1, StandardCharsets.UTF_8));
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
