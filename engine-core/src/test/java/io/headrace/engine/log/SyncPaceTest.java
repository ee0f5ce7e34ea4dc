package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class SyncPaceTest {
    private static final long FORCE_NS = 300_000;

    private final SyncPace pace = new SyncPace();

    @Test
    void theFirstAppendIsForcedAtOnce() {
        assertTrue(pace.pauseNs(1, 12_345) <= 0);
    }

    @Test
    void aProducerAloneNeverWaits() {
        pace.onForced(1, 0, 0, FORCE_NS);
        assertTrue(pace.pauseNs(1, FORCE_NS) <= 0);
    }

    @Test
    void aForceInCompanyWaitsForThatCompanyAsLongAsTheLastOneTook() {
        pace.onForced(2, 1, 0, FORCE_NS);
        assertEquals(FORCE_NS, pace.pauseNs(1, FORCE_NS));
        assertEquals(FORCE_NS - 10, pace.pauseNs(2, FORCE_NS + 10));
        assertEquals(3, pace.expectedCount());
        assertTrue(pace.pauseNs(3, FORCE_NS + 10) <= 0, "all that was expected is here");
        assertTrue(pace.pauseNs(1, 2 * FORCE_NS) <= 0, "the pause is over");
    }

    @Test
    void whatComesLongAfterTheLastForceDoesNotWait() {
        pace.onForced(50, 50, 0, FORCE_NS);
        assertTrue(pace.pauseNs(1, 10 * FORCE_NS) <= 0);
    }

    @Test
    void aSlowDiskMakesNoLongPauses() {
        long slowNs = 80_000_000;
        pace.onForced(5, 5, 0, slowNs);
        assertEquals(SyncPace.PAUSE_US_MAX * 1000, pace.pauseNs(1, slowNs));
    }
}
