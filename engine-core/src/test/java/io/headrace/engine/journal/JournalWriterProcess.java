package io.headrace.engine.journal;

import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Appends batches, syncs every few of them, and prints the number of the last synced one, until it
 * is killed. Arguments: folder, first number.
 */
final class JournalWriterProcess {
    private JournalWriterProcess() {}

    public static void main(String[] arguments) throws IOException {
        JournalContext context =
                new JournalContext()
                        .folder(Path.of(arguments[0]))
                        .cycleBytes(1 << 20)
                        .diskReserveBytes(0);
        long number = Long.parseLong(arguments[1]);
        Journal journal = ChronicleJournal.open(context);
        while (true) {
            for (int i = 0; i < 1 + number % 7; i++) {
                int length = (int) (number * 7919 % 30_000);
                append(journal, length, number);
                number++;
            }
            journal.sync();
            System.out.println(number - 1);
        }
    }

    private static void append(Journal journal, int length, long number) {
        if (journal.append(EntryType.BATCH, 1, 0, number, 0, Batches.batch(length, number)) < 0) {
            throw new IllegalStateException("out of space");
        }
    }
}
