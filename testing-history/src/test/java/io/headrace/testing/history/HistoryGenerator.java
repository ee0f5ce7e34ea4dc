package io.headrace.testing.history;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * Makes histories of a server that does everything right, by seed: producers, readers, commits,
 * transactions, deletions and crashes in any order, with requests and answers in flight and some
 * lost. In the end everything is read once more.
 */
final class HistoryGenerator {
    private static final int PARTITIONS = 3;
    private static final int PRODUCERS = 3;
    private static final int IN_FLIGHT_MAX = 6;
    private static final int WINDOW_EVENTS = 30;

    private record Pending(int key, int partition, int transaction) {}

    private record Answer(int key, int partition, long offset) {}

    private record PendingCommit(int commit, int partition, long offset) {}

    private static final class Producer {
        final int number;
        final List<Deque<Pending>> queues = new ArrayList<>();
        int transaction = -1;

        Producer(int number) {
            this.number = number;
            for (int i = 0; i < PARTITIONS; i++) {
                queues.add(new ArrayDeque<>());
            }
        }

        int inFlight() {
            return queues.stream().mapToInt(Deque::size).sum();
        }
    }

    private static final class Reader {
        final int number;
        final ModelLog log;
        final boolean isCommitted;
        long position;

        Reader(int number, ModelLog log, boolean isCommitted, long position) {
            this.number = number;
            this.log = log;
            this.isCommitted = isCommitted;
            this.position = position;
        }
    }

    private final long seed;
    private final Random random;
    private final boolean hasTransactions;
    private final List<Event> events = new ArrayList<>();
    private final List<ModelLog> logs = new ArrayList<>();
    private final List<Producer> producers = new ArrayList<>();
    private final List<Reader> readers = new ArrayList<>();
    private final List<Answer> answers = new ArrayList<>();
    private final List<PendingCommit> commits = new ArrayList<>();
    private final Map<Integer, ModelLog> fetches = new HashMap<>();
    private final Set<Integer> undecided = new HashSet<>();
    private final Set<Integer> aborted = new HashSet<>();
    private int keys;
    private int producerCount;
    private int readerCount;
    private int commitCount;
    private int fetchCount;
    private int transactionCount;

    private HistoryGenerator(long seed, boolean hasTransactions) {
        this.seed = seed;
        this.random = new Random(seed);
        this.hasTransactions = hasTransactions;
        for (int i = 0; i < PARTITIONS; i++) {
            logs.add(new ModelLog(i, promise()));
        }
        startProducers();
    }

    static Script generate(long seed, int steps, boolean hasTransactions) {
        HistoryGenerator generator = new HistoryGenerator(seed, hasTransactions);
        for (int i = 0; i < steps; i++) {
            generator.step();
        }
        generator.readAll();
        List<Promise> promises = generator.logs.stream().map(log -> log.promise).toList();
        return new Script(seed, promises, List.copyOf(generator.events));
    }

    private Promise promise() {
        if (hasTransactions) {
            return Promise.persistent().withTransactions();
        }
        return switch (random.nextInt(6)) {
            case 0 -> Promise.unsynced();
            case 1 -> Promise.hybrid(Duration.ofNanos(WINDOW_EVENTS * Script.STEP_NS));
            case 2 -> Promise.memory();
            case 3 -> Promise.persistent().withRetention();
            default -> Promise.persistent();
        };
    }

    private void startProducers() {
        producers.clear();
        for (int i = 0; i < PRODUCERS; i++) {
            producers.add(new Producer(producerCount++));
        }
    }

    private void step() {
        int chance = random.nextInt(1000);
        if (chance < 250) {
            send();
        } else if (chance < 480) {
            append();
        } else if (chance < 650) {
            answer();
        } else if (chance < 860) {
            read();
        } else if (chance < 890) {
            assign();
        } else if (chance < 910) {
            commitOffset();
        } else if (chance < 940) {
            applyCommit();
        } else if (chance < 955) {
            fetchCommitted();
        } else if (chance < 970) {
            decideTransaction();
        } else if (chance < 975) {
            delete();
        } else if (chance < 978) {
            crash();
        }
    }

    private void emit(Event event) {
        events.add(event);
    }

    private <T> T any(List<T> of) {
        return of.get(random.nextInt(of.size()));
    }

    private void send() {
        Producer producer = any(producers);
        if (producer.inFlight() >= IN_FLIGHT_MAX) {
            return;
        }
        if (hasTransactions && producer.transaction < 0) {
            producer.transaction = transactionCount++;
            undecided.add(producer.transaction);
            emit(new Event.Begin(producer.transaction));
        }
        int partition = random.nextInt(PARTITIONS);
        emit(new Event.Send(keys, producer.number, partition, producer.transaction));
        producer.queues.get(partition).add(new Pending(keys++, partition, producer.transaction));
    }

    private void append() {
        Deque<Pending> queue = any(producers).queues.get(random.nextInt(PARTITIONS));
        if (queue.isEmpty()) {
            return;
        }
        Pending pending = queue.remove();
        int chance = random.nextInt(100);
        if (chance < 4) {
            emit(new Event.Fail(pending.key, pending.partition));
        } else if (chance < 97) {
            long offset = append(pending);
            if (chance < 92) {
                answers.add(new Answer(pending.key, pending.partition, offset));
            }
        }
    }

    private long append(Pending pending) {
        return logs.get(pending.partition).append(pending.key, pending.transaction, events.size());
    }

    private void answer() {
        if (!answers.isEmpty()) {
            Answer answer = answers.remove(random.nextInt(answers.size()));
            emit(new Event.Ack(answer.key, answer.partition, answer.offset));
        }
    }

    private void assign() {
        if (readers.size() > 4) {
            readers.remove(random.nextInt(readers.size()));
        }
        ModelLog log = any(logs);
        boolean isStart = random.nextInt(3) > 0;
        boolean isCommitted = hasTransactions && random.nextInt(3) > 0;
        long span = limit(log, isCommitted) - log.start;
        long position = isStart ? log.start : log.start + random.nextInt((int) span + 1);
        readers.add(assign(log, isCommitted, position, isStart));
    }

    private Reader assign(ModelLog log, boolean isCommitted, long position, boolean isStart) {
        Reader reader = new Reader(readerCount++, log, isCommitted, position);
        emit(new Event.Assign(reader.number, log.number, isCommitted));
        emit(new Event.From(reader.number, log.number, position, isStart));
        return reader;
    }

    /** The end of what a reader may see. */
    private long limit(ModelLog log, boolean isCommitted) {
        if (isCommitted) {
            for (ModelLog.Slot slot : log.slots) {
                if (undecided.contains(slot.transaction())) {
                    return slot.offset();
                }
            }
        }
        return log.end();
    }

    private void read() {
        if (readers.isEmpty()) {
            return;
        }
        Reader reader = any(readers);
        for (int i = random.nextInt(4); i >= 0; i--) {
            if (!readOne(reader)) {
                emit(
                        new Event.End(
                                reader.number,
                                reader.log.number,
                                Math.max(reader.position, limit(reader.log, reader.isCommitted))));
                readers.remove(reader);
                return;
            }
        }
    }

    private boolean readOne(Reader reader) {
        long limit = limit(reader.log, reader.isCommitted);
        if (reader.position < reader.log.start) {
            reader.position = Long.MAX_VALUE; // what it stood at is gone; it would begin anew
            return true;
        }
        for (ModelLog.Slot slot : reader.log.slots) {
            if (slot.offset() >= reader.position && slot.offset() < limit && isSeen(reader, slot)) {
                emit(
                        new Event.Read(
                                reader.number,
                                reader.log.number,
                                slot.offset(),
                                slot.key(),
                                slot.epoch(),
                                false));
                reader.position = slot.offset() + 1;
                observe(reader, slot);
                return true;
            }
        }
        return reader.position == Long.MAX_VALUE;
    }

    private boolean isSeen(Reader reader, ModelLog.Slot slot) {
        return slot.key() >= 0 && !(reader.isCommitted && aborted.contains(slot.transaction()));
    }

    private void observe(Reader reader, ModelLog.Slot slot) {
        Producer producer = any(producers);
        if (reader.isCommitted && producer.transaction >= 0 && random.nextInt(4) == 0) {
            emit(new Event.Observe(producer.transaction, reader.log.number, slot.key()));
        }
    }

    private void commitOffset() {
        if (!readers.isEmpty()) {
            Reader reader = any(readers);
            if (reader.position != Long.MAX_VALUE) {
                emit(new Event.Ask(commitCount, reader.log.number, reader.position));
                commits.add(new PendingCommit(commitCount++, reader.log.number, reader.position));
            }
        }
    }

    private void applyCommit() {
        if (commits.isEmpty()) {
            return;
        }
        PendingCommit commit = commits.remove(random.nextInt(commits.size()));
        int chance = random.nextInt(100);
        if (chance < 5) {
            emit(new Event.CommitFailed(commit.commit));
        } else if (chance < 95) {
            ModelLog log = logs.get(commit.partition);
            log.commit = commit.commit;
            log.committedOffset = commit.offset;
            if (chance < 85) {
                emit(new Event.Committed(commit.commit));
            }
        }
    }

    private void fetchCommitted() {
        if (!fetches.isEmpty() && random.nextBoolean()) {
            int fetch = fetches.keySet().iterator().next();
            found(fetch, fetches.remove(fetch));
        } else {
            ModelLog log = any(logs);
            emit(new Event.Find(fetchCount, log.number));
            fetches.put(fetchCount++, log);
        }
    }

    private void found(int fetch, ModelLog log) {
        emit(new Event.Found(fetch, log.number, log.committedOffset, log.commit));
    }

    private void decideTransaction() {
        Producer producer = any(producers);
        if (producer.transaction >= 0 && producer.inFlight() == 0) {
            int transaction = producer.transaction;
            producer.transaction = -1;
            boolean isCommit = random.nextInt(4) > 0;
            emit(isCommit ? new Event.Commit(transaction) : new Event.Abort(transaction));
            decide(transaction, isCommit);
            if (random.nextInt(10) > 0) {
                emit(
                        isCommit
                                ? new Event.CommitDone(transaction)
                                : new Event.AbortDone(transaction));
            }
        }
    }

    private void decide(int transaction, boolean isCommit) {
        undecided.remove(transaction);
        if (!isCommit) {
            aborted.add(transaction);
        }
        for (ModelLog log : logs) {
            if (log.slots.stream().anyMatch(slot -> slot.transaction() == transaction)) {
                log.append(-1, -1, events.size());
            }
        }
    }

    private void delete() {
        ModelLog log = any(logs);
        long end = limit(log, true);
        if (end > log.start) {
            long offset = log.start + random.nextInt((int) (end - log.start)) / 2;
            if (log.promise.isStartFree() && random.nextBoolean()) {
                log.deleteBefore(offset); // the ring is full
                return;
            }
            emit(new Event.AskDeletion(log.number, offset));
            log.deleteBefore(offset);
            if (random.nextInt(4) > 0) {
                emit(new Event.Deleted(log.number, offset));
            }
        }
    }

    private void crash() {
        Stop how = Stop.values()[random.nextInt(Stop.values().length)];
        int since = events.size();
        emit(new Event.Stopping());
        for (int i = random.nextInt(10); i > 0; i--) {
            append();
            answer();
        }
        emit(new Event.Stopped(how));
        for (ModelLog log : logs) {
            int window = (int) Math.min(log.promise.windowNs() / Script.STEP_NS, since);
            int safe = log.countOfRunBefore(since - window);
            int kept = safe + random.nextInt(log.countOfRun() - safe + 1);
            log.restart(how, kept, random.nextInt(3000));
        }
        for (Producer producer : producers) {
            if (producer.transaction >= 0) {
                decide(producer.transaction, false);
            }
        }
        startProducers();
        readers.clear();
        commits.clear();
        while (random.nextBoolean()) {
            answer(); // callbacks that come late
        }
        answers.clear();
    }

    /** Reads everything once more, and what is committed. */
    private void readAll() {
        while (!answers.isEmpty() && random.nextInt(20) > 0) {
            answer();
        }
        fetches.forEach(this::found);
        for (ModelLog log : logs) {
            emit(new Event.Find(fetchCount, log.number));
            found(fetchCount++, log);
            readAll(log, hasTransactions);
            if (hasTransactions) {
                readAll(log, false);
            }
        }
    }

    private void readAll(ModelLog log, boolean isCommitted) {
        Reader reader = assign(log, isCommitted, log.start, true);
        while (readOne(reader)) {}
        emit(new Event.End(reader.number, log.number, limit(log, isCommitted)));
    }
}
