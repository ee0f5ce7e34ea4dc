package io.headrace.engine.log;

import io.headrace.engine.EngineException;
import io.headrace.engine.journal.JournalFiles;
import io.headrace.engine.segment.SegmentPosition;
import io.headrace.engine.spi.CheckpointFolder;
import io.headrace.engine.spi.Disk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Journal files and segments of a data folder that are not there and should be, for tools: those in
 * which something lives by the newest checkpoint, and those of which a start replays something.
 */
public final class MissingFiles {
    private static final String CHECKPOINT = "[0-9]{12}";
    private static final String METADATA = "metadata";
    private static final String DATA = "data-";
    private static final String TRIMMED = "trimmed.properties";

    /** Looks at a folder whose server goes on writing checkpoints; each is a second's. */
    private static final int LOOKS_MAX = 10;

    private final Path data;
    private final Map<Integer, NeededOf> journals = new TreeMap<>();

    /** What is needed of one journal. */
    private static final class NeededOf {
        long fromPosition;
        final Set<Integer> cycles = new HashSet<>();
        final Set<Integer> segments = new HashSet<>();
    }

    private MissingFiles(Path data) {
        this.data = data;
    }

    /**
     * Finds them; nothing is known of them if the newest checkpoint is not sound, or there is none
     * and files were deleted under one.
     *
     * @param reader of a checkpoint
     */
    public static List<Path> find(Path data, TopicNames.CheckpointReader reader)
            throws IOException {
        List<Path> missing = List.of();
        for (int look = 0; look < LOOKS_MAX; look++) {
            Optional<Path> checkpoint = newestCheckpoint(data);
            MissingFiles needed = new MissingFiles(data);
            boolean isKnown = needed.isKnown(checkpoint, reader);
            missing = isKnown ? needed.find() : List.of();
            if (isKnown && missing.isEmpty() || checkpoint.equals(newestCheckpoint(data))) {
                break; // else the server may have deleted what had died, or the checkpoint
            }
        }
        return missing;
    }

    private static Optional<Path> newestCheckpoint(Path data) throws IOException {
        Path folder = data.resolve("checkpoints");
        if (!Files.isDirectory(folder)) {
            return Optional.empty();
        }
        try (Stream<Path> children = Files.list(folder)) {
            return children.filter(path -> path.getFileName().toString().matches(CHECKPOINT))
                    .max(Comparator.naturalOrder());
        }
    }

    private boolean isKnown(Optional<Path> checkpoint, TopicNames.CheckpointReader reader) {
        return checkpoint.isPresent()
                ? isRead(checkpoint.get(), reader)
                : !Files.exists(data.resolve("journal").resolve(TRIMMED));
    }

    private List<Path> find() throws IOException {
        try (Stream<Path> children = Files.list(data.resolve("journal"))) {
            children.filter(Files::isDirectory).forEach(this::addJournal);
        }
        List<Path> missing = new ArrayList<>();
        for (Map.Entry<Integer, NeededOf> journal : journals.entrySet()) {
            addMissing(missing, journal.getKey(), journal.getValue());
        }
        return missing;
    }

    private boolean isRead(Path checkpoint, TopicNames.CheckpointReader reader) {
        try {
            CheckpointFolder.verify(checkpoint, Disk.SYSTEM);
            reader.read(checkpoint, Rows.APPLIED, this::onApplied);
            reader.read(checkpoint, Rows.LIVE_BYTES, (key, value) -> onLiveBytes(key));
            return true;
        } catch (EngineException e) {
            return false; // who verifies the checkpoint says what is wrong with it
        }
    }

    private NeededOf of(int journal) {
        return journals.computeIfAbsent(journal, id -> new NeededOf());
    }

    private void onApplied(byte[] key, byte[] value) {
        of(ByteBuffer.wrap(key).getShort(1)).fromPosition = Rows.number(value);
    }

    private void onLiveBytes(byte[] key) {
        NeededOf journal = of(ByteBuffer.wrap(key).getShort(1));
        int file = Rows.fileOf(key);
        if (SegmentPosition.isHalf(file)) {
            journal.segments.add(SegmentPosition.segmentOfHalf(file));
        } else {
            journal.cycles.add(file);
        }
    }

    /** What no checkpoint knows of has to be there from its beginning. */
    private void addJournal(Path folder) {
        String name = String.valueOf(folder.getFileName());
        if (name.equals(METADATA)) {
            of(CatalogState.JOURNAL);
        } else if (name.matches(DATA + "[0-9]{1,4}")) {
            of(Integer.parseInt(name.substring(DATA.length())));
        }
    }

    private void addMissing(List<Path> missing, int journal, NeededOf needed) throws IOException {
        String name = journal == CatalogState.JOURNAL ? METADATA : DATA + journal;
        Path folder = data.resolve("journal").resolve(name);
        missing.addAll(JournalFiles.missing(folder, needed.fromPosition, needed.cycles));
        Path segments = data.resolve("segments").resolve(name);
        needed.segments.stream()
                .sorted()
                .map(segment -> segments.resolve(String.format("%010d.segment", segment)))
                .filter(file -> !Files.exists(file))
                .forEach(missing::add);
    }
}
