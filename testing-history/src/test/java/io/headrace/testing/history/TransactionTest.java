package io.headrace.testing.history;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Transactions, by histories made by hand. */
final class TransactionTest {
    private long nowNs;
    private final History history = new History(1, () -> nowNs += 1_000, 1 << 20);
    private final PartitionHistory one = partition("one");
    private final PartitionHistory two = partition("two");
    private final ProducerHistory producer = history.producer("p");
    private final Transaction transaction = history.begin("t");

    private PartitionHistory partition(String name) {
        return history.partition(name, Promise.persistent().withTransactions());
    }

    @AfterEach
    void close() {
        history.close();
    }

    @Test
    void committedRecordsAreReadAndAbortedOnesAreNot() {
        long id = acknowledge(one, transaction, 0);
        commit(transaction);
        Transaction other = history.begin("aborted");
        acknowledge(one, other, 2);
        other.aborting();
        other.aborted();
        read(one, id, 0).reachedEnd(4);
        assertFound();
    }

    @Test
    void recordsOfAnOpenTransactionAreNotRead() {
        read(one, acknowledge(one, transaction, 0), 0);
        assertFound(Anomaly.UNCOMMITTED_READ);
    }

    @Test
    void whoReadsUncommittedReadsThem() {
        long id = acknowledge(one, transaction, 0);
        Assignment reader = one.assign("r", Isolation.READ_UNCOMMITTED);
        reader.fromStart(0);
        reader.read(0, id, -1);
        assertFound();
    }

    @Test
    void abortedRecordsAreNotRead() {
        long id = acknowledge(one, transaction, 0);
        transaction.aborting();
        read(one, id, 0);
        assertFound(Anomaly.ABORTED_READ);
    }

    @Test
    void recordsAreNotReadIfTheirCommitFailsLater() {
        long id = acknowledge(one, transaction, 0);
        transaction.committing();
        read(one, id, 0);
        assertFound();
        transaction.aborted();
        assertFound(Anomaly.ABORTED_READ);
    }

    @Test
    void aTransactionIsReadInAllPartitionsOrNone() {
        long id = acknowledge(one, transaction, 0);
        acknowledge(two, transaction, 0);
        transaction.committing(); // and no answer: it may have come through or not
        read(two, 1);
        assertFound();
        read(one, id, 0);
        assertFound(Anomaly.TORN_TRANSACTION);
    }

    @Test
    void acknowledgedTransactionIsNotLostAsAWhole() {
        acknowledge(one, transaction, 0);
        commit(transaction);
        read(one, 2);
        assertFound(Anomaly.LOST_WRITE);
    }

    @Test
    void transactionsDoNotReadFromEachOther() {
        Transaction other = history.begin("other");
        long first = acknowledge(one, transaction, 0);
        long second = acknowledge(two, other, 0);
        other.observed(one, first);
        assertFound();
        transaction.observed(two, second);
        assertFound(Anomaly.INFORMATION_CYCLE);
    }

    @Test
    void whatAnAbortedTransactionReadIsNoMatter() {
        Transaction other = history.begin("other");
        other.observed(one, acknowledge(one, transaction, 0));
        transaction.observed(two, acknowledge(two, other, 0));
        other.aborting();
        other.aborted();
        assertFound();
    }

    @Test
    void longCirclesAreFoundAndLongChainsAreNone() {
        Transaction before = transaction;
        for (int i = 0; i < 1_000; i++) {
            Transaction next = history.begin("t" + i);
            next.observed(one, acknowledge(one, before, i));
            before = next;
        }
        assertFound();
        transaction.observed(one, acknowledge(one, before, 1_000));
        assertFound(Anomaly.INFORMATION_CYCLE);
    }

    @Test
    void writesStandAmongEachOtherUnlessTheyAreIsolated() {
        Transaction other = history.begin("other");
        acknowledge(one, transaction, 0);
        acknowledge(one, other, 1);
        acknowledge(two, other, 0);
        acknowledge(two, transaction, 1);
        assertFound();
        history.expectIsolatedWrites();
        // The producer sent them in that order, so that nothing else is wrong.
        assertFound(Anomaly.WRITE_CYCLE);
    }

    private long acknowledge(PartitionHistory log, Transaction within, long offset) {
        long id = log.send(producer, within);
        log.acknowledged(id, offset);
        return id;
    }

    private static void commit(Transaction transaction) {
        transaction.committing();
        transaction.committed();
    }

    private static Assignment read(PartitionHistory log, long id, long offset) {
        Assignment reader = log.assign("r", Isolation.READ_COMMITTED);
        reader.fromStart(0);
        reader.read(offset, id, -1);
        return reader;
    }

    /** Reads nothing. */
    private static void read(PartitionHistory log, long end) {
        Assignment reader = log.assign("r", Isolation.READ_COMMITTED);
        reader.fromStart(0);
        reader.reachedEnd(end);
    }

    private void assertFound(Anomaly... anomalies) {
        Report report = history.verify();
        assertEquals(Set.of(anomalies), report.anomalies(), report::toString);
    }
}
