package io.headrace.engine.journal;

import io.headrace.engine.spi.Journal;
import java.io.IOException;
import java.nio.file.Path;

class ChronicleJournalContractTest extends JournalContractTest {
    @Override
    protected Journal open(Path folder, long scanFromPosition) throws IOException {
        return ChronicleJournal.open(
                new JournalContext()
                        .folder(folder)
                        .cycleBytes(CYCLE_BYTES)
                        .diskReserveBytes(0)
                        .clockMs(() -> NOW_MS)
                        .recentWindowCycles(2)
                        .scanFromPosition(scanFromPosition));
    }
}
