package io.headrace.engine.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.testing.FaultyDisk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A crash tears the journal at the bytes of its last entries, which have lengths of every
 * remainder, go through the mapping or a write call, and carry a payload or none. What was whole
 * before the tear is there afterwards, and the journal goes on.
 */
class JournalTornTailTest {
    private static final long SEED = Long.getLong("headrace.seed", System.nanoTime());
    private static final int SYNCED_COUNT = 3;
    private static final int[] VALUE_LENGTHS = {20, 0, 300, 0, 1, 2, 3, 4, 5, 9000, 6, 7};

    /** A journal's whole start is slow; it is tried once in so many bytes. */
    private static final int STARTED_ONE_IN = 500;

    /** Envelope and header of a batch lie within it. */
    private static final int NEAR = 160;

    private static final int STRIDE = 13;

    /** What stands behind the tear. */
    enum Behind {
        NOTHING {
            @Override
            byte[] of(byte[] intact, int torn, Random random) {
                return Arrays.copyOf(intact, torn);
            }
        },
        ZEROS {
            @Override
            byte[] of(byte[] intact, int torn, Random random) {
                return Arrays.copyOf(Arrays.copyOf(intact, torn), intact.length);
            }
        },
        NOISE {
            @Override
            byte[] of(byte[] intact, int torn, Random random) {
                byte[] bytes = new byte[intact.length];
                random.nextBytes(bytes);
                System.arraycopy(intact, 0, bytes, 0, torn);
                return bytes;
            }
        };

        abstract byte[] of(byte[] intact, int torn, Random random);
    }

    @TempDir Path temporary;
    private Path journal;
    private Path file;
    private byte[] intact;

    /** Where each entry's document header begins, and its last byte ends. */
    private final List<int[]> entries = new ArrayList<>();

    @BeforeEach
    void crash() throws IOException {
        Path live = temporary.resolve("live");
        journal = temporary.resolve("journal");
        try (Journal writing = ChronicleJournal.open(context(live))) {
            for (int i = 0; i < VALUE_LENGTHS.length; i++) {
                append(writing, Batches.batch(VALUE_LENGTHS[i], i), EntryType.BATCH, i);
                if (i == SYNCED_COUNT - 1) {
                    writing.sync();
                }
            }
            append(writing, ByteBuffer.allocate(0), EntryType.LOG_START, VALUE_LENGTHS.length);
            FaultyDisk.copy(live, journal);
        }
        try (var paths = Files.walk(journal)) {
            file = paths.filter(path -> path.toString().endsWith(".cq4")).findAny().orElseThrow();
        }
        int end = entries.get(entries.size() - 1)[1];
        intact = Arrays.copyOf(Files.readAllBytes(file), end + 64);
    }

    private void append(Journal writing, ByteBuffer payload, EntryType type, int offset) {
        long position = writing.append(type, 1, 0, offset, 0, payload);
        int at = (int) Journal.fileOffset(position);
        entries.add(new int[] {at - Integer.BYTES, at + Envelope.entryLength(payload.remaining())});
    }

    private static JournalContext context(Path folder) {
        return new JournalContext()
                .folder(folder)
                .cycleBytes(1 << 20)
                .diskReserveBytes(0)
                .disk(new FaultyDisk(folder, SEED));
    }

    @ParameterizedTest
    @EnumSource(Behind.class)
    void whatIsWholeBeforeTheTearIsThere(Behind behind) throws IOException {
        System.out.println("headrace.seed=" + SEED);
        Random random = new Random(SEED);
        int from = entries.get(SYNCED_COUNT)[0];
        int to = entries.get(entries.size() - 1)[1];
        for (int torn = from; torn <= to; torn += step(torn)) {
            byte[] bytes = behind.of(intact, torn, random);
            Files.write(file, bytes);
            Files.deleteIfExists(file.resolveSibling(FolderRecord.END));
            int expected = wholeCount(bytes);
            String what = behind + " from byte " + torn;
            assertEquals(expected, recovered(what), what);
            if (random.nextInt(STARTED_ONE_IN) == 0) {
                assertGoesOn(expected, what);
            }
        }
    }

    /** Byte by byte, but in strides through the middle of what is longer than a page. */
    private int step(int torn) {
        boolean isNearAnEnd =
                entries.stream()
                        .flatMapToInt(Arrays::stream)
                        .anyMatch(end -> Math.abs(end - torn) <= NEAR);
        return isNearAnEnd ? 1 : STRIDE;
    }

    /** Entries of which every byte is as it was written. */
    private int wholeCount(byte[] bytes) {
        int count = 0;
        for (int[] entry : entries) {
            int end = entry[1];
            if (bytes.length < end || !Arrays.equals(bytes, 0, end, intact, 0, end)) {
                return count;
            }
            count++;
        }
        return count;
    }

    /** Recovers without the rest of a start, and counts the entries up to the recorded end. */
    private int recovered(String what) throws IOException {
        FaultyDisk disk = new FaultyDisk(journal, SEED);
        StartFolder folder = StartFolder.list(journal, disk).get(0);
        List<CycleFile> cycles = new Recovery(folder, true, 0, disk).cycles();
        assertEquals(1, cycles.size(), what);
        try (CycleReader reader = new CycleReader(file, cycles.get(0).cycle(), disk)) {
            int count = 0;
            while (reader.next() == CycleReader.Found.ENTRY) {
                count++;
            }
            assertEquals(cycles.get(0).endOffset(), reader.offset(), what);
            return count;
        }
    }

    private void assertGoesOn(int expected, String what) throws IOException {
        Path started = Files.createTempDirectory(temporary, "started").resolve("journal");
        FaultyDisk.copy(journal, started);
        for (int start = 0; start < 2; start++) {
            try (Journal next = ChronicleJournal.open(context(started))) {
                assertEquals(expected + start, JournalContractTest.replayAll(next).size(), what);
                next.append(EntryType.BATCH, 1, 0, expected, 0, Batches.batch(20, expected));
            }
        }
    }

    @Test
    void theLastEntriesHaveEveryRemainder() {
        for (int remainder = 0; remainder < Integer.BYTES; remainder++) {
            int wanted = remainder;
            assertTrue(
                    entries.stream().anyMatch(entry -> entry[1] % Integer.BYTES == wanted),
                    "remainder " + wanted);
        }
    }
}
