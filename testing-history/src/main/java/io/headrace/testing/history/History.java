package io.headrace.testing.history;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;

/**
 * Notes what the clients of a server ask and are told, over all its starts, and finds what
 * contradicts the promises of its topics' storage modes.
 *
 * <p>Every operation is noted twice: before it is asked for, and when its answer is there. One
 * whose answer never comes may have happened or not. What was read is as good as acknowledged.
 *
 * <p>It takes any number of records: what is known of each (64 bytes) is in pages, of which as many
 * stay in memory as its bound says; the others are in a temporary file. Thread-safe; of one run of
 * a test, which closes it.
 */
public final class History implements AutoCloseable {
    private static final long MEMORY_BYTES = 64 << 20;

    final PageStore pages;
    final Runs runs = new Runs();
    final Findings findings = new Findings();
    final Transactions transactions = new Transactions();
    final List<Assignment> assignments = new ArrayList<>();
    private final long seed;
    private final Clock clock;
    private final List<PartitionHistory> partitions = new ArrayList<>();
    private final TopicHistory topics = new TopicHistory(this);
    private int producerCount;
    private boolean areWritesIsolated;
    private long operationCount;

    /**
     * @param seed of the run, for the report
     */
    public History(long seed) {
        this(seed, System::nanoTime, MEMORY_BYTES);
    }

    /**
     * @param memoryBytes how much of the pages stays in memory
     */
    public History(long seed, LongSupplier nanoTime, long memoryBytes) {
        this.seed = seed;
        this.clock = new Clock(nanoTime);
        this.pages = new PageStore(memoryBytes);
    }

    public synchronized PartitionHistory partition(String name, Promise promise) {
        PartitionHistory made = new PartitionHistory(this, partitions.size(), name, promise);
        partitions.add(made);
        return made;
    }

    /** A producer that is idempotent: its records have to be there once, in order. */
    public synchronized ProducerHistory producer(String name) {
        return new ProducerHistory(producerCount++, name, true);
    }

    /** A producer that may repeat and overtake itself when it sends again. */
    public synchronized ProducerHistory producerThatRepeats(String name) {
        return new ProducerHistory(producerCount++, name, false);
    }

    public GroupHistory group(String name) {
        return new GroupHistory(this, name);
    }

    public TopicHistory topics() {
        return topics;
    }

    /** A compacted partition, beside those whose records all stay. */
    public KeyHistory keys(String name) {
        return new KeyHistory(this, name);
    }

    public synchronized Transaction begin(String name) {
        return transactions.begin(this, name);
    }

    /**
     * Asks that no two transactions' records stand among each other. Kafka does not promise that.
     */
    public synchronized void expectIsolatedWrites() {
        areWritesIsolated = true;
    }

    /** A time, for {@link #stopped}. */
    public long now() {
        return clock.now();
    }

    /**
     * The server is gone.
     *
     * @param sinceNs from {@link #now()}, when it was surely still whole
     */
    public synchronized void stopped(Stop how, long sinceNs) {
        runs.add(new Run(how, sinceNs, now()));
    }

    /** What contradicts the promises so far. */
    public Report verify() {
        return check(false);
    }

    /** As above, where every record that is there should have been read by now. */
    public Report verifyAtEnd() {
        return check(true);
    }

    private synchronized Report check(boolean isEnd) {
        Findings found = new Findings(findings);
        for (PartitionHistory partition : partitions) {
            new LogCheck(partition, found, isEnd).run();
        }
        transactions.check(partitions, areWritesIsolated, found);
        return found.report(seed, operationCount);
    }

    /** One more operation was noted. */
    void count() {
        operationCount++;
    }

    Transaction transaction(int number) {
        return transactions.get(number);
    }

    @Override
    public synchronized void close() {
        pages.close();
    }
}
