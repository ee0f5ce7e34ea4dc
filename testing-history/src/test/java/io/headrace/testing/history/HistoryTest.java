package io.headrace.testing.history;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What each storage mode may lose, and what a report says; by histories made by hand. */
final class HistoryTest {
    private static final long SEED = 42;
    private static final long MS = 1_000_000;

    private long nowNs;
    private final History history = new History(SEED, () -> nowNs += 1_000, 1 << 20);
    private ProducerHistory producer = history.producer("first");

    @AfterEach
    void close() {
        history.close();
    }

    @Test
    void unansweredRecordsMayBeThereOrNot() {
        PartitionHistory log = history.partition("p", Promise.persistent());
        long there = log.send(producer);
        log.send(producer);
        readAll(log, 0, 1, there);
        assertFound();
    }

    @Test
    void whatOnlyAReaderHasSeenMustStay() {
        PartitionHistory log = history.partition("p", Promise.persistent());
        long seen = log.send(producer);
        readAll(log, 0, 1, seen);
        stop(Stop.POWER_CUT);
        readAll(log, 0, 0);
        assertFound(Anomaly.LOST_WRITE);
    }

    @Test
    void anOffsetThatIsGoneIsNotGivenToWhatIsSentLater() {
        PartitionHistory log = history.partition("p", Promise.persistent());
        acknowledge(log, 0);
        acknowledge(log, 1);
        long late = log.send(producer);
        log.askDeletion(2);
        log.deleted(2);
        log.askDeletion(3);
        log.deleted(3);
        log.acknowledged(late, 2); // it was there, and has gone since
        assertFound();
        log.acknowledged(log.send(producer), 1);
        assertFound(Anomaly.OFFSET_CONFLICT);
    }

    @Test
    void whatIsRememberedOfDeletionsIsBounded() {
        PartitionHistory log = history.partition("p", Promise.persistent());
        long late = log.send(producer);
        for (int end = 1; end <= 3000; end++) {
            acknowledge(log, end - 1);
            log.askDeletion(end);
            log.deleted(end);
        }
        log.acknowledged(late, 2998);
        assertFound();
        log.acknowledged(log.send(producer), 0);
        assertFound(Anomaly.OFFSET_CONFLICT);
    }

    @Test
    void reportNamesPartitionOffsetOperationsAndSeed() {
        PartitionHistory log = history.partition("topic-7", Promise.persistent());
        acknowledge(log, 0);
        acknowledge(log, 1);
        stop(Stop.KILL);
        Assignment reader = log.assign("checker");
        reader.fromStart(0);
        reader.reachedEnd(0);
        Report report = history.verify();
        String text = assertThrows(ViolationException.class, report::orThrow).getMessage();
        assertEquals(2, report.counts().get(Anomaly.LOST_WRITE));
        for (String part :
                new String[] {
                    "seed=42",
                    "LOST_WRITE partition=topic-7 offset=1",
                    "producer=first number=1",
                    "outcome=OK",
                    "passed over by reader=checker",
                    "KILL between"
                }) {
            assertTrue(text.contains(part), () -> part + " in " + text);
        }
    }

    @Test
    void persistentLosesNothingInAnyStop() {
        for (Stop stop : Stop.values()) {
            PartitionHistory log = history.partition("p-" + stop, Promise.persistent());
            acknowledge(log, 0);
            stop(stop);
            readAll(log, 0, 0);
        }
        assertEquals(3, history.verify().counts().get(Anomaly.LOST_WRITE));
    }

    @Test
    void unsyncedMayLoseItsEndInAPowerCutAlone() {
        PartitionHistory log = history.partition("p", Promise.unsynced());
        long first = acknowledge(log, 0);
        acknowledge(log, 1);
        stop(Stop.POWER_CUT);
        readAll(log, 0, 1, first);
        assertFound();
        PartitionHistory killed = history.partition("killed", Promise.unsynced());
        acknowledge(killed, 0);
        stop(Stop.KILL);
        readAll(killed, 0, 0);
        assertFound(Anomaly.LOST_WRITE);
    }

    @Test
    void nothingIsLostBeforeSomethingOfTheSameRunThatStays() {
        PartitionHistory log = history.partition("p", Promise.unsynced());
        acknowledge(log, 0);
        long second = acknowledge(log, 1);
        stop(Stop.POWER_CUT);
        Assignment reader = log.assign("r");
        reader.fromStart(0);
        reader.read(1, second, 0);
        reader.reachedEnd(2);
        assertFound(Anomaly.LOST_WRITE);
    }

    @Test
    void anEarlierRunMayLoseItsEndBeforeALaterOne() {
        PartitionHistory log = history.partition("p", Promise.unsynced());
        acknowledge(log, 0);
        stop(Stop.POWER_CUT);
        producer = history.producer("second");
        long later = acknowledge(log, 65_536);
        Assignment reader = log.assign("r");
        reader.fromStart(0);
        reader.read(65_536, later, 1);
        reader.reachedEnd(65_537);
        assertFound();
    }

    @Test
    void aCrashTakesNothingThatWasReadAfterAnEarlierOne() {
        PartitionHistory log = history.partition("p", Promise.hybrid(Duration.ofDays(1)));
        long first = acknowledge(log, 0);
        stop(Stop.KILL);
        readAll(log, 0, 1, first);
        stop(Stop.POWER_CUT);
        readAll(log, 0, 0);
        assertFound(Anomaly.LOST_WRITE);
    }

    @Test
    void aCrashTakesNothingOfAnEarlierRunOnceTheServerHasAnsweredInBetween() {
        PartitionHistory log = history.partition("p", Promise.unsynced());
        PartitionHistory other = history.partition("other", Promise.persistent());
        acknowledge(log, 0);
        stop(Stop.KILL);
        producer = history.producer("second");
        acknowledge(other, 0);
        stop(Stop.POWER_CUT);
        readAll(log, 0, 0);
        assertFound(Anomaly.LOST_WRITE);
    }

    @Test
    void aCrashOfAStartTakesWhatTheOneBeforeMightHave() {
        PartitionHistory log = history.partition("p", Promise.unsynced());
        acknowledge(log, 0);
        stop(Stop.KILL);
        stop(Stop.POWER_CUT);
        readAll(log, 0, 0);
        assertFound();
    }

    @Test
    void whatALateAnswerTellsIsNoSignThatTheNextRunIsThere() {
        PartitionHistory log = history.partition("p", Promise.unsynced());
        long first = acknowledge(log, 0);
        Assignment early = log.assign("early");
        stop(Stop.KILL);
        early.fromStart(0);
        early.read(0, first, 0);
        early.reachedEnd(1);
        stop(Stop.POWER_CUT);
        readAll(log, 0, 0);
        assertFound();
    }

    @Test
    void whatSurvivedACrashStandsAtNoSecondOffset() {
        PartitionHistory log = history.partition("p", Promise.unsynced());
        long first = acknowledge(log, 0);
        stop(Stop.POWER_CUT);
        readAll(log, 0, 1, first);
        stop(Stop.POWER_CUT);
        log.acknowledged(first, 1);
        assertFound(Anomaly.DUPLICATE);
    }

    @Test
    void hybridLosesAtMostItsWindow() {
        PartitionHistory log = history.partition("p", Promise.hybrid(Duration.ofMillis(10)));
        long old = acknowledge(log, 0);
        nowNs += 11 * MS;
        acknowledge(log, 1);
        stop(Stop.KILL);
        readAll(log, 0, 1, old);
        assertFound();
        PartitionHistory early = history.partition("early", Promise.hybrid(Duration.ofMillis(10)));
        acknowledge(early, 0);
        nowNs += 11 * MS;
        stop(Stop.KILL);
        readAll(early, 0, 0);
        assertFound(Anomaly.LOST_WRITE);
    }

    @Test
    void noModeLosesAnythingInACleanStop() {
        PartitionHistory hybrid = history.partition("h", Promise.hybrid(Duration.ofMillis(10)));
        PartitionHistory unsynced = history.partition("u", Promise.unsynced());
        acknowledge(hybrid, 0);
        acknowledge(unsynced, 0);
        stop(Stop.CLEAN);
        readAll(hybrid, 0, 0);
        readAll(unsynced, 0, 0);
        assertEquals(2, history.verify().counts().get(Anomaly.LOST_WRITE));
    }

    @Test
    void memoryMayLoseAllButUsesNoOffsetTwice() {
        PartitionHistory log = history.partition("p", Promise.memory());
        acknowledge(log, 0);
        stop(Stop.KILL);
        producer = history.producer("second");
        long later = log.send(producer);
        Assignment reader = log.assign("r");
        reader.fromStart(65_536);
        reader.read(65_536, later, 1);
        reader.reachedEnd(65_537);
        assertFound();
        log.acknowledged(log.send(producer), 0);
        assertFound(Anomaly.OFFSET_CONFLICT);
    }

    @Test
    void memoryUsesNoOffsetTwiceAfterAKill() {
        PartitionHistory reused = history.partition("reused", Promise.memory());
        acknowledge(reused, 0);
        stop(Stop.KILL);
        acknowledge(reused, 0);
        assertFound(Anomaly.OFFSET_CONFLICT);
    }

    @Test
    void memoryLosesNothingInTheMiddleWhileItRuns() {
        PartitionHistory log = history.partition("p", Promise.memory());
        long first = acknowledge(log, 0);
        acknowledge(log, 1);
        readAll(log, 0, 2, first);
        assertFound(Anomaly.LOST_WRITE);
        long third = acknowledge(log, 2);
        Assignment ring = log.assign("behind the ring");
        ring.fromStart(2);
        ring.read(2, third, 0);
        assertFound();
    }

    @Test
    void aLossNeedsANewLeaderEpoch() {
        PartitionHistory log = history.partition("p", Promise.unsynced());
        long first = acknowledge(log, 0);
        acknowledge(log, 1);
        stop(Stop.POWER_CUT);
        producer = history.producer("second");
        long later = acknowledge(log, 2);
        Assignment reader = log.assign("r");
        reader.fromStart(0);
        reader.read(0, first, 7);
        reader.read(2, later, 7);
        assertFound(Anomaly.SILENT_LOSS);
    }

    @Test
    void aRecordThatWasTakenMayBeSentAgain() {
        PartitionHistory log = history.partition("p", Promise.memory());
        long id = log.send(producer);
        readAll(log, 0, 1, id);
        stop(Stop.KILL);
        log.acknowledged(id, 65_536);
        Assignment reader = log.assign("r");
        reader.fromStart(65_536);
        reader.read(65_536, id, 1);
        assertFound();
    }

    @Test
    void aProducerThatRepeatsMayStandTwice() {
        PartitionHistory log = history.partition("p", Promise.persistent());
        producer = history.producerThatRepeats("plain");
        long id = acknowledge(log, 0);
        readAll(log, 0, 2, id, id);
        assertFound();
    }

    @Test
    void theLogsStartMovesOnlyIfAsked() {
        PartitionHistory log = history.partition("p", Promise.persistent());
        acknowledge(log, 0);
        long second = acknowledge(log, 1);
        log.askDeletion(1);
        Assignment asked = log.assign("asked");
        asked.fromStart(1);
        asked.read(1, second, 0);
        asked.reachedEnd(2);
        assertFound();
        log.assign("unasked").fromStart(2);
        assertFound(Anomaly.LOST_WRITE);
    }

    @Test
    void aRefusedDeletionTakesNothing() {
        PartitionHistory log = history.partition("p", Promise.persistent());
        acknowledge(log, 0);
        long second = acknowledge(log, 1);
        log.askDeletion(1);
        log.deletionRefused(1);
        Assignment reader = log.assign("r");
        reader.fromStart(1);
        reader.read(1, second, 0);
        assertFound(Anomaly.LOST_WRITE);
    }

    @Test
    void aDeletionThatIsRefusedDoesNotRefuseThoseBefore() {
        PartitionHistory log = history.partition("p", Promise.persistent());
        acknowledge(log, 0);
        acknowledge(log, 1);
        long third = acknowledge(log, 2);
        log.askDeletion(1);
        log.askDeletion(2);
        log.askDeletion(2);
        log.deletionRefused(2);
        Assignment unanswered = log.assign("unanswered");
        unanswered.fromStart(2);
        unanswered.read(2, third, 0);
        assertFound();
        log.deletionRefused(2);
        Assignment refused = log.assign("refused");
        refused.fromStart(2);
        assertFound(Anomaly.LOST_WRITE);
    }

    @Test
    void aDeletionTakesNoMoreThanWasAskedFor() {
        PartitionHistory log = history.partition("p", Promise.persistent());
        acknowledge(log, 0);
        acknowledge(log, 1);
        long third = acknowledge(log, 2);
        log.askDeletion(1);
        log.deleted(2);
        Assignment reader = log.assign("r");
        reader.fromStart(2);
        reader.read(2, third, 0);
        assertFound(Anomaly.LOST_WRITE);
    }

    @Test
    void newestOffsetsAreFound() {
        PartitionHistory log = history.partition("p", Promise.persistent());
        for (int i = 0; i < 10; i++) {
            acknowledge(log, i);
        }
        assertEquals(7, log.offsetOfNewest(3));
        assertEquals(-1, log.offsetOfNewest(11));
        assertEquals(10, log.knownCount());
    }

    @Test
    void lateAnswersOfWhatReadersPassedOverAreSeen() {
        PartitionHistory log = history.partition("p", Promise.persistent());
        long unanswered = log.send(producer);
        ProducerHistory other = history.producer("other");
        long read = log.send(other);
        Assignment reader = log.assign("r");
        reader.from(100_000);
        reader.read(100_001, read, 0);
        log.acknowledged(unanswered, 100_000);
        assertFound(Anomaly.LOST_WRITE);
    }

    @Test
    void anotherPartitionsRecordWasNeverSentHere() {
        PartitionHistory here = history.partition("here", Promise.persistent());
        PartitionHistory there = history.partition("there", Promise.persistent());
        here.send(producer);
        long id = there.send(producer);
        Assignment reader = here.assign("r");
        reader.fromStart(0);
        reader.read(0, there.value(id, 20), 0);
        assertFound(Anomaly.NEVER_SENT);
    }

    private long acknowledge(PartitionHistory log, long offset) {
        long id = log.send(producer);
        log.acknowledged(id, offset);
        return id;
    }

    private void stop(Stop how) {
        history.stopped(how, history.now());
    }

    private static void readAll(PartitionHistory log, long start, long end, long... ids) {
        Assignment reader = log.assign("reader");
        reader.fromStart(start);
        for (int i = 0; i < ids.length; i++) {
            reader.read(start + i, ids[i], -1);
        }
        reader.reachedEnd(end);
    }

    private void assertFound(Anomaly... anomalies) {
        Report report = history.verify();
        assertEquals(Set.of(anomalies), report.anomalies(), report::toString);
    }
}
