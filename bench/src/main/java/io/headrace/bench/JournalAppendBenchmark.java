package io.headrace.bench;

import io.headrace.engine.journal.ChronicleJournal;
import io.headrace.engine.journal.JournalContext;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Appends batches of one record to a journal in the folder that {@code java.io.tmpdir} names, each
 * iteration to a fresh one: {@code -prof gc} must show 0 bytes per append.
 */
@State(Scope.Thread)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
public class JournalAppendBenchmark {
    /** Appends of one iteration; 1 GiB of the longest. */
    private static final int APPENDS = 16_384;

    /** Bytes of the record's value. */
    @Param({"100", "4096", "65536"})
    public int valueLength;

    private Path folder;
    private Journal journal;
    private ByteBuffer batch;
    private long baseOffset;

    /** Opens an empty journal. */
    @Setup(Level.Iteration)
    public void setUp() throws IOException {
        batch = MemoryAppendBenchmark.batch(valueLength);
        folder = Files.createTempDirectory("headrace-journal");
        journal = ChronicleJournal.open(new JournalContext().folder(folder).diskReserveBytes(0));
    }

    /** One append; nothing is forced. */
    @Benchmark
    @BenchmarkMode(Mode.SingleShotTime)
    @Warmup(iterations = 3, batchSize = APPENDS)
    @Measurement(iterations = 5, batchSize = APPENDS)
    public long append() {
        return journal.append(EntryType.BATCH, 1, 0, baseOffset++, 0, batch);
    }

    /** One append and the force that acknowledges it. */
    @Benchmark
    @BenchmarkMode(Mode.SampleTime)
    @Warmup(iterations = 1, time = 2)
    @Measurement(iterations = 2, time = 3)
    public long appendAndSync() {
        journal.append(EntryType.BATCH, 1, 0, baseOffset++, 0, batch);
        return journal.sync();
    }

    /** Closes and deletes the journal. */
    @TearDown(Level.Iteration)
    public void tearDown() throws IOException {
        journal.close();
        deleteTree(folder.toFile());
    }

    private static void deleteTree(File file) throws IOException {
        File[] children = file.listFiles();
        if (children != null) {
            for (File child : children) {
                deleteTree(child);
            }
        }
        Files.delete(file.toPath());
    }
}
