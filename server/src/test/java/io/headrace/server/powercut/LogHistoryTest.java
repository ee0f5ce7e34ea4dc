package io.headrace.server.powercut;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.server.powercut.LogHistory.Promise;
import org.junit.jupiter.api.Test;

/** Each promise broken once: the check has to see it. */
class LogHistoryTest {
    private final LogHistory kept = new LogHistory("kept", Promise.KEPT);
    private final LogHistory lossy = new LogHistory("lossy", Promise.MAY_BE_LOST);

    @Test
    void findsWhatWasSentAndKeepsWhatItFound() {
        long first = acknowledge(kept, 0, 0);
        long unacknowledged = kept.send(0);
        LogHistory.Reading reading = kept.read(0);
        reading.record(0, Payload.of(first));
        reading.record(1, Payload.of(unacknowledged));
        assertEquals(2, reading.end());
        // It has been read, so it stays.
        LogHistory.Reading later = kept.read(0);
        later.record(0, Payload.of(first));
        assertBroken("acknowledged and lost", later::end);
    }

    @Test
    void seesAcknowledgedRecordsThatAreGone() {
        acknowledge(kept, 0, 0);
        assertBroken("acknowledged and lost", () -> kept.read(0).end());
    }

    @Test
    void seesRecordsTwice() {
        long id = acknowledge(kept, 0, 0);
        LogHistory.Reading reading = kept.read(0);
        reading.record(0, Payload.of(id));
        assertBroken("out of order or twice", () -> reading.record(1, Payload.of(id)));
    }

    @Test
    void seesRecordsOutOfOrder() {
        long first = kept.send(0);
        long second = kept.send(0);
        LogHistory.Reading reading = kept.read(0);
        reading.record(0, Payload.of(second));
        assertBroken("out of order or twice", () -> reading.record(1, Payload.of(first)));
    }

    @Test
    void seesOtherRecordsThanAcknowledged() {
        long first = kept.send(0);
        acknowledge(kept, 0, 0);
        assertBroken("offset given twice", () -> kept.read(0).record(0, Payload.of(first)));
    }

    @Test
    void seesRecordsThatNobodySent() {
        long id = kept.send(0);
        assertBroken("never sent", () -> kept.read(0).record(0, Payload.of(id + 1)));
        assertBroken("never sent", () -> kept.read(0).record(0, new byte[3]));
    }

    @Test
    void seesOtherBytes() {
        byte[] value = Payload.of(kept.send(0));
        value[value.length - 1] ^= 1;
        assertBroken("other bytes", () -> kept.read(0).record(0, value));
    }

    @Test
    void seesGaps() {
        long id = kept.send(0);
        assertBroken("not dense", () -> kept.read(0).record(1, Payload.of(id)));
    }

    @Test
    void seesDeletedRecordsThatAreBackAndRecordsDeletedUnasked() {
        for (int i = 0; i < 10; i++) {
            acknowledge(kept, i, 0);
        }
        assertEquals(7, kept.offsetOfNewest(3));
        assertBroken("start has moved", () -> kept.read(1));
        kept.askDeletion(7);
        kept.read(0);
        kept.read(7);
        kept.deleted(7);
        assertBroken("deleted is back", () -> kept.read(6));
        assertEquals(3, kept.knownCount());
    }

    @Test
    void lossyLogsMayLoseTheirEndButNoneBeforeIt() {
        long first = acknowledge(lossy, 0, 0);
        long second = acknowledge(lossy, 1, 0);
        LogHistory.Reading cutOff = lossy.read(0);
        cutOff.record(0, Payload.of(first));
        assertEquals(1, cutOff.end());
        LogHistory.Reading hole = lossy.read(0);
        hole.record(1, Payload.of(second));
        assertBroken("acknowledged and lost", hole::end);
    }

    @Test
    void lossyLogsDoNotUseAnOffsetAgain() {
        acknowledge(lossy, 0, 0);
        long later = lossy.send(1);
        assertBroken("offset given twice", () -> lossy.read(0).record(0, Payload.of(later)));
        assertBroken("offset given twice", () -> lossy.known(0, later));
        LogHistory.Reading reading = lossy.read(0);
        reading.record(65_536, Payload.of(later));
        assertEquals(1, reading.end());
    }

    private static long acknowledge(LogHistory history, long offset, int round) {
        long id = history.send(round);
        history.known(offset, id);
        return id;
    }

    private static void assertBroken(String what, Runnable check) {
        Violation violation = assertThrows(Violation.class, check::run);
        assertTrue(violation.getMessage().contains(what), violation::getMessage);
    }
}
