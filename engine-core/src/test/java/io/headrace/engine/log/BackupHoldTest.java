package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class BackupHoldTest {
    private long nowNs;
    private final BackupHold hold = new BackupHold(() -> nowNs);

    @Test
    void aClientThatIsGoneHoldsNothingAfterItsLease() {
        hold.begin("a");
        pass(10 * BackupHold.LEASE_MS);
        assertTrue(hold.isHeld(), "the time runs before the client has been told");
        hold.renew("a");
        pass(BackupHold.LEASE_MS - 1);
        assertTrue(hold.isHeld());
        pass(1);
        assertFalse(hold.isHeld());
        refused("not renewed in time", () -> hold.renew("a"));
        hold.begin("b");
    }

    @Test
    void whoRenewsHolds() {
        hold.begin("a");
        for (int i = 0; i < 100; i++) {
            hold.renew("a");
            pass(BackupHold.LEASE_MS - 1);
        }
        assertTrue(hold.isHeld());
    }

    @Test
    void oneAtATime() {
        hold.begin("a");
        refused("id=a", () -> hold.begin("b"));
        hold.end("b");
        assertTrue(hold.isHeld());
        hold.end("a");
        hold.end("a");
        hold.begin("b");
    }

    @Test
    void saysWhyItWasLost() {
        hold.begin("a");
        hold.renew("a");
        hold.lose("space is short");
        assertFalse(hold.isHeld());
        refused("space is short", () -> hold.renew("a"));
        refused("no such backup", () -> hold.renew("b"));
    }

    private void pass(long ms) {
        nowNs += TimeUnit.MILLISECONDS.toNanos(ms);
    }

    private static void refused(String why, Runnable call) {
        EngineException refused = assertThrows(EngineException.class, call::run);
        assertTrue(refused.getMessage().contains(why), refused.getMessage());
    }
}
