package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.read;
import static io.headrace.server.engine.TestEngine.readAll;
import static io.headrace.server.engine.TestEngine.records;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Unavailable;
import io.headrace.engine.journal.JournalScan;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What cannot be served costs nothing that lies before or behind it, however much is asked for. */
class DamagedReadTest {
    private static final int BATCHES = 10;
    private static final int EVERYTHING = 1 << 20;

    @TempDir Path folder;

    private final List<Long> positions = new ArrayList<>();
    private Path cycle;

    @BeforeEach
    void fill() throws IOException {
        try (TestEngine engine = start()) {
            engine.create("t", 1, Map.of());
            for (int i = 0; i < BATCHES; i++) {
                append(engine.log("t", 0), batch("value-" + i));
            }
        }
        cycle =
                JournalScan.read(
                                folder.resolve("journal/data-1"),
                                (position, type, id, number, offset, epoch, time, payload) -> {
                                    if (type == EntryType.BATCH) {
                                        positions.add(position);
                                    }
                                })
                        .get(0)
                        .path();
    }

    private TestEngine start() {
        return new TestEngine(folder, context -> context.journalCount(1));
    }

    @Test
    void aDamagedBatchCostsItselfAlone() throws IOException {
        try (FileChannel file = FileChannel.open(cycle, StandardOpenOption.WRITE)) {
            file.write(ByteBuffer.wrap(new byte[] {77}), at(4) + Journal.ENVELOPE_LENGTH + 70);
        }
        try (TestEngine engine = start()) {
            PartitionLog log = engine.log("t", 0);
            assertEquals(values(0, 4), readOnce(log, 0));
            assertEquals(Unavailable.CORRUPT, read(log, 4, EVERYTHING));
            assertEquals(values(5, BATCHES), readAll(log, 5));
        }
    }

    @Test
    void aFileThatIsCutIsReadUpToThere() throws IOException {
        try (TestEngine engine = start()) {
            try (FileChannel file = FileChannel.open(cycle, StandardOpenOption.WRITE)) {
                file.truncate(at(4));
            }
            PartitionLog log = engine.log("t", 0);
            List<String> found = new ArrayList<>();
            while (found.size() < 4) {
                found.addAll(readOnce(log, found.size()));
            }
            assertEquals(values(0, 4), found);
            assertEquals(Unavailable.CORRUPT, read(log, 4, EVERYTHING));
        }
    }

    private static List<String> readOnce(PartitionLog log, long offset) {
        try (ReadResult result = read(log, offset, EVERYTHING)) {
            return records(assertInstanceOf(RecordsLease.class, result), offset);
        }
    }

    private static List<String> values(int from, int to) {
        List<String> values = new ArrayList<>();
        for (int i = from; i < to; i++) {
            values.add(i + ":value-" + i);
        }
        return values;
    }

    private long at(int batch) {
        return Journal.fileOffset(positions.get(batch));
    }
}
