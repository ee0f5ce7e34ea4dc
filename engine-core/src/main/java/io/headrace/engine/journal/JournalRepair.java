package io.headrace.engine.journal;

import io.headrace.engine.EngineException;
import io.headrace.engine.journal.JournalScan.Damage;
import io.headrace.engine.journal.JournalScan.ScannedCycle;
import io.headrace.engine.spi.Disk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Makes a damaged journal readable again at the least cost: each damaged stretch becomes one
 * document that readers pass over, and every sound entry stays where it is (docs/design/repair.md).
 * Nothing is overwritten: a damaged file makes way for a copy of it that is mended, and is kept.
 *
 * <p>Used by one thread; no process can open the journal meanwhile.
 */
public final class JournalRepair {
    private static final int HEADER = Integer.BYTES;
    private static final String TEMPORARY = ".tmp";

    private final Path sideFolder;
    private final Disk disk;

    /**
     * A stretch that was cut out.
     *
     * @param kept the file as it was
     */
    public record Repaired(Damage damage, Path kept) {}

    private JournalRepair(Path sideFolder, Disk disk) {
        this.sideFolder = sideFolder;
        this.disk = disk;
    }

    /**
     * Cuts out what is damaged.
     *
     * @param journal its folder
     * @param sideFolder takes the damaged files, below the names of journal and start; on the same
     *     file system
     * @throws EngineException if a process has the journal open
     */
    public static List<Repaired> run(Path journal, Path sideFolder) throws IOException {
        return run(journal, sideFolder, Disk.SYSTEM);
    }

    /** As {@link #run(Path, Path)}, on that disk. */
    public static List<Repaired> run(Path journal, Path sideFolder, Disk disk) throws IOException {
        FileChannel lock = ChronicleJournal.lock(journal);
        try {
            List<ScannedCycle> cycles =
                    JournalScan.readLocked(
                            journal,
                            (position, type, topic, number, offset, epoch, time, payload) -> {});
            JournalRepair repair = new JournalRepair(sideFolder.resolve(nameOf(journal)), disk);
            List<Repaired> repaired = new ArrayList<>();
            for (ScannedCycle cycle : cycles) {
                if (!cycle.damages().isEmpty()) {
                    repaired.addAll(repair.mend(cycle));
                }
            }
            return repaired;
        } finally {
            lock.close();
        }
    }

    private static String nameOf(@Nullable Path path) {
        return path == null ? "" : String.valueOf(path.getFileName());
    }

    /** The file may have another name in a backup, which must not see what is done here. */
    private List<Repaired> mend(ScannedCycle cycle) throws IOException {
        Path start = cycle.path().toAbsolutePath().getParent();
        Path folder = sideFolder.resolve(nameOf(start));
        disk.createFolders(folder);
        Path kept = folder.resolve(nameOf(cycle.path()));
        Path mended = folder.resolve(nameOf(cycle.path()) + TEMPORARY);
        Files.copy(cycle.path(), mended);
        try (FileChannel channel =
                disk.open(mended, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            for (Damage damage : cycle.damages()) {
                cutOut(channel, damage);
            }
            channel.force(true);
        }
        Files.createLink(kept, cycle.path());
        disk.forceFolder(folder);
        disk.move(mended, cycle.path());
        if (start != null) {
            disk.forceFolder(start);
        }
        return cycle.damages().stream().map(damage -> new Repaired(damage, kept)).toList();
    }

    /**
     * A hole up to the next sound entry or the recorded end; a cycle that has lost its end gets a
     * new one where the damage begins.
     */
    private void cutOut(FileChannel channel, Damage damage) throws IOException {
        boolean isEndLost = damage.isAtEnd() && damage.toOffset() >= channel.size();
        if (isEndLost && !damage.isEndRecorded()) {
            Disk.write(
                    channel, document(CycleReader.END_OF_CYCLE_HEADER, false), damage.fromOffset());
            return;
        }
        if (damage.length() < HEADER) {
            throw new EngineException(
                    "damage that cannot be cut out: file="
                            + damage.path()
                            + " offset="
                            + damage.fromOffset());
        }
        if (channel.size() < damage.toOffset()) { // cut short: a hole has to have its bytes
            Disk.write(channel, ByteBuffer.allocate(1), damage.toOffset() - 1);
        }
        int length = Math.toIntExact(damage.length() - HEADER);
        boolean isMarked = length >= Long.BYTES;
        Disk.write(
                channel,
                document(CycleReader.METADATA_BIT | length, isMarked),
                damage.fromOffset());
    }

    private static ByteBuffer document(int header, boolean isMarked) {
        ByteBuffer bytes = ByteBuffer.allocate(HEADER + Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(header);
        if (isMarked) {
            bytes.putLong(CycleReader.HOLE_MAGIC);
        }
        return bytes.flip();
    }
}
