package io.headrace.engine.journal;

import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.Journal.JournalFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Lists the files of a journal up to a position: what is copied of it while it is open. */
final class CutFiles {
    private final long toPosition;
    private final List<JournalFile> files = new ArrayList<>();

    private CutFiles(long toPosition) {
        this.toPosition = toPosition;
    }

    /**
     * The START, END and cycle files.
     *
     * @param toPosition synced, so that every cycle before its own is finished
     */
    static List<JournalFile> of(Path journal, long toPosition, Disk disk) throws IOException {
        CutFiles cut = new CutFiles(toPosition);
        for (StartFolder start : StartFolder.list(journal, disk)) {
            cut.add(start);
        }
        return cut.files;
    }

    private void add(StartFolder start) throws IOException {
        addIfThere(start.path().resolve(FolderRecord.START));
        addIfThere(start.path().resolve(FolderRecord.END));
        int last = Journal.cycle(toPosition);
        for (Map.Entry<Integer, Path> cycle : start.cyclePaths().headMap(last, true).entrySet()) {
            if (cycle.getKey() == last) {
                files.add(new JournalFile(cycle.getValue(), Journal.fileOffset(toPosition), false));
            } else {
                addIfThere(cycle.getValue());
            }
        }
    }

    private void addIfThere(Path file) throws IOException {
        if (Files.exists(file)) {
            files.add(new JournalFile(file, Files.size(file), true));
        }
    }
}
