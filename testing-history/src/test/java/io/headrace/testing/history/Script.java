package io.headrace.testing.history;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Events in the order in which clients noted them, and the promises of the partitions. */
record Script(long seed, List<Promise> promises, List<Event> events) {
    /** From one event to the next. */
    static final long STEP_NS = 1_000;

    private static final int VALUE_LENGTH = 40;
    private static final long MEMORY_BYTES = 1 << 18;

    Script with(List<Event> others) {
        return new Script(seed, promises, List.copyOf(others));
    }

    /** Plays it to a history. */
    Report play() {
        return new Player().play();
    }

    private final class Player {
        private long nowNs;
        private final History history = new History(seed, () -> nowNs, MEMORY_BYTES);
        private final List<PartitionHistory> partitions = new ArrayList<>();
        private final GroupHistory group = history.group("group");
        private final Map<Integer, ProducerHistory> producers = new HashMap<>();
        private final Map<Integer, Long> ids = new HashMap<>();
        private final Map<Integer, Assignment> readers = new HashMap<>();
        private final Map<Integer, GroupHistory.Commit> commits = new HashMap<>();
        private final Map<Integer, GroupHistory.Fetch> fetches = new HashMap<>();
        private final Map<Integer, Transaction> transactions = new HashMap<>();
        private long sinceNs;

        private Report play() {
            try (history) {
                for (int i = 0; i < promises.size(); i++) {
                    partitions.add(history.partition("topic-" + i, promises.get(i)));
                }
                for (Event event : events) {
                    nowNs += STEP_NS;
                    play(event);
                }
                nowNs += STEP_NS;
                return history.verifyAtEnd();
            }
        }

        private void play(Event event) {
            if (event instanceof Event.OfRecord ofRecord) {
                playRecord(ofRecord);
            } else if (event instanceof Event.Assign e) {
                Isolation isolation =
                        e.isCommitted() ? Isolation.READ_COMMITTED : Isolation.READ_UNCOMMITTED;
                readers.put(
                        e.reader(),
                        partitions.get(e.partition()).assign("reader-" + e.reader(), isolation));
            } else if (event instanceof Event.From e) {
                if (e.isStart()) {
                    reader(e.reader()).fromStart(e.offset());
                } else {
                    reader(e.reader()).from(e.offset());
                }
            } else if (event instanceof Event.End e) {
                reader(e.reader()).reachedEnd(e.offset());
            } else if (event instanceof Event.AskDeletion e) {
                partitions.get(e.partition()).askDeletion(e.offset());
            } else if (event instanceof Event.Deleted e) {
                partitions.get(e.partition()).deleted(e.offset());
            } else if (event instanceof Event.Stopping) {
                sinceNs = history.now();
            } else if (event instanceof Event.Stopped e) {
                history.stopped(e.how(), sinceNs);
            } else {
                playCommit(event);
                playTransaction(event);
            }
        }

        private void playRecord(Event.OfRecord event) {
            if (event instanceof Event.Send e) {
                ids.put(e.key(), send(e));
            } else if (event instanceof Event.Ack e) {
                partitions.get(e.partition()).acknowledged(id(e.key()), e.offset());
            } else if (event instanceof Event.Fail e) {
                partitions.get(e.partition()).failed(id(e.key()));
            } else if (event instanceof Event.Read e) {
                reader(e.reader()).read(e.offset(), value(e), e.epoch());
            }
        }

        private long send(Event.Send e) {
            PartitionHistory partition = partitions.get(e.partition());
            ProducerHistory producer =
                    producers.computeIfAbsent(e.producer(), p -> history.producer("producer-" + p));
            return e.transaction() < 0
                    ? partition.send(producer)
                    : partition.send(producer, transaction(e.transaction()));
        }

        private byte[] value(Event.Read e) {
            if (e.key() < 0) {
                return new byte[VALUE_LENGTH];
            }
            byte[] value = partitions.get(e.partition()).value(id(e.key()), VALUE_LENGTH);
            if (e.isDamaged()) {
                value[VALUE_LENGTH - 1] ^= 1;
            }
            return value;
        }

        private void playCommit(Event event) {
            if (event instanceof Event.Ask e) {
                commits.put(
                        e.commit(),
                        group.ask(partitions.get(e.partition()), e.offset(), "c" + e.commit()));
            } else if (event instanceof Event.Committed e) {
                group.acknowledged(commit(e.commit()));
            } else if (event instanceof Event.CommitFailed e) {
                group.failed(commit(e.commit()));
            } else if (event instanceof Event.Find e) {
                fetches.put(e.fetch(), group.fetch(partitions.get(e.partition())));
            } else if (event instanceof Event.Found e) {
                Objects.requireNonNull(fetches.get(e.fetch()))
                        .found(e.offset(), e.commit() < 0 ? "" : "c" + e.commit());
            }
        }

        private void playTransaction(Event event) {
            if (event instanceof Event.Begin e) {
                transactions.put(e.transaction(), history.begin("t" + e.transaction()));
            } else if (event instanceof Event.Commit e) {
                transaction(e.transaction()).committing();
            } else if (event instanceof Event.CommitDone e) {
                transaction(e.transaction()).committed();
            } else if (event instanceof Event.Abort e) {
                transaction(e.transaction()).aborting();
            } else if (event instanceof Event.AbortDone e) {
                transaction(e.transaction()).aborted();
            } else if (event instanceof Event.Observe e) {
                transaction(e.transaction()).observed(partitions.get(e.partition()), id(e.key()));
            }
        }

        private long id(int key) {
            return Objects.requireNonNull(ids.get(key));
        }

        private Assignment reader(int number) {
            return Objects.requireNonNull(readers.get(number));
        }

        private GroupHistory.Commit commit(int number) {
            return Objects.requireNonNull(commits.get(number));
        }

        private Transaction transaction(int number) {
            return Objects.requireNonNull(transactions.get(number));
        }
    }
}
