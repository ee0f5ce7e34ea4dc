package io.headrace.engine.journal;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Appending and leasing allocate nothing on the heap. */
class JournalAllocationTest {
    private static final int COUNT = 20_000;

    @TempDir Path folder;

    @Test
    void appendingAndLeasingAllocateNothing() throws IOException {
        JournalContext context =
                new JournalContext().folder(folder).cycleBytes(64 << 20).diskReserveBytes(0);
        try (Journal journal = ChronicleJournal.open(context)) {
            ByteBuffer batch = Batches.batch(100, 1);
            ByteBuffer command = ByteBuffer.wrap(new byte[30]);
            appendAll(journal, batch, command);
            ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            long before = threads.getCurrentThreadAllocatedBytes();
            appendAll(journal, batch, command);
            long allocated = threads.getCurrentThreadAllocatedBytes() - before;
            // Not per entry: whatever the JVM itself does on this thread now and then.
            assertTrue(allocated < COUNT, "allocated bytes " + allocated);
        }
    }

    private static void appendAll(Journal journal, ByteBuffer batch, ByteBuffer command) {
        for (int i = 0; i < COUNT; i++) {
            long position = journal.append(EntryType.BATCH, 1, 0, i, 0, batch);
            journal.append(EntryType.COMMAND, 1, 0, i, 0, command);
            journal.lease(position).close();
        }
    }
}
