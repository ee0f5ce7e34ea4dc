package io.headrace.rocks;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.spi.MetadataStore;
import io.headrace.engine.spi.MetadataStore.Cursor;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A store without a log of its own keeps a prefix of its batches when its process is killed. */
class RocksCrashTest {
    private static final int CRASH_COUNT = 4;
    private static final int BATCHES_MAX = 40_000;

    @TempDir Path directory;

    @Test
    void aKilledProcessLeavesAPrefixThatHoldsWhatWasFlushed() throws Exception {
        long seed = new Random().nextLong();
        System.out.println("RocksCrashTest seed=" + seed);
        Random random = new Random(seed);
        for (int crash = 0; crash < CRASH_COUNT; crash++) {
            Path folder = directory.resolve("crash-" + crash);
            long flushed = writeAndKill(folder, 1 + random.nextInt(BATCHES_MAX));
            assertIsPrefix(folder, flushed, "seed=" + seed + " crash=" + crash);
        }
    }

    /**
     * Kills the writer once it flushed a number of batches; returns the last batch it said was
     * flushed.
     */
    private long writeAndKill(Path folder, long batchCount) throws Exception {
        Path errors = directory.resolve("writer.err");
        Process writer = startWriter(folder, errors);
        long flushed = -1;
        try (BufferedReader lines = writer.inputReader(UTF_8)) {
            while (flushed < batchCount) {
                flushed = parse(lines.readLine(), errors);
            }
            // By its handle: the process object would close the pipe, and lose what was printed.
            writer.toHandle().destroyForcibly();
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                flushed = parse(line, errors);
            }
        } finally {
            writer.destroyForcibly();
            assertTrue(writer.waitFor(30, TimeUnit.SECONDS));
        }
        return flushed;
    }

    private static long parse(String line, Path errors) throws IOException {
        assertNotNull(line, "the writer ended by itself: " + Files.readString(errors));
        return Long.parseLong(line);
    }

    private static Process startWriter(Path folder, Path errors) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx64m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        CrashingWriter.class.getName(),
                        folder.toString())
                .redirectError(errors.toFile())
                .start();
    }

    private static void assertIsPrefix(Path folder, long flushed, String context) {
        NavigableMap<String, String> found = read(folder);
        long last = Long.parseLong(found.getOrDefault(CrashingWriter.LAST, "0"));
        System.out.println("RocksCrashTest flushed=" + flushed + " found=" + last);
        assertTrue(last >= flushed, context + " flushed=" + flushed + " found=" + last);
        NavigableMap<String, String> expected = new TreeMap<>();
        for (long number = 1; number <= last; number++) {
            CrashingWriter.change(number, expected);
        }
        assertEquals(expected, found, context);
    }

    private static NavigableMap<String, String> read(Path folder) {
        NavigableMap<String, String> entries = new TreeMap<>();
        try (MetadataStore store = CrashingWriter.open(folder);
                Cursor cursor = store.cursor()) {
            for (boolean at = cursor.seek(new byte[0]); at; at = cursor.next()) {
                entries.put(new String(cursor.key(), UTF_8), new String(cursor.value(), UTF_8));
            }
        }
        return entries;
    }
}
