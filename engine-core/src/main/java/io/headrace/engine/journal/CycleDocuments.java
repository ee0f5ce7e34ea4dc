package io.headrace.engine.journal;

import io.headrace.engine.spi.Disk;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Lays out documents in the cycle files of one start's folder, as docs/design/formats.md says:
 * Chronicle Queue. A simulation, which cannot afford to open one thousands of times, has another.
 *
 * <p>Used by the appending thread alone.
 */
public interface CycleDocuments extends AutoCloseable {
    /** Opens them in a folder. */
    interface Factory {
        /**
         * @param fileBytes of each cycle file
         * @param disk for what is not stored through a mapping
         */
        CycleDocuments open(Path folder, int firstCycle, long fileBytes, Disk disk);

        /** Most bytes of a file that entries may take, of those that were asked for. */
        default long cycleBytes(long asked) {
            return asked;
        }
    }

    /** The real ones. */
    Factory CHRONICLE = ChronicleDocuments::new;

    /** From now on, documents are begun in that cycle; the one before it ends with the first. */
    void cycle(int cycle);

    /** Begins a document and returns the offset in its file of its first byte. */
    long begin() throws IOException;

    /** Where the file's byte at an offset is in memory; while a document is begun. */
    long address(long offset);

    /** Ends the document that was begun, after so many bytes. */
    void end(int length) throws IOException;

    /** Takes the document back that was begun: as if it never was. */
    void takeBack();

    @Override
    void close();
}
