package io.headrace.testing.history;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Histories made by seed: those of a server that does everything right are never reported, and one
 * that was changed in one place is reported as exactly what was changed.
 */
final class GeneratedHistoryTest {
    private static final int CORRECT_COUNT = 4_000;
    private static final int CHANGED_COUNT = 60;
    private static final int TRIES_MAX = 20_000;
    private static final long SEED = Long.getLong("headrace.seed", System.nanoTime());

    @Test
    void correctHistoriesAreNeverReported() {
        Random random = new Random(SEED);
        for (int i = 0; i < CORRECT_COUNT; i++) {
            long seed = random.nextLong();
            Script script = generate(seed, i % 2 == 1);
            Report report = script.play();
            assertTrue(report.isClean(), () -> "headrace.seed=" + SEED + " " + report);
        }
    }

    static Stream<Arguments> mutations() {
        return Stream.of(
                plain(Anomaly.LOST_WRITE, Mutations::loseAcknowledged),
                plain(Anomaly.LOST_WRITE, Mutations::loseBeforeOthersThatStay),
                plain(Anomaly.LOST_WRITE, Mutations::loseInLaterCrash),
                plain(Anomaly.SILENT_LOSS, Mutations::loseInSilence),
                plain(Anomaly.DUPLICATE, Mutations::duplicate),
                plain(Anomaly.OFFSET_CONFLICT, Mutations::conflict),
                plain(Anomaly.NEVER_SENT, Mutations::readGarbage),
                plain(Anomaly.CORRUPT, Mutations::damage),
                plain(Anomaly.REORDERED, Mutations::reorder),
                plain(Anomaly.OFFSET_WENT_BACK, Mutations::goBack),
                plain(Anomaly.GAP, Mutations::leaveOut),
                plain(Anomaly.RETURNED, Mutations::bringBack),
                plain(Anomaly.UNSEEN, Mutations::leaveUnread),
                plain(Anomaly.READ_SKIPPED, Mutations::skip),
                plain(Anomaly.READ_WENT_BACK, Mutations::readAgain),
                plain(Anomaly.COMMIT_WENT_BACK, Mutations::commitBack),
                plain(Anomaly.COMMIT_NEVER_ASKED, Mutations::commitOfNobody),
                plain(Anomaly.COMMIT_BEYOND_END, Mutations::commitBeyondEnd),
                plain(Anomaly.ABORTED_READ, Mutations::readFailed),
                transactional(Anomaly.ABORTED_READ, Mutations::readAborted),
                transactional(Anomaly.UNCOMMITTED_READ, Mutations::readUncommitted),
                transactional(Anomaly.TORN_TRANSACTION, Mutations::tear),
                transactional(Anomaly.INFORMATION_CYCLE, Mutations::closeCircle));
    }

    private static Arguments plain(
            Anomaly anomaly, Function<Mutations, @Nullable Script> mutation) {
        return Arguments.of(anomaly, false, mutation);
    }

    private static Arguments transactional(
            Anomaly anomaly, Function<Mutations, @Nullable Script> mutation) {
        return Arguments.of(anomaly, true, mutation);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("mutations")
    void changedHistoriesAreReportedAsWhatWasChanged(
            Anomaly anomaly,
            boolean hasTransactions,
            Function<Mutations, @Nullable Script> mutation) {
        Random random = new Random(SEED);
        int changed = 0;
        for (int i = 0; changed < CHANGED_COUNT; i++) {
            assertTrue(i < TRIES_MAX, "no place to change; headrace.seed=" + SEED);
            long seed = random.nextLong();
            Script script = generate(seed, hasTransactions);
            Script made = mutation.apply(new Mutations(script, new Random(seed)));
            if (made != null) {
                changed++;
                Report report = made.play();
                assertEquals(
                        Set.of(anomaly),
                        report.anomalies(),
                        () -> "headrace.seed=" + SEED + " " + report);
            }
        }
    }

    private static Script generate(long seed, boolean hasTransactions) {
        int steps = 100 + (int) Math.floorMod(seed, 700L);
        return HistoryGenerator.generate(seed, steps, hasTransactions);
    }
}
