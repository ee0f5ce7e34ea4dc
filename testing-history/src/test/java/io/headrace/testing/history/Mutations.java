package io.headrace.testing.history;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Changes a history of a server that does everything right in one place, as if it had done one
 * thing wrong. Each method returns null if this history has no such place.
 */
final class Mutations {
    private final Script script;
    private final List<Event> events;
    private final Random random;

    /** What the last reader of each partition read, by offset; of the one that sees all. */
    private final Map<Integer, TreeMap<Long, Event.Read>> lastReads = new HashMap<>();

    private final Map<Integer, Integer> lastReaders = new HashMap<>();
    private final Map<Integer, Integer> committedReaders = new HashMap<>();
    private final Map<Integer, Event.Send> sends = new HashMap<>();
    private final Map<Integer, Event.Ack> acks = new HashMap<>();

    /** Where in the list each was sent, and where it was first known. */
    private final Map<Integer, Integer> sentAt = new HashMap<>();

    private final Map<Integer, Integer> knownAt = new HashMap<>();

    Mutations(Script script, Random random) {
        this.script = script;
        this.events = new ArrayList<>(script.events());
        this.random = random;
        events.forEach(this::noteReader);
        for (int i = 0; i < events.size(); i++) {
            note(i, events.get(i));
        }
    }

    private void noteReader(Event event) {
        if (event instanceof Event.Assign e) {
            (e.isCommitted() ? committedReaders : lastReaders).put(e.partition(), e.reader());
        }
    }

    private void note(int index, Event event) {
        if (event instanceof Event.Send e) {
            sends.put(e.key(), e);
            sentAt.put(e.key(), index);
        } else if (event instanceof Event.Ack e) {
            acks.put(e.key(), e);
            knownAt.putIfAbsent(e.key(), index);
        } else if (event instanceof Event.Read e) {
            knownAt.putIfAbsent(e.key(), index);
            if (e.reader() == lastReader(e.partition())) {
                lastReads.computeIfAbsent(e.partition(), p -> new TreeMap<>()).put(e.offset(), e);
            }
        }
    }

    private int lastReader(int partition) {
        return lastReaders.getOrDefault(partition, -1);
    }

    private TreeMap<Long, Event.Read> lastReads(int partition) {
        return lastReads.getOrDefault(partition, new TreeMap<>());
    }

    private boolean isPersistent(int partition) {
        return script.promises().get(partition).taken().isEmpty();
    }

    /** Those that the last reader of a partition has read. */
    private Stream<Event.Read> finalReads() {
        return lastReads.values().stream().flatMap(reads -> reads.values().stream());
    }

    private <T> @Nullable T any(Stream<T> of) {
        List<T> all = of.toList();
        return all.isEmpty() ? null : all.get(random.nextInt(all.size()));
    }

    private Script done() {
        return script.with(events);
    }

    private void replace(Event before, Event now) {
        events.set(events.indexOf(before), now);
    }

    private boolean isReadBy(Event event, int key, Predicate<Integer> reader) {
        return event instanceof Event.Read e && e.key() == key && reader.test(e.reader());
    }

    private boolean isReadByOthers(Event.Read read) {
        return events.stream().anyMatch(e -> isReadBy(e, read.key(), r -> r != read.reader()));
    }

    private boolean hasTransaction(int key) {
        return Objects.requireNonNull(sends.get(key)).transaction() >= 0;
    }

    /** An acknowledged record is gone from some time on. */
    @Nullable Script loseAcknowledged() {
        Event.Read last =
                any(
                        finalReads()
                                .filter(read -> isPersistent(read.partition()))
                                .filter(read -> acks.containsKey(read.key())));
        if (last == null) {
            return null;
        }
        int from = random.nextInt(events.indexOf(last) + 1);
        removeReads(last.key(), from);
        return done();
    }

    /** In a partition that may lose its end, one is gone, and those behind it are there. */
    @Nullable Script loseBeforeOthersThatStay() {
        Event.Read last =
                any(
                        finalReads()
                                .filter(read -> !isPersistent(read.partition()))
                                .filter(read -> acks.containsKey(read.key()))
                                .filter(this::isCrashBehind)
                                .filter(this::isAnotherOfItsRunBehind));
        if (last == null) {
            return null;
        }
        removeReads(last.key(), 0);
        return done();
    }

    /** One that might have taken it. */
    private boolean isCrashBehind(Event.Read read) {
        int known = events.indexOf(acks.get(read.key()));
        return events.subList(known, events.size()).stream()
                .anyMatch(
                        event ->
                                event instanceof Event.Stopped e
                                        && script.promises()
                                                .get(read.partition())
                                                .taken()
                                                .contains(e.how()));
    }

    /** One that was sent and first known in the same run as this one. */
    private boolean isAnotherOfItsRunBehind(Event.Read read) {
        return isOfOneRun(read.key())
                && lastReads(read.partition()).tailMap(read.offset(), false).values().stream()
                        .anyMatch(
                                other ->
                                        isOfOneRun(other.key())
                                                && run(sentAt(other.key()))
                                                        == run(sentAt(read.key())));
    }

    private boolean isOfOneRun(int key) {
        // By the answer: what the others read is taken away.
        int known = acks.containsKey(key) ? events.indexOf(acks.get(key)) : knownAt(key);
        return run(sentAt(key)) == run(known);
    }

    private int sentAt(int key) {
        return Objects.requireNonNull(sentAt.get(key));
    }

    private int knownAt(int key) {
        return knownAt.getOrDefault(key, Integer.MAX_VALUE);
    }

    private long run(int index) {
        return events.subList(0, Math.min(index, events.size())).stream()
                .filter(event -> event instanceof Event.Stopped)
                .count();
    }

    private void removeReads(int key, int from) {
        List<Event> later = events.subList(from, events.size());
        later.removeIf(event -> isReadBy(event, key, r -> true));
    }

    /** The last records of a run were read in a later one, and are gone after its crash. */
    @Nullable Script loseInLaterCrash() {
        Event.Read first =
                any(
                        finalReads()
                                .filter(read -> !isPersistent(read.partition()))
                                .filter(read -> isOfOneRun(read.key()))
                                .filter(read -> crashThatMustNotTake(read) >= 0));
        if (first == null) {
            return null;
        }
        int crash = crashThatMustNotTake(first);
        long run = run(sentAt(first.key()));
        List<Integer> lost =
                lastReads(first.partition()).tailMap(first.offset(), true).values().stream()
                        .map(Event.Read::key)
                        .filter(key -> run(sentAt(key)) <= run && run(knownAt(key)) >= run)
                        .toList();
        lost.forEach(key -> removeReads(key, crash));
        return done();
    }

    /** One behind a later run in which it was read; negative if there is none. */
    private int crashThatMustNotTake(Event.Read read) {
        boolean isRead = false;
        for (int i = 0; i < events.size(); i++) {
            isRead |=
                    isReadBy(events.get(i), read.key(), r -> true)
                            && run(i) > run(sentAt(read.key()));
            if (isRead
                    && events.get(i) instanceof Event.Stopped e
                    && taken(read.partition()).contains(e.how())) {
                return i;
            }
        }
        return -1;
    }

    private Set<Stop> taken(int partition) {
        return script.promises().get(partition).taken();
    }

    /** Records are gone, and the leader epoch behind them is the one before them. */
    @Nullable Script loseInSilence() {
        for (int partition : lastReaders.keySet()) {
            TreeMap<Long, Event.Read> reads = lastReads(partition);
            boolean isLossy =
                    !isPersistent(partition) && !script.promises().get(partition).isStartFree();
            if (isLossy && !reads.isEmpty() && isAnyLostWithin(partition, reads)) {
                events.replaceAll(
                        event ->
                                event instanceof Event.Read e && e.reader() == lastReader(partition)
                                        ? new Event.Read(
                                                e.reader(),
                                                partition,
                                                e.offset(),
                                                e.key(),
                                                0,
                                                false)
                                        : event);
                return done();
            }
        }
        return null;
    }

    private boolean isAnyLostWithin(int partition, TreeMap<Long, Event.Read> reads) {
        return acks.values().stream()
                .anyMatch(
                        ack ->
                                ack.partition() == partition
                                        && ack.offset() > reads.firstKey()
                                        && ack.offset() < reads.lastKey()
                                        && !reads.containsKey(ack.offset()));
    }

    /** One record stands once more, at the end. */
    @Nullable Script duplicate() {
        Event.Read again = any(finalReads().filter(read -> isEndFree(read.partition())));
        if (again == null) {
            return null;
        }
        Event.Read last = lastReads(again.partition()).lastEntry().getValue();
        insertAtEnd(last, again.key());
        return done();
    }

    /** Whether no lost record is known to have stood behind the last. */
    private boolean isEndFree(int partition) {
        long offset = lastReads(partition).lastKey() + 1;
        return events.stream()
                .noneMatch(
                        e ->
                                e instanceof Event.Ack ack
                                                && ack.partition() == partition
                                                && ack.offset() == offset
                                        || e instanceof Event.Read read
                                                && read.partition() == partition
                                                && read.offset() == offset);
    }

    /** Behind what the last reader read. */
    private void insertAtEnd(Event.Read last, int key) {
        long offset = last.offset() + 1;
        events.add(
                events.indexOf(last) + 1,
                new Event.Read(last.reader(), last.partition(), offset, key, last.epoch(), false));
        events.replaceAll(
                event ->
                        event instanceof Event.End e && e.reader() == last.reader()
                                ? new Event.End(
                                        e.reader(), e.partition(), Math.max(e.offset(), offset + 1))
                                : event);
    }

    /** A reader finds a record, which nobody has heard of, where another was acknowledged. */
    @Nullable Script conflict() {
        Event.Read last = any(finalReads().filter(read -> acks.containsKey(read.key())));
        if (last == null) {
            return null;
        }
        Event.Send other =
                any(
                        sends.values().stream()
                                .filter(send -> send.partition() == last.partition())
                                .filter(send -> !knownAt.containsKey(send.key()))
                                .filter(send -> !isFailed(send.key())));
        if (other == null) {
            return null;
        }
        replace(last, withKey(last, other.key()));
        return done();
    }

    private boolean isFailed(int key) {
        return events.stream().anyMatch(event -> event instanceof Event.Fail e && e.key() == key);
    }

    private static Event.Read withKey(Event.Read e, int key) {
        return new Event.Read(e.reader(), e.partition(), e.offset(), key, e.epoch(), false);
    }

    @Nullable Script readGarbage() {
        Event.Read last = any(finalReads());
        if (last == null) {
            return null;
        }
        replace(last, withKey(last, -1));
        return done();
    }

    @Nullable Script damage() {
        Event.Read e = any(finalReads());
        if (e == null) {
            return null;
        }
        replace(e, new Event.Read(e.reader(), e.partition(), e.offset(), e.key(), e.epoch(), true));
        return done();
    }

    /** Two records of one producer that were in flight together stand the other way round. */
    @Nullable Script reorder() {
        Event.Read first = any(finalReads().filter(read -> neighbour(read) != null));
        if (first == null) {
            return null;
        }
        Event.Read second = Objects.requireNonNull(neighbour(first));
        events.replaceAll(event -> withKeysExchanged(event, first.key(), second.key()));
        return done();
    }

    private Event.@Nullable Read neighbour(Event.Read read) {
        Event.Read next = lastReads(read.partition()).get(read.offset() + 1);
        boolean isOfSameProducer = next != null && producer(next.key()) == producer(read.key());
        boolean wereTogether =
                next != null
                        && sentAt(next.key()) < knownAt(read.key())
                        && sentAt(next.key()) < knownAt(next.key());
        return isOfSameProducer && wereTogether && !hasTransaction(read.key()) ? next : null;
    }

    private int producer(int key) {
        return Objects.requireNonNull(sends.get(key)).producer();
    }

    private static Event withKeysExchanged(Event event, int one, int other) {
        if (event instanceof Event.Read e && (e.key() == one || e.key() == other)) {
            return withKey(e, e.key() == one ? other : one);
        }
        if (event instanceof Event.Ack e && (e.key() == one || e.key() == other)) {
            return new Event.Ack(e.key() == one ? other : one, e.partition(), e.offset());
        }
        return event;
    }

    /** One that was sent when another was known stands before that. */
    @Nullable Script goBack() {
        Event.Read first = any(finalReads().filter(read -> laterNeighbour(read) != null));
        if (first == null) {
            return null;
        }
        Event.Read second = Objects.requireNonNull(laterNeighbour(first));
        Event.Ack ackFirst = Objects.requireNonNull(acks.get(first.key()));
        Event.Ack ackSecond = Objects.requireNonNull(acks.get(second.key()));
        replace(ackFirst, new Event.Ack(first.key(), first.partition(), second.offset()));
        replace(ackSecond, new Event.Ack(second.key(), first.partition(), first.offset()));
        events.replaceAll(
                event ->
                        event instanceof Event.Read
                                ? withKeysExchanged(event, first.key(), second.key())
                                : event);
        return done();
    }

    private Event.@Nullable Read laterNeighbour(Event.Read read) {
        Event.Read next = lastReads(read.partition()).get(read.offset() + 1);
        if (next == null
                || !acks.containsKey(read.key())
                || !acks.containsKey(next.key())
                || producer(next.key()) == producer(read.key())
                || hasTransaction(read.key())) {
            return null;
        }
        int sent = sentAt(next.key());
        boolean isLater = events.indexOf(acks.get(read.key())) < sent;
        boolean isReadBefore =
                events.subList(0, sent).stream().anyMatch(e -> isReadBy(e, read.key(), r -> true));
        boolean isEndBetween =
                events.stream()
                        .anyMatch(
                                e ->
                                        e instanceof Event.End end
                                                && end.partition() == read.partition()
                                                && end.offset() == next.offset());
        return isLater && !isReadBefore && !isEndBetween ? next : null;
    }

    /** An offset is left out; all that come later move by one. */
    @Nullable Script leaveOut() {
        Event.Read at =
                any(
                        finalReads()
                                .filter(read -> isPersistent(read.partition()))
                                .filter(
                                        read ->
                                                read.offset()
                                                        > lastReads(read.partition()).firstKey()));
        if (at == null) {
            return null;
        }
        events.replaceAll(event -> shifted(event, at.partition(), at.offset()));
        return done();
    }

    private static Event shifted(Event event, int partition, long gap) {
        if (event instanceof Event.Read e && e.partition() == partition && e.offset() >= gap) {
            return new Event.Read(e.reader(), partition, e.offset() + 1, e.key(), e.epoch(), false);
        } else if (event instanceof Event.Ack e
                && e.partition() == partition
                && e.offset() >= gap) {
            return new Event.Ack(e.key(), partition, e.offset() + 1);
        } else if (event instanceof Event.From e
                && e.partition() == partition
                && e.offset() > gap) {
            return new Event.From(e.reader(), partition, e.offset() + 1, e.isStart());
        } else if (event instanceof Event.End e && e.partition() == partition && e.offset() > gap) {
            return new Event.End(e.reader(), partition, e.offset() + 1);
        } else if (event instanceof Event.Ask e && e.partition() == partition && e.offset() > gap) {
            return new Event.Ask(e.commit(), partition, e.offset() + 1);
        } else if (event instanceof Event.Found e
                && e.partition() == partition
                && e.offset() > gap) {
            return new Event.Found(e.fetch(), partition, e.offset() + 1, e.commit());
        }
        return event;
    }

    /** What was deleted is there again. */
    @Nullable Script bringBack() {
        Event.Deleted deleted =
                any(
                        events.stream()
                                .filter(event -> event instanceof Event.Deleted)
                                .map(event -> (Event.Deleted) event)
                                .filter(this::isFirstThatIsThere));
        if (deleted == null) {
            return null;
        }
        long offset = deleted.offset() - 1;
        int reader = lastReader(deleted.partition());
        Event.Ack ack =
                any(
                        acks.values().stream()
                                .filter(a -> a.partition() == deleted.partition())
                                .filter(a -> a.offset() == offset));
        if (ack == null) {
            return null;
        }
        for (int i = 0; i < events.size(); i++) {
            if (events.get(i) instanceof Event.From e && e.reader() == reader) {
                events.set(i, new Event.From(reader, deleted.partition(), offset, true));
                events.add(
                        i + 1,
                        new Event.Read(reader, deleted.partition(), offset, ack.key(), -1, false));
            }
        }
        return done();
    }

    private boolean isFirstThatIsThere(Event.Deleted deleted) {
        return events.stream()
                .anyMatch(
                        event ->
                                event instanceof Event.From e
                                        && e.reader() == lastReader(deleted.partition())
                                        && e.offset() == deleted.offset());
    }

    /** The last reader ends early. */
    @Nullable Script leaveUnread() {
        Event.Read first =
                any(
                        finalReads()
                                .filter(read -> isPersistent(read.partition()))
                                .filter(read -> acks.containsKey(read.key()))
                                .filter(read -> !isReadByOthers(read))
                                .filter(read -> isNoReaderBehind(read)));
        if (first == null) {
            return null;
        }
        events.removeIf(
                event ->
                        event instanceof Event.Read e
                                        && e.reader() == first.reader()
                                        && e.offset() >= first.offset()
                                || event instanceof Event.End end
                                        && end.reader() == first.reader());
        return done();
    }

    /** Else it would have been skipped. */
    private boolean isNoReaderBehind(Event.Read read) {
        return events.stream()
                .noneMatch(
                        event ->
                                event instanceof Event.Read e
                                        && e.partition() == read.partition()
                                        && e.reader() != read.reader()
                                        && e.offset() > read.offset());
    }

    /** One reader is not given a record, but those behind it. */
    @Nullable Script skip() {
        Event.Read skipped =
                any(
                        events.stream()
                                .filter(event -> event instanceof Event.Read)
                                .map(event -> (Event.Read) event)
                                .filter(read -> !hasTransaction(read.key()))
                                .filter(read -> read.reader() != lastReader(read.partition()))
                                .filter(
                                        read ->
                                                lastReads(read.partition())
                                                        .containsKey(read.offset()))
                                .filter(this::isAnyReadBehind));
        if (skipped == null) {
            return null;
        }
        events.remove(skipped);
        return done();
    }

    private boolean isAnyReadBehind(Event.Read read) {
        return events.stream()
                .anyMatch(
                        event ->
                                event instanceof Event.Read e
                                        && e.reader() == read.reader()
                                        && e.offset() > read.offset());
    }

    /** A reader is given a record twice. */
    @Nullable Script readAgain() {
        Event.Read again = any(finalReads());
        if (again == null) {
            return null;
        }
        int at = events.indexOf(again);
        events.add(Math.min(at + 1 + random.nextInt(3), events.size()), again);
        boolean isBehindIts =
                events.get(at + 1) instanceof Event.Read e && e.reader() == again.reader();
        return isBehindIts ? done() : null;
    }

    /** A commit is found that another, which was answered, had replaced. */
    @Nullable Script commitBack() {
        for (int i = events.size() - 1; i >= 0; i--) {
            if (events.get(i) instanceof Event.Found found && found.commit() >= 0) {
                Event.Ask newest = newestAnswered(found);
                Event.Ask older = newest == null ? null : answeredBefore(newest);
                if (newest != null && (older == null || older.offset() <= newest.offset())) {
                    events.set(
                            i,
                            new Event.Found(
                                    found.fetch(),
                                    found.partition(),
                                    older == null ? -1 : older.offset(),
                                    older == null ? -1 : older.commit()));
                    return done();
                }
            }
        }
        return null;
    }

    private Event.@Nullable Ask newestAnswered(Event.Found found) {
        int asked = indexOf(e -> e instanceof Event.Find f && f.fetch() == found.fetch());
        return asks(found.partition())
                .filter(ask -> answeredAt(ask) < asked)
                .max(Comparator.comparingInt(events::indexOf))
                .orElse(null);
    }

    private Event.@Nullable Ask answeredBefore(Event.Ask newest) {
        return any(
                asks(newest.partition()).filter(ask -> answeredAt(ask) < events.indexOf(newest)));
    }

    private Stream<Event.Ask> asks(int partition) {
        return events.stream()
                .filter(event -> event instanceof Event.Ask)
                .map(event -> (Event.Ask) event)
                .filter(ask -> ask.partition() == partition);
    }

    private int answeredAt(Event.Ask ask) {
        return indexOf(e -> e instanceof Event.Committed c && c.commit() == ask.commit());
    }

    private int indexOf(Predicate<Event> wanted) {
        for (int i = 0; i < events.size(); i++) {
            if (wanted.test(events.get(i))) {
                return i;
            }
        }
        return Integer.MAX_VALUE;
    }

    @Nullable Script commitOfNobody() {
        for (int i = events.size() - 1; i >= 0; i--) {
            if (events.get(i) instanceof Event.Found e) {
                events.set(i, new Event.Found(e.fetch(), e.partition(), 1_000_000, 999_999));
                return done();
            }
        }
        return null;
    }

    /** A client commits an offset that the log has not come to. */
    @Nullable Script commitBeyondEnd() {
        for (Event event : events) {
            if (event instanceof Event.Found found
                    && found.commit() >= 0
                    && isPersistent(found.partition())) {
                events.replaceAll(each -> beyondEnd(each, found));
                return done();
            }
        }
        return null;
    }

    private static Event beyondEnd(Event event, Event.Found found) {
        if (event instanceof Event.Ask e && e.commit() == found.commit()) {
            return new Event.Ask(e.commit(), e.partition(), e.offset() + 1_000_000);
        }
        if (event instanceof Event.Found e && e.commit() == found.commit()) {
            return new Event.Found(e.fetch(), e.partition(), e.offset() + 1_000_000, e.commit());
        }
        return event;
    }

    /** What is there was answered with an error that says it is not. */
    @Nullable Script readFailed() {
        Event.Read read =
                any(
                        finalReads()
                                .filter(
                                        r ->
                                                acks.containsKey(r.key())
                                                        && !hasTransaction(r.key())));
        if (read == null) {
            return null;
        }
        replace(
                Objects.requireNonNull(acks.get(read.key())),
                new Event.Fail(read.key(), read.partition()));
        return done();
    }

    /** A transaction's record is read before it is asked to commit. */
    @Nullable Script readUncommitted() {
        Event.Read read = any(committedReads(this::isCommitDone));
        if (read == null) {
            return null;
        }
        int transaction = transaction(read.key());
        int first =
                indexOf(
                        e ->
                                e instanceof Event.Read r
                                        && committedReaders.containsValue(r.reader())
                                        && transaction(r.key()) == transaction);
        events.add(first + 1, new Event.Commit(transaction));
        events.add(first + 2, new Event.CommitDone(transaction));
        events.remove(indexOf(e -> e instanceof Event.Commit c && c.transaction() == transaction));
        events.remove(
                indexOf(e -> e instanceof Event.CommitDone c && c.transaction() == transaction));
        return done();
    }

    private int transaction(int key) {
        return key < 0 ? -1 : Objects.requireNonNull(sends.get(key)).transaction();
    }

    private boolean isCommitDone(int transaction) {
        return events.stream()
                .anyMatch(e -> e instanceof Event.CommitDone c && c.transaction() == transaction);
    }

    /** By the last reader that sees what is committed. */
    private Stream<Event.Read> committedReads(Predicate<Integer> transaction) {
        Set<Integer> last = new HashSet<>(committedReaders.values());
        return events.stream()
                .filter(event -> event instanceof Event.Read)
                .map(event -> (Event.Read) event)
                .filter(read -> last.contains(read.reader()))
                .filter(read -> transaction.test(transaction(read.key())));
    }

    /** A record of a transaction, of which others are read, never is. */
    @Nullable Script tear() {
        Event.Read torn =
                any(
                        committedReads(transaction -> transaction >= 0)
                                .filter(read -> acks.containsKey(read.key()))
                                .filter(this::isAnotherRead));
        if (torn == null) {
            return null;
        }
        removeReads(torn.key(), 0);
        events.removeIf(e -> e instanceof Event.Observe o && o.key() == torn.key());
        return done();
    }

    private boolean isAnotherRead(Event.Read read) {
        return committedReads(transaction -> transaction == transaction(read.key()))
                .anyMatch(other -> other.key() != read.key());
    }

    /** An aborted record is read. */
    @Nullable Script readAborted() {
        Event.Ack ack =
                any(
                        acks.values().stream()
                                .filter(a -> isAborted(transaction(a.key())))
                                .filter(a -> committedReaders.containsKey(a.partition()))
                                .filter(a -> isBeforeEnd(a.partition(), a.offset()))
                                .filter(a -> lastReads(a.partition()).containsKey(a.offset())));
        if (ack == null) {
            return null;
        }
        int reader = Objects.requireNonNull(committedReaders.get(ack.partition()));
        int at =
                indexOf(
                        e ->
                                e instanceof Event.Read r
                                                && r.reader() == reader
                                                && r.offset() > ack.offset()
                                        || e instanceof Event.End end && end.reader() == reader);
        events.add(at, new Event.Read(reader, ack.partition(), ack.offset(), ack.key(), -1, false));
        return done();
    }

    /** Of what the last reader of committed records reads. */
    private boolean isBeforeEnd(int partition, long offset) {
        int reader = Objects.requireNonNull(committedReaders.get(partition));
        return events.stream()
                .anyMatch(
                        e ->
                                e instanceof Event.End end
                                        && end.reader() == reader
                                        && end.offset() > offset);
    }

    private boolean isAborted(int transaction) {
        return events.stream()
                .anyMatch(e -> e instanceof Event.AbortDone a && a.transaction() == transaction);
    }

    /** Two transactions have read from each other. */
    @Nullable Script closeCircle() {
        for (Event event : events) {
            if (event instanceof Event.Observe e && !isAborted(e.transaction())) {
                int writer = transaction(e.key());
                Event.Send back =
                        any(
                                sends.values().stream()
                                        .filter(s -> s.transaction() == e.transaction()));
                if (writer >= 0 && writer != e.transaction() && back != null) {
                    events.add(new Event.Observe(writer, back.partition(), back.key()));
                    return done();
                }
            }
        }
        return null;
    }
}
