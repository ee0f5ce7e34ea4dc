package io.headrace.server.powercut;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiskAfterCutTest {
    private static final int SECTOR = WriteLog.SECTOR_BYTES;
    private static final int SECTORS = 64;
    private static final int TOSSES = 200;

    @TempDir Path folder;

    private final Set<Integer> cutAfter = new TreeSet<>();
    private long toldPosition;
    private int segments;
    private final ByteArrayOutputStream log = new ByteArrayOutputStream();

    @BeforeEach
    void beginLog() {
        log.writeBytes(new byte[SECTOR]);
    }

    @Test
    void whatWasFlushedStays() throws IOException {
        write(10, 4, 1);
        write(12, 1, 2);
        flush();
        toldPosition = log.size();
        for (int seed = 0; seed < TOSSES; seed++) {
            byte[] disk = cut(seed);
            assertEquals(0, disk[9 * SECTOR]);
            assertEquals(1, disk[11 * SECTOR]);
            assertEquals(2, disk[12 * SECTOR]);
            assertEquals(1, disk[13 * SECTOR]);
        }
    }

    @Test
    void whatWasNotFlushedIsKeptOrLostOrTornInAnyOrder() throws IOException {
        write(10, 2, 1);
        flush();
        write(10, 2, 2);
        write(10, 2, 3);
        toldPosition = log.size();
        boolean[][] seen = new boolean[4][4];
        for (int seed = 0; seed < TOSSES; seed++) {
            byte[] disk = cut(seed);
            seen[disk[10 * SECTOR]][disk[11 * SECTOR]] = true;
        }
        for (int first = 1; first <= 3; first++) {
            for (int second = 1; second <= 3; second++) {
                assertTrue(seen[first][second], "never seen: " + first + " " + second);
            }
        }
    }

    @Test
    void theCutIsNotBeforeWhatSomebodyWasTold() throws IOException {
        write(10, 1, 1);
        flush();
        toldPosition = log.size();
        flush();
        write(11, 1, 2);
        flush();
        write(12, 1, 3);
        for (int seed = 0; seed < TOSSES; seed++) {
            assertEquals(1, cut(seed)[10 * SECTOR]);
        }
        assertEquals(Set.of(4, 6), cutAfter);
    }

    @Test
    void theSuperblockIsNotTorn() throws IOException {
        write(0, 8, 1);
        for (int seed = 0; seed < TOSSES; seed++) {
            byte[] disk = cut(seed);
            assertEquals(disk[0], disk[8 * SECTOR - 1]);
        }
    }

    @Test
    void theSameSeedMakesTheSameDisk() throws IOException {
        write(10, 40, 1);
        assertArrayEquals(cut(7), cut(7));
    }

    @Test
    void aRequestThatTheKillCutOffWasNotMade() throws IOException {
        write(10, 1, 1);
        write(20, 2, 1);
        Path file = writeLog(log.size() - SECTOR);
        try (WriteLog requests = WriteLog.open(file)) {
            assertNotNull(requests.next());
            assertNull(requests.next());
        }
    }

    @Test
    void aHoleIsNotTakenForTheEnd() throws IOException {
        log.writeBytes(new byte[2 * SECTOR]);
        write(20, 2, 1);
        try (WriteLog requests = WriteLog.open(writeLog(log.size()))) {
            assertThrows(IOException.class, requests::next);
        }
    }

    @Test
    void aSegmentIsCountedOnceHoweverOftenItIsWritten() throws IOException {
        write(10, 2, 1);
        for (int i = 0; i < 2; i++) {
            segment(20, 3, 1);
            segment(40, 2, 0);
        }
        flush();
        toldPosition = log.size();
        write(60, 1, 1);
        cut(1);
        assertEquals(2, segments);
    }

    /** Of whose sectors one begins a segment. */
    private void segment(long sector, int sectors, int beginsAt) {
        header(sector, sectors, 0);
        byte[] data = new byte[sectors * SECTOR];
        ByteBuffer.wrap(data).put(beginsAt * SECTOR, "HRSEGM01".getBytes(US_ASCII));
        log.writeBytes(data);
    }

    private void write(long sector, int sectors, int value) {
        header(sector, sectors, 0);
        byte[] data = new byte[sectors * SECTOR];
        Arrays.fill(data, (byte) value);
        log.writeBytes(data);
    }

    private void flush() {
        header(0, 0, 1);
    }

    private void header(long sector, long sectors, long flags) {
        log.writeBytes(
                ByteBuffer.allocate(SECTOR)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(sector)
                        .putLong(sectors)
                        .putLong(flags)
                        .array());
    }

    private byte[] cut(long seed) throws IOException {
        Path disk = folder.resolve("disk");
        Files.write(disk, new byte[SECTORS * SECTOR]);
        try (WriteLog requests = WriteLog.open(writeLog(log.size()));
                FileChannel channel = FileChannel.open(disk, StandardOpenOption.WRITE)) {
            DiskAfterCut.Summary summary =
                    DiskAfterCut.make(
                            requests,
                            channel,
                            new Random(new SplittableRandom(seed).nextLong()),
                            toldPosition);
            cutAfter.add(summary.cutAfter());
            segments = summary.segments();
        }
        return Files.readAllBytes(disk);
    }

    private Path writeLog(int length) throws IOException {
        return Files.write(folder.resolve("log"), Arrays.copyOf(log.toByteArray(), length));
    }
}
