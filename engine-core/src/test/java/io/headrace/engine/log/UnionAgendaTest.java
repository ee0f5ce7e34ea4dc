package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.log.UnionAgenda.Trouble;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** In which order partitions below unions get their turns, and what waits for how long. */
final class UnionAgendaTest {
    private static final long SECOND_NS = TimeUnit.SECONDS.toNanos(1);

    private final UnionAgenda agenda = new UnionAgenda(4, 2);

    private static UnionPart part(int topicId) {
        return new UnionPart(1, topicId, 0);
    }

    @Test
    void whatHasMoreGetsItsNextTurnBehindTheOthers() {
        agenda.risen(part(1));
        agenda.more(part(2));
        agenda.more(part(3));
        assertEquals(part(1), agenda.nextRisen());
        agenda.more(part(1));
        agenda.risen(part(1));
        assertFalse(agenda.hasRisen(), "waits twice");
        assertEquals(part(2), agenda.nextOfBacklog());
        agenda.more(part(2));
        assertEquals(part(3), agenda.nextOfBacklog());
        assertEquals(part(1), agenda.nextOfBacklog());
        assertEquals(part(2), agenda.nextOfBacklog());
        assertNull(agenda.nextOfBacklog());
    }

    @Test
    void whatIsDamagedWaitsLongerEachTimeAndIsNewsOnce() {
        assertTrue(agenda.putOff(part(1), Trouble.DAMAGED, 0));
        for (int pause = 30; pause <= 120; pause *= 2) {
            agenda.risen(part(1));
            assertFalse(agenda.hasRisen(), "tried with each new record");
            assertFalse(agenda.isDue(pause * SECOND_NS - 1));
            assertTrue(agenda.isDue(pause * SECOND_NS));
            agenda.takeDue(pause * SECOND_NS);
            assertEquals(part(1), agenda.nextOfBacklog());
            assertFalse(agenda.putOff(part(1), Trouble.DAMAGED, 0));
        }
        for (int i = 0; i < 20; i++) {
            agenda.takeDue(Long.MAX_VALUE / 2);
            assertEquals(part(1), agenda.nextOfBacklog());
            agenda.putOff(part(1), Trouble.DAMAGED, 0);
        }
        assertTrue(agenda.isDue(600 * SECOND_NS));
        assertTrue(agenda.putOff(part(1), Trouble.SHORTER, 0), "another trouble");
        assertEquals(Trouble.SHORTER, agenda.settled(part(1)));
        assertNull(agenda.settled(part(1)));
        assertTrue(agenda.putOff(part(1), Trouble.SHORTER, 0), "it was sound since");
    }

    @Test
    void whatIsBusyForAMomentIsTriedWithItsNextRecord() {
        agenda.putOff(part(1), Trouble.BUSY, 0);
        agenda.risen(part(1));
        assertEquals(part(1), agenda.nextRisen());
        assertEquals(Trouble.BUSY, agenda.settled(part(1)));
        assertFalse(agenda.hasPutOff());
    }

    @Test
    void whatFindsNoRoomIsSaidToBeMissing() {
        for (int i = 0; i < 4; i++) {
            agenda.more(part(i));
        }
        agenda.more(part(3));
        assertFalse(agenda.hasDropped());
        assertFalse(agenda.hasRoomForFound());
        agenda.more(part(4));
        assertTrue(agenda.hasDropped());
        assertFalse(agenda.hasDropped());
    }

    @Test
    void whatIsInTroubleAndFindsNoRoomIsLookedForAfterAWhile() {
        for (int i = 0; i < 4; i++) {
            agenda.putOff(part(i), Trouble.DAMAGED, 0);
        }
        agenda.takeDue(SECOND_NS);
        assertFalse(agenda.hasDropped());
        agenda.takeDue(30 * SECOND_NS);
        assertTrue(agenda.hasDropped());
        assertEquals(part(0), agenda.nextOfBacklog());
        assertEquals(part(1), agenda.nextOfBacklog());
        assertNull(agenda.nextOfBacklog());
    }
}
