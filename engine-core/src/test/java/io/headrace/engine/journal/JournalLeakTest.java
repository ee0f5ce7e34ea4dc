package io.headrace.engine.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import net.openhft.chronicle.core.io.BackgroundResourceReleaser;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Mappings and descriptors are let go, and not a moment too early. */
class JournalLeakTest {
    private static final int CYCLE_BYTES = 1 << 20;

    @TempDir Path folder;

    private ChronicleJournal open() throws IOException {
        return ChronicleJournal.open(
                new JournalContext()
                        .folder(folder)
                        .cycleBytes(CYCLE_BYTES)
                        .diskReserveBytes(0)
                        .recentWindowCycles(2));
    }

    private static long append(Journal journal, int valueLength, long baseOffset) {
        ByteBuffer batch = Batches.batch(valueLength, baseOffset);
        return journal.append(EntryType.BATCH, 1, 0, baseOffset, 0, batch);
    }

    /** Lines of /proc/self/maps that name a cycle file, mapped as given ("r--s", "rw-s"). */
    private long mappings(String mode) throws IOException {
        BackgroundResourceReleaser.releasePendingResources();
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.filter(line -> line.contains(folder.toString()))
                    .filter(line -> line.contains(mode))
                    .count();
        }
    }

    private long descriptors() throws IOException {
        BackgroundResourceReleaser.releasePendingResources();
        long count = 0;
        try (Stream<Path> links = Files.list(Path.of("/proc/self/fd"))) {
            for (Path link : links.toList()) {
                if (Files.isSymbolicLink(link) && target(link).startsWith(folder.toString())) {
                    count++;
                }
            }
        }
        return count;
    }

    private static String target(Path link) {
        try {
            return Files.readSymbolicLink(link).toString();
        } catch (IOException e) {
            return "";
        }
    }

    @Test
    void nothingIsLeftAfterClose() throws IOException {
        for (int start = 0; start < 3; start++) {
            try (Journal journal = open()) {
                for (int i = 0; i < 50; i++) {
                    long position = append(journal, 100_000, i);
                    Journal.JournalLease lease = journal.lease(position);
                    lease.close();
                    journal.sync();
                }
                assertEquals(2, mappings("r--s"), "the window");
                assertTrue(descriptors() <= 6, "descriptors " + descriptors());
            }
            assertEquals(0, mappings("cq4"));
            assertEquals(0, descriptors());
        }
    }

    @Test
    void aMappingGoesWithItsLastLease() throws IOException {
        Journal journal = open();
        long position = append(journal, 100_000, 0);
        Journal.JournalLease one = journal.lease(position);
        Journal.JournalLease two = journal.lease(position);
        for (int i = 0; i < 40; i++) {
            append(journal, 100_000, i);
        }
        journal.sync();
        journal.deleteCycle(Journal.cycle(position));
        assertEquals(1, mappings("r--s"));
        one.close();
        assertEquals(1, mappings("r--s"));
        two.close();
        assertEquals(0, mappings("r--s"));
        assertThrows(IllegalStateException.class, two::close);
        journal.close();
    }

    @Test
    void readersRaceTheWindowAndDeletion() throws Exception {
        long seed = System.nanoTime();
        AtomicBoolean done = new AtomicBoolean();
        ExecutorService executor = Executors.newFixedThreadPool(2);
        try (Journal journal = open()) {
            AtomicLong latest = new AtomicLong(append(journal, 10_000, 0));
            List<Future<Long>> readers = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                long readerSeed = seed + i;
                readers.add(executor.submit(() -> readUntil(done, journal, latest, readerSeed)));
            }
            appendAndDelete(journal, latest);
            done.set(true);
            for (Future<Long> reader : readers) {
                assertTrue(reader.get() > 0, "seed " + seed);
            }
        } catch (ExecutionException e) {
            throw new AssertionError("seed " + seed, e);
        } finally {
            done.set(true);
            executor.shutdown();
        }
        assertEquals(0, mappings("cq4"));
    }

    private static void appendAndDelete(Journal journal, AtomicLong latest) throws IOException {
        for (int i = 0; i < 3000; i++) {
            latest.set(append(journal, 10_000, i));
            if (i % 50 == 0) {
                journal.sync();
                List<Journal.Cycle> cycles = journal.cycles();
                if (cycles.size() > 2) {
                    journal.deleteCycle(cycles.get(0).cycle());
                }
            }
        }
    }

    /** Leases what was appended lately, and checks the bytes: an unmapped read would crash. */
    private static long readUntil(
            AtomicBoolean done, Journal journal, AtomicLong latest, long seed) {
        Random random = new Random(seed);
        Envelope envelope = new Envelope();
        long count = 0;
        while (!done.get()) {
            long position = latest.get();
            int back = random.nextInt(3);
            Journal.JournalLease lease =
                    back == 0
                            ? journal.lease(position)
                            : journal.lease(Journal.position(Journal.cycle(position) - back, 404));
            if (lease != null) {
                int index = back == 0 ? (int) Journal.fileOffset(position) : 404;
                long at = back == 0 ? position : firstEntry(position, back);
                if (envelope.load(lease.buffer(), index, at) != null) {
                    throw new AssertionError("not an entry: position=" + at);
                }
                lease.close();
                count++;
            }
        }
        return count;
    }

    private static long firstEntry(long position, int back) {
        return Journal.position(Journal.cycle(position) - back, 404);
    }
}
