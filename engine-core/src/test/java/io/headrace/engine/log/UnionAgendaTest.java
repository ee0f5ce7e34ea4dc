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
    private static final long MS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long SECOND_NS = TimeUnit.SECONDS.toNanos(1);

    private final UnionAgenda agenda = new UnionAgenda(4, 2);

    private static UnionPart part(int topicId) {
        return new UnionPart(1, topicId, 0);
    }

    @Test
    void whatHasMoreGetsItsNextTurnBehindTheOthers() {
        agenda.risen(part(1), true);
        agenda.more(part(2));
        agenda.more(part(3));
        assertEquals(part(1), agenda.nextRisen());
        agenda.more(part(1));
        agenda.risen(part(1), true);
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
            agenda.risen(part(1), true);
            assertFalse(agenda.hasRisen(), "tried with each new record");
            assertFalse(agenda.isDue(pause * SECOND_NS - 1));
            assertTrue(agenda.isDue(pause * SECOND_NS));
            agenda.takeDue(pause * SECOND_NS, part -> false);
            assertEquals(part(1), agenda.nextOfBacklog());
            assertFalse(agenda.putOff(part(1), Trouble.DAMAGED, 0));
        }
        for (int i = 0; i < 20; i++) {
            agenda.takeDue(Long.MAX_VALUE / 2, part -> false);
            assertEquals(part(1), agenda.nextOfBacklog());
            agenda.putOff(part(1), Trouble.DAMAGED, 0);
        }
        assertFalse(agenda.isDue(600 * SECOND_NS - 1));
        assertTrue(agenda.isDue(600 * SECOND_NS));
        assertTrue(agenda.putOff(part(1), Trouble.SHORTER, 0), "another trouble");
        assertEquals(30 * SECOND_NS, agenda.untilDueNs(0), "and its own pause");
        assertEquals(Trouble.SHORTER, agenda.settled(part(1)));
        assertNull(agenda.settled(part(1)));
        assertTrue(agenda.putOff(part(1), Trouble.SHORTER, 0), "it was sound since");
    }

    @Test
    void whatIsBusyForAMomentIsTriedWithItsNextRecord() {
        agenda.putOff(part(1), Trouble.BUSY, 0);
        agenda.risen(part(1), true);
        assertEquals(part(1), agenda.nextRisen());
        assertEquals(Trouble.BUSY, agenda.settled(part(1)));
        assertEquals(Long.MAX_VALUE, agenda.untilDueNs(0));
    }

    @Test
    void whatIsBusyWaitsLongerEachTimeItIsDueHoweverManyRecordsComeMeanwhile() {
        assertTrue(agenda.putOff(part(1), Trouble.BUSY, 0));
        for (int i = 0; i < 20; i++) {
            agenda.risen(part(1), true);
            assertEquals(part(1), agenda.nextRisen());
            assertFalse(agenda.putOff(part(1), Trouble.BUSY, 50 * MS));
        }
        assertEquals(50 * MS, agenda.untilDueNs(50 * MS));
        agenda.takeDue(100 * MS, part -> false);
        assertFalse(agenda.putOff(part(1), Trouble.BUSY, 100 * MS));
        assertEquals(200 * MS, agenda.untilDueNs(100 * MS));
        assertTrue(agenda.putOff(part(1), Trouble.DAMAGED, 100 * MS), "another trouble");
        assertEquals(30 * SECOND_NS, agenda.untilDueNs(100 * MS));
    }

    @Test
    void whatHasNewlyRisenGoesOnBesideTheBacklogInItsTurn() {
        agenda.risen(part(1), false);
        agenda.more(part(2));
        assertEquals(part(1), agenda.nextRisen());
        agenda.risen(part(3), true);
        agenda.again(part(1));
        agenda.risen(part(2), true);
        assertEquals(2, agenda.risenCount(), "what is backlog stays there");
        assertEquals(part(3), agenda.nextRisen());
        assertEquals(part(1), agenda.nextRisen());
        agenda.risen(part(2), false);
        assertFalse(agenda.hasBacklog());
        assertEquals(part(2), agenda.nextRisen());
    }

    @Test
    void whatGoesOnLeavesHalfTheRoomToWhatRises() {
        agenda.risen(part(1), false);
        agenda.awaitRead(part(2));
        agenda.again(part(3));
        assertEquals(2, agenda.risenRoom());
        assertEquals(part(3), agenda.nextOfBacklog());
        agenda.risen(part(2), false);
        assertEquals(part(1), agenda.nextRisen());
        assertNull(agenda.nextRisen());
        assertEquals(part(2), agenda.nextUnread());
        assertTrue(agenda.isIdle());
    }

    @Test
    void nothingIsDueWhereNothingIsPutOff() {
        agenda.more(part(1));
        assertEquals(Long.MAX_VALUE, agenda.untilDueNs(0));
        for (int i = 0; i < 3; i++) {
            agenda.putOff(part(i), Trouble.SHORTER, 5);
        }
        assertEquals(30 * SECOND_NS, agenda.untilDueNs(5));
        agenda.takeDue(5 + 30 * SECOND_NS, part -> false);
        assertEquals(Long.MAX_VALUE, agenda.untilDueNs(5 + 30 * SECOND_NS));
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
        agenda.takeDue(SECOND_NS, part -> false);
        assertFalse(agenda.hasDropped());
        agenda.takeDue(30 * SECOND_NS, part -> false);
        assertTrue(agenda.hasDropped());
        assertEquals(part(0), agenda.nextOfBacklog());
        assertEquals(part(1), agenda.nextOfBacklog());
        assertNull(agenda.nextOfBacklog());
    }
}
