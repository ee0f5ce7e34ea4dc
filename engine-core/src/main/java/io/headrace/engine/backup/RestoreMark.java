package io.headrace.engine.backup;

import io.headrace.engine.EngineException;
import io.headrace.engine.spi.Disk;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What a restored or repaired data folder says to its next start: nobody knows what was given out
 * besides what is here, so go on above it (docs/design/backup.md).
 *
 * @param backupId of the backup; {@code repair} if the journals were repaired
 * @param leaderEpoch the least that the start may take
 * @param floor offsets, topic ids and producer ids below it may have been used
 */
public record RestoreMark(String backupId, int leaderEpoch, long floor) {
    /** The file's name while the restore is under way. */
    public static final String RESTORING = "RESTORING";

    /** The file's name from the moment that the folder is complete. */
    public static final String RESTORED = "RESTORED";

    /** 2020-01-01, in seconds since 1970. */
    private static final long EPOCH_S = 1_577_836_800;

    private static final int IDS_PER_NUMBER = 1 << 20;

    /** Leaves so many starts until leader epochs have no room any more. */
    private static final int STARTS_MIN = 1 << 24;

    /** The highest that a mark can be made of. */
    public static final int NUMBER_MAX = Integer.MAX_VALUE - STARTS_MIN;

    private static final Pattern TEXT =
            Pattern.compile(
                    "(version=1\nbackup=([0-9a-z-]{1,64})\nepoch=(\\d{1,10})\nfloor=(\\d{1,19})\n)"
                            + "crc=([0-9a-f]{8})\n");

    /**
     * The mark of a restore or a repair.
     *
     * @param number grows from one to the next: {@link #numberAt}
     * @param lowest that is above all that is known to have been given out
     * @throws EngineException if the number is below that, or leaves no room for later ones
     */
    public static RestoreMark of(String backupId, int number, int lowest) {
        if (number < lowest || number > NUMBER_MAX) {
            throw new EngineException(
                    "the clock is before the time of what was kept, or far off; set it, or give a"
                            + " --number: number="
                            + number
                            + " allowed="
                            + lowest
                            + " to "
                            + NUMBER_MAX);
        }
        return new RestoreMark(backupId, number, (long) number * IDS_PER_NUMBER);
    }

    /** The number of a restore at that time. */
    public static int numberAt(long timeMs) {
        return (int) Math.min(Integer.MAX_VALUE, Math.max(1, timeMs / 1000 - EPOCH_S));
    }

    /** The lowest number whose floor is not below that offset or id. */
    public static int numberAbove(long offset) {
        return (int) Math.min(Integer.MAX_VALUE, Math.floorDiv(offset - 1, IDS_PER_NUMBER) + 1);
    }

    /** As high as both. */
    public RestoreMark andAlso(@Nullable RestoreMark other) {
        return other == null
                ? this
                : new RestoreMark(
                        backupId,
                        Math.max(leaderEpoch, other.leaderEpoch),
                        Math.max(floor, other.floor));
    }

    String text() {
        String lines =
                "version=1\nbackup=%s\nepoch=%d\nfloor=%d\n"
                        .formatted(backupId, leaderEpoch, floor);
        return lines + "crc=" + Checksum.hex(Checksum.of(lines)) + "\n";
    }

    /** Puts a mark into a data folder that is not in use, on stable storage. */
    public static void write(Path folder, RestoreMark mark, Disk disk) throws IOException {
        disk.replace(folder.resolve(RESTORED), mark.text().getBytes(StandardCharsets.UTF_8));
    }

    /** The mark in a data folder; null if it has none. */
    public static @Nullable RestoreMark read(Path folder) throws IOException {
        Path file = folder.resolve(RESTORED);
        if (!Files.exists(file)) {
            return null;
        }
        Matcher matcher = TEXT.matcher(Files.readString(file, StandardCharsets.UTF_8));
        if (!matcher.matches()
                || !matcher.group(5).equals(Checksum.hex(Checksum.of(matcher.group(1))))) {
            throw new EngineException("unknown content, restore again: file=" + file);
        }
        return new RestoreMark(
                matcher.group(2),
                Integer.parseInt(matcher.group(3)),
                Long.parseLong(matcher.group(4)));
    }

    /**
     * Refuses a folder that a restore has not finished.
     *
     * @throws EngineException naming it
     */
    public static void refuseUnfinished(Path folder) {
        if (Files.exists(folder.resolve(RESTORING))) {
            throw new EngineException(
                    "restore into the data folder was not finished, run it again: folder="
                            + folder);
        }
    }
}
