package io.headrace.engine.log;

import io.headrace.engine.EngineException;
import io.headrace.engine.spi.Disk;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.function.LongSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The time by which things are old enough to go: the wall clock's, but never much faster than time
 * passes. A clock that is set forward would otherwise take away in a moment what should have stayed
 * for hours; the machine's own count of time since its boot cannot be set. So this clock believes
 * in a moment of boot, follows at once when the wall clock says an earlier one, and a later one
 * only by {@value #CATCH_UP_PER_MILLE} ‰ of the time that passes.
 *
 * <p>The belief is kept in a file, because a clock may be set between two starts as well. After
 * another boot the wall clock is all there is. Without that file it is too, so that a disk that
 * refuses to take it holds nothing up. (docs/design/age.md)
 *
 * <p>Thread-safe.
 */
final class RetentionClock {
    /** How much faster than time it goes while it catches up. */
    static final int CATCH_UP_PER_MILLE = 50;

    private static final Logger LOGGER = LoggerFactory.getLogger(RetentionClock.class);

    /** A belief that has moved by less is not worth a write; what time servers adjust is not. */
    private static final long NOTED_MS = 10_000;

    /** A belief about the time of boot is good as long as the machine has not been up for less. */
    private static final long UPTIME_NOTED_MS = 10 * 60_000;

    /** From one warning about a clock that was set forward to the next. */
    private static final long WARNING_INTERVAL_MS = 3_600_000;

    /** 2026-01-01: a clock that says less has not been set yet, and nothing is held against it. */
    private static final long EARLIEST_MS = 1_767_225_600_000L;

    private static final Pattern CONTENT =
            Pattern.compile(
                    "version=1\nboot=([^\n]*)\nbooted=(-?\\d{1,18})\n(?:uptime=(\\d{1,18})\n)?");

    private final Path file;
    private final Disk disk;
    private final String bootId;
    private final LongSupplier clockMs;
    private final LongSupplier uptimeMs;

    /** When the machine was booted, as far as this clock believes. */
    private long bootedMs;

    private long notedMs = Long.MIN_VALUE;
    private long notedUptimeMs;
    private long lastUptimeMs;
    private long warnedUptimeMs = Long.MIN_VALUE;
    private boolean isNoteFailing;
    private volatile long latestMs;
    private volatile long lagMs;

    /**
     * @param file where the belief is kept
     * @param bootId of this boot
     * @param clockMs the wall clock
     * @param uptimeMs time since the boot
     * @throws EngineException if the file has a content that is not known
     */
    RetentionClock(Path file, Disk disk, String bootId, LongSupplier clockMs, LongSupplier uptimeMs)
            throws IOException {
        this.file = file;
        this.disk = disk;
        this.bootId = bootId;
        this.clockMs = clockMs;
        this.uptimeMs = uptimeMs;
        lastUptimeMs = uptimeMs.getAsLong();
        bootedMs = clockMs.getAsLong() - lastUptimeMs;
        believeWhatWasNoted();
        nowMs();
    }

    private void believeWhatWasNoted() throws IOException {
        byte[] content = disk.readIfExists(file);
        if (content == null) {
            return;
        }
        String text = new String(content, StandardCharsets.UTF_8);
        Matcher matcher = CONTENT.matcher(text);
        if (!matcher.matches()) {
            throw new EngineException(
                    "unknown content; the file may be deleted if the clock is right: file="
                            + file
                            + " text="
                            + text.trim());
        }
        long uptime = matcher.group(3) == null ? 0 : Long.parseLong(matcher.group(3));
        // A container begins to count anew, and has the boot id of its host.
        if (matcher.group(1).equals(bootId) && uptime <= lastUptimeMs) {
            notedMs = Long.parseLong(matcher.group(2));
            notedUptimeMs = uptime;
            bootedMs = isPlausible(notedMs) ? Math.min(bootedMs, notedMs) : bootedMs;
        }
    }

    private boolean isPlausible(long boot) {
        return boot + lastUptimeMs >= EARLIEST_MS;
    }

    /** The time by which things are old, in milliseconds since 1970. */
    synchronized long nowMs() {
        long uptime = uptimeMs.getAsLong();
        long saidMs = clockMs.getAsLong() - uptime;
        long catchUpMs = (uptime - lastUptimeMs) * CATCH_UP_PER_MILLE / 1000;
        lastUptimeMs = uptime;
        if (!isPlausible(bootedMs)) {
            bootedMs = saidMs;
        } else if (isPlausible(saidMs)) {
            bootedMs = Math.min(saidMs, bootedMs + Math.max(0, catchUpMs));
        }
        lagMs = Math.max(0, saidMs - bootedMs);
        latestMs = bootedMs + uptime;
        warnIfLagging();
        note();
        return latestMs;
    }

    /** What {@link #nowMs} was when it was asked last. */
    long latestMs() {
        return latestMs;
    }

    /** How far it is behind the wall clock, in milliseconds. */
    long lagMs() {
        return lagMs;
    }

    private void warnIfLagging() {
        boolean isDue =
                warnedUptimeMs == Long.MIN_VALUE
                        || lastUptimeMs - warnedUptimeMs >= WARNING_INTERVAL_MS;
        if (lagMs > NOTED_MS && isDue) {
            warnedUptimeMs = lastUptimeMs;
            LOGGER.warn(
                    "the clock was set forward by {} ms, retention follows slowly: file={}",
                    lagMs,
                    file);
        }
    }

    private void note() {
        boolean isNoted =
                notedMs != Long.MIN_VALUE
                        && Math.abs(bootedMs - notedMs) <= NOTED_MS
                        && lastUptimeMs - notedUptimeMs < UPTIME_NOTED_MS;
        if (isNoted) {
            return;
        }
        String content =
                "version=1\nboot="
                        + bootId
                        + "\nbooted="
                        + bootedMs
                        + "\nuptime="
                        + lastUptimeMs
                        + "\n";
        try {
            disk.replace(file, content.getBytes(StandardCharsets.UTF_8));
            notedMs = bootedMs;
            notedUptimeMs = lastUptimeMs;
            isNoteFailing = false;
        } catch (IOException e) {
            reportFailingNote(e);
        }
    }

    /** Once until it succeeds: it is tried again at each pass. */
    private void reportFailingNote(IOException e) {
        if (!isNoteFailing) {
            isNoteFailing = true;
            LOGGER.warn(
                    "what retention knows of the clock cannot be kept: file={} cause={}",
                    file,
                    e.toString());
        }
    }
}
