package io.headrace.testing.history;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Commits, by histories made by hand. */
final class GroupHistoryTest {
    private long nowNs;
    private final History history = new History(1, () -> nowNs += 1_000, 1 << 20);
    private final PartitionHistory log = history.partition("p", Promise.persistent());
    private final GroupHistory group = history.group("g");

    GroupHistoryTest() {
        log.assign("who knows its end").from(100);
    }

    @AfterEach
    void close() {
        history.close();
    }

    @Test
    void answeredCommitsStayAndUnansweredOnesMay() {
        commit(5);
        ask(7);
        find(5);
        ask(8);
        find(8);
        assertFound();
        find(5);
        assertFound(Anomaly.COMMIT_WENT_BACK);
    }

    @Test
    void unansweredCommitMayStillComeUnlessItsServerIsGone() {
        commit(5);
        ask(7);
        find(5);
        find(7);
        assertFound();
        ask(8);
        history.stopped(Stop.KILL, history.now());
        find(7);
        find(8);
        assertFound(Anomaly.COMMIT_NEVER_ASKED);
    }

    @Test
    void seesThatACommitIsGone() {
        commit(5);
        find(-1);
        assertFound(Anomaly.COMMIT_WENT_BACK);
    }

    /** The other look has settled meanwhile which commit holds, later than this one was begun. */
    @Test
    void seesThatACommitIsGoneWhileAnotherLooks() {
        commit(5);
        ask(7);
        history.stopped(Stop.KILL, history.now());
        GroupHistory.Fetch first = group.fetch(log);
        GroupHistory.Fetch second = group.fetch(log);
        first.found(7, "m7");
        assertFound();
        second.found(-1, "");
        assertFound(Anomaly.COMMIT_WENT_BACK);
    }

    @Test
    void seesThatAnOlderCommitIsBack() {
        commit(5);
        commit(6);
        find(5);
        assertFound(Anomaly.COMMIT_WENT_BACK);
    }

    @Test
    void seesWhatNobodyCommitted() {
        find(-1);
        assertFound();
        find(1);
        assertFound(Anomaly.COMMIT_NEVER_ASKED);
    }

    @Test
    void failedCommitsAreNotThere() {
        group.failed(ask(5));
        find(5);
        assertFound(Anomaly.COMMIT_NEVER_ASKED);
    }

    @Test
    void commitsAtTheSameTimeMayComeInAnyOrder() {
        GroupHistory.Commit first = ask(5);
        GroupHistory.Commit second = ask(6);
        group.acknowledged(second);
        group.acknowledged(first);
        find(5);
        find(6);
        assertFound();
    }

    @Test
    void whatIsCommittedWhileSomebodyAsksMayBeFoundOrNot() {
        commit(5);
        GroupHistory.Fetch fetch = group.fetch(log);
        commit(6);
        commit(7);
        fetch.found(5, "m5");
        find(7);
        assertFound();
    }

    /** It asked before the server went, and hears after somebody has asked the next one. */
    @Test
    void whoAskedBeforeAServerWentMayFindWhatHeldThen() {
        commit(5);
        GroupHistory.Fetch fetch = group.fetch(log);
        ask(6);
        history.stopped(Stop.KILL, history.now());
        find(6);
        fetch.found(5, "m5");
        find(6);
        assertFound();
        find(5);
        assertFound(Anomaly.COMMIT_WENT_BACK);
    }

    @Test
    void seesThatWhoAskedBeforeAServerWentFindsLessThanHeldThen() {
        commit(5);
        GroupHistory.Fetch fetch = group.fetch(log);
        history.stopped(Stop.KILL, history.now());
        commit(6);
        find(6);
        fetch.found(-1, "");
        assertFound(Anomaly.COMMIT_WENT_BACK);
    }

    @Test
    void seesACommitBehindTheEndOfTheLog() {
        commit(101);
        find(101);
        assertFound(Anomaly.COMMIT_BEYOND_END);
    }

    private GroupHistory.Commit ask(long offset) {
        return group.ask(log, offset, "m" + offset);
    }

    private void commit(long offset) {
        group.acknowledged(ask(offset));
    }

    private void find(long offset) {
        group.fetch(log).found(offset, offset < 0 ? "" : "m" + offset);
    }

    private void assertFound(Anomaly... anomalies) {
        Report report = history.verify();
        assertEquals(Set.of(anomalies), report.anomalies(), report::toString);
    }
}
