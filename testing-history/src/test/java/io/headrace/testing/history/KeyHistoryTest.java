package io.headrace.testing.history;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.headrace.testing.history.KeyHistory.Reading;
import io.headrace.testing.history.KeyHistory.Sent;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A compacted partition, by histories made by hand: those that are right, and each violation. */
final class KeyHistoryTest {
    private static final int LENGTH = 100;

    private final History history = new History(1);
    private final KeyHistory keys = history.keys("compacted-0");
    private final List<Sent> sent = new ArrayList<>();

    @AfterEach
    void close() {
        history.close();
    }

    private void send(int key) {
        sent.add(keys.send(key, false));
    }

    private void tombstone(int key) {
        sent.add(keys.send(key, true));
    }

    /** Acknowledges it at the offset that is its number. */
    private void acknowledge(int... numbers) {
        for (int number : numbers) {
            keys.acknowledged(sent.get(number), number);
        }
    }

    private void find(Reading reading, int number, int key) {
        reading.found(number, key, number, keys.value(sent.get(number), LENGTH));
    }

    /** Records of one key, each at the offset that is its number. */
    private void findAll(int key, int... numbers) {
        Reading reading = keys.read();
        for (int number : numbers) {
            find(reading, number, key);
        }
        reading.end();
    }

    private void assertFound(Anomaly... anomalies) {
        Report report = history.verify();
        assertEquals(Set.of(anomalies), report.anomalies(), report::toString);
    }

    /** The first of three of a key, all of which are known. */
    private void sendThree() {
        send(7);
        send(7);
        send(7);
        acknowledge(0, 1, 2);
    }

    @Test
    void olderRecordsOfAKeyMayGoAtAnyTime() {
        sendThree();
        findAll(7, 0, 1, 2);
        assertEquals(0, keys.goneCount());
        findAll(7, 1, 2);
        findAll(7, 2);
        assertEquals(2, keys.goneCount());
        assertFound();
    }

    @Test
    void whatWasNotAcknowledgedMayBeThereOrNot() {
        send(7);
        send(7);
        acknowledge(0);
        findAll(7, 0);
        send(7);
        findAll(7, 2);
        assertFound();
    }

    @Test
    void aKeyMayGoWithItsTombstone() {
        send(7);
        tombstone(7);
        acknowledge(0);
        findAll(7, 0, 1);
        findAll(7, 1);
        findAll(7);
        assertFound();
        send(7);
        acknowledge(2);
        findAll(7, 2);
        assertFound();
    }

    /** What it would have deleted was found without it: so it is no excuse later. */
    @Test
    void aTombstoneThatNeverArrivedDeletesNothing() {
        send(7);
        tombstone(7);
        acknowledge(0);
        findAll(7, 0);
        findAll(7);
        assertFound(Anomaly.LOST_WRITE);
    }

    /** Nobody saw it, but it may have come and gone between two readings. */
    @Test
    void aTombstoneThatWasNotAcknowledgedMayHaveDeletedItsKey() {
        send(7);
        tombstone(7);
        acknowledge(0);
        findAll(7);
        findAll(7);
        assertFound();
    }

    /** Of two that nobody has acknowledged, the one that was there has to stay what it is. */
    @Test
    void anOlderTombstoneCountsWhereTheNewestNeverArrived() {
        send(7);
        tombstone(7);
        tombstone(7);
        acknowledge(0);
        findAll(7, 1);
        findAll(7);
        assertFound();
    }

    @Test
    void theNewestIsMissed() {
        sendThree();
        findAll(7, 0, 1);
        assertFound(Anomaly.LOST_WRITE);
        assertEquals(0, keys.goneCount());
    }

    @Test
    void allOfAKeyIsMissed() {
        sendThree();
        findAll(7);
        assertFound(Anomaly.LOST_WRITE);
    }

    /** It was there, and an older one of its key was gone by then or not: it must stay. */
    @Test
    void whatWasReadIsMissed() {
        send(7);
        send(7);
        acknowledge(0);
        findAll(7, 0, 1);
        findAll(7, 0);
        assertFound(Anomaly.LOST_WRITE);
    }

    @Test
    void aDeletedKeyIsBack() {
        send(7);
        tombstone(7);
        acknowledge(0, 1);
        findAll(7, 0);
        assertFound(Anomaly.LOST_WRITE);
    }

    @Test
    void whatWasGoneIsBack() {
        sendThree();
        findAll(7, 2);
        findAll(7, 0, 2);
        assertFound(Anomaly.RETURNED);
    }

    @Test
    void aRecordThatNobodySent() {
        sendThree();
        Reading reading = keys.read();
        find(reading, 2, 7);
        reading.found(3, 7, 99, new byte[LENGTH]);
        reading.end();
        assertFound(Anomaly.NEVER_SENT);
    }

    @Test
    void otherBytesAndOtherKeys() {
        send(7);
        acknowledge(0);
        byte[] value = keys.value(sent.get(0), LENGTH);
        value[LENGTH - 1] ^= 1;
        Reading reading = keys.read();
        reading.found(0, 7, 0, value);
        reading.end();
        assertFound(Anomaly.CORRUPT);
        findAll(8, 0);
        assertEquals(2, history.verify().counts().get(Anomaly.CORRUPT));
    }

    @Test
    void aTombstoneWithAValueAndARecordWithout() {
        send(7);
        tombstone(8);
        acknowledge(0, 1);
        Reading reading = keys.read();
        reading.found(0, 7, 0, null);
        reading.found(1, 8, 1, new byte[LENGTH]);
        reading.end();
        assertFound(Anomaly.CORRUPT);
        assertEquals(2, history.verify().counts().get(Anomaly.CORRUPT));
    }

    @Test
    void aRecordAtTwoOffsets() {
        send(7);
        acknowledge(0);
        Reading reading = keys.read();
        find(reading, 0, 7);
        reading.found(1, 7, 0, keys.value(sent.get(0), LENGTH));
        reading.end();
        assertFound(Anomaly.DUPLICATE);
    }

    @Test
    void anotherOffsetThanWasSaid() {
        send(7);
        acknowledge(0);
        Reading reading = keys.read();
        reading.found(5, 7, 0, keys.value(sent.get(0), LENGTH));
        reading.end();
        assertFound(Anomaly.OFFSET_CONFLICT);
    }

    @Test
    void anOffsetThatHadBeenGivenToAnotherRecord() {
        sendThree();
        findAll(7, 2);
        send(7);
        keys.acknowledged(sent.get(3), 1);
        assertFound(Anomaly.OFFSET_WENT_BACK);
    }

    @Test
    void anotherOrderThanTheyWereSentIn() {
        send(7);
        send(8);
        Reading reading = keys.read();
        reading.found(0, 8, 1, keys.value(sent.get(1), LENGTH));
        reading.found(1, 7, 0, keys.value(sent.get(0), LENGTH));
        reading.end();
        assertFound(Anomaly.REORDERED);
    }

    @Test
    void anOffsetThatIsReadTwice() {
        send(7);
        send(8);
        Reading reading = keys.read();
        reading.found(0, 7, 0, keys.value(sent.get(0), LENGTH));
        reading.found(0, 8, 1, keys.value(sent.get(1), LENGTH));
        reading.end();
        assertFound(Anomaly.READ_WENT_BACK);
    }
}
