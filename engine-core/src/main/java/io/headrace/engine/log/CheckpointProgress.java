package io.headrace.engine.log;

import io.headrace.engine.EngineException;
import io.headrace.engine.spi.CheckpointFolder;
import io.headrace.engine.spi.Disk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * How far the newest checkpoint of a data folder has followed its journals, for tools. Every start
 * begins with that one, or with a metadata store that is further. Immutable.
 */
public final class CheckpointProgress {
    private static final String CHECKPOINT = "[0-9]{12}";
    private static final String METADATA = "metadata";
    private static final String DATA = "data-";

    private final Map<Integer, Long> applied = new HashMap<>();

    private CheckpointProgress() {}

    /** Reads and verifies it; none, or one that is not sound, has followed nothing. */
    public static CheckpointProgress read(Path data, TopicNames.CheckpointReader reader)
            throws IOException {
        Path folder = data.resolve("checkpoints");
        CheckpointProgress progress = new CheckpointProgress();
        if (!Files.isDirectory(folder)) {
            return progress;
        }
        Optional<Path> newest;
        try (Stream<Path> children = Files.list(folder)) {
            newest =
                    children.filter(path -> path.getFileName().toString().matches(CHECKPOINT))
                            .max(Comparator.naturalOrder());
        }
        newest.ifPresent(path -> progress.readRows(path, reader));
        return progress;
    }

    private void readRows(Path checkpoint, TopicNames.CheckpointReader reader) {
        try {
            CheckpointFolder.verify(checkpoint, Disk.SYSTEM);
            reader.read(checkpoint, Rows.APPLIED, this::onRow);
        } catch (EngineException e) {
            applied.clear();
        }
    }

    private void onRow(byte[] key, byte[] value) {
        applied.put((int) ByteBuffer.wrap(key).getShort(1), Rows.number(value));
    }

    /**
     * Whether all that a journal had below a position is known without it.
     *
     * @param journal name of its folder
     */
    public boolean covers(String journal, long position) {
        int id =
                journal.equals(METADATA)
                        ? CatalogState.JOURNAL
                        : Integer.parseInt(journal.substring(DATA.length()));
        return position <= applied.getOrDefault(id, 0L);
    }
}
