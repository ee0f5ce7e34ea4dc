package io.headrace.testing.history;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a group committed, and what was found committed. Thread-safe. */
public final class GroupHistory {
    /** Commits that may hold: those unanswered since the last answered one. */
    private static final int CANDIDATES_MAX = 10_000;

    private final History history;
    private final String name;
    private final Map<PartitionHistory, List<Commit>> candidates = new HashMap<>();

    /** The highest that was ever answered: what is found below is an old one. */
    private final Map<PartitionHistory, Long> highest = new HashMap<>();

    private int openFetches;
    private int answeredCount;

    /** One commit of one partition's offset. */
    public static final class Commit {
        private final PartitionHistory partition;
        private final long offset;
        private final String metadata;
        private final long invokedNs;

        /** 0 while it is not answered. */
        private long answeredNs;

        private Commit(PartitionHistory partition, long offset, String metadata, long invokedNs) {
            this.partition = partition;
            this.offset = offset;
            this.metadata = metadata;
            this.invokedNs = invokedNs;
        }

        private boolean is(long foundOffset, String foundMetadata) {
            return offset == foundOffset && metadata.equals(foundMetadata);
        }

        private String describe() {
            String answered = answeredNs == 0 ? "never" : Clock.text(answeredNs);
            return "commit offset="
                    + offset
                    + " metadata="
                    + metadata
                    + " invoked="
                    + Clock.text(invokedNs)
                    + " answered="
                    + answered;
        }
    }

    /** One look at what is committed for a partition, from asking to the answer. */
    public final class Fetch {
        private final PartitionHistory partition;
        private final long invokedNs;

        private Fetch(PartitionHistory partition, long invokedNs) {
            this.partition = partition;
            this.invokedNs = invokedNs;
        }

        /** The answer; an offset of −1 says that nothing is committed. */
        public void found(long offset, String metadata) {
            synchronized (history) {
                history.count();
                openFetches--;
                GroupHistory.this.found(this, offset, metadata);
            }
        }
    }

    GroupHistory(History history, String name) {
        this.history = history;
        this.name = name;
    }

    /** Called before an offset is committed. */
    public Commit ask(PartitionHistory partition, long offset, String metadata) {
        synchronized (history) {
            history.count();
            Commit commit = new Commit(partition, offset, metadata, history.now());
            List<Commit> all = candidates.computeIfAbsent(partition, p -> new ArrayList<>());
            all.add(commit);
            if (all.size() > CANDIDATES_MAX) {
                throw new IllegalStateException("too many unanswered: " + commit.describe());
            }
            return commit;
        }
    }

    public void acknowledged(Commit commit) {
        synchronized (history) {
            history.count();
            answeredCount++;
            commit.answeredNs = history.now();
            highest.merge(commit.partition, commit.offset, Math::max);
            if (openFetches == 0) {
                dropSuperseded(commit);
            }
        }
    }

    /** It is certain that it has not been committed, and will not be. */
    public void failed(Commit commit) {
        synchronized (history) {
            history.count();
            candidatesOf(commit.partition).remove(commit);
        }
    }

    /** How many were acknowledged. */
    public int answeredCount() {
        synchronized (history) {
            return answeredCount;
        }
    }

    /** Called before it is asked what is committed. */
    public Fetch fetch(PartitionHistory partition) {
        synchronized (history) {
            openFetches++;
            return new Fetch(partition, history.now());
        }
    }

    private List<Commit> candidatesOf(PartitionHistory partition) {
        return candidates.getOrDefault(partition, new ArrayList<>());
    }

    /** Those that were answered before this one was asked for. */
    private void dropSuperseded(Commit commit) {
        candidatesOf(commit.partition).removeIf(other -> isBefore(other, commit.invokedNs));
    }

    private static boolean isBefore(Commit commit, long ns) {
        return commit.answeredNs != 0 && commit.answeredNs < ns;
    }

    private void found(Fetch fetch, long offset, String metadata) {
        List<Commit> all = candidatesOf(fetch.partition);
        Commit newest = newestAnswered(all, fetch.invokedNs);
        Commit holding = null;
        for (Commit commit : all) {
            // One that was answered, and superseded by another that was, does not hold.
            boolean isOld = newest != null && isBefore(commit, newest.invokedNs);
            if (commit.is(offset, metadata) && !isOld) {
                holding = commit;
            }
        }
        if (holding != null) {
            settle(fetch, holding);
        } else if (offset >= 0 || newest != null) {
            report(fetch, offset, metadata, newest);
        }
    }

    private static @Nullable Commit newestAnswered(List<Commit> all, long beforeNs) {
        Commit newest = null;
        for (Commit commit : all) {
            if (isBefore(commit, beforeNs)
                    && (newest == null || commit.invokedNs > newest.invokedNs)) {
                newest = commit;
            }
        }
        return newest;
    }

    /**
     * What is found is what holds from now on; what a gone server was asked never comes. Who asked
     * earlier and is not answered yet may still find what held then, and nothing older.
     */
    private void settle(Fetch fetch, Commit holding) {
        checkEnd(fetch, holding);
        if (holding.answeredNs == 0) {
            holding.answeredNs = history.now();
        }
        if (openFetches == 0) {
            long goneNs = history.runs.lastGoneBefore(fetch.invokedNs);
            candidatesOf(fetch.partition)
                    .removeIf(other -> other != holding && other.invokedNs <= goneNs);
            dropSuperseded(holding);
        }
    }

    private void checkEnd(Fetch fetch, Commit holding) {
        PartitionHistory partition = fetch.partition;
        boolean mayHaveLost = history.runs.mayHaveTakenAny(partition.promise, history.now());
        if (holding.offset > partition.knownEnd() && !mayHaveLost) {
            add(
                    Anomaly.COMMIT_BEYOND_END,
                    partition,
                    holding.offset,
                    holding.describe(),
                    "end=" + partition.knownEnd());
        }
    }

    private void report(Fetch fetch, long offset, String metadata, @Nullable Commit newest) {
        boolean isBack = offset <= highest.getOrDefault(fetch.partition, -1L);
        add(
                isBack ? Anomaly.COMMIT_WENT_BACK : Anomaly.COMMIT_NEVER_ASKED,
                fetch.partition,
                offset,
                newest == null ? "no commit" : newest.describe(),
                "found offset="
                        + offset
                        + " metadata="
                        + metadata
                        + " asked="
                        + Clock.text(fetch.invokedNs));
    }

    private void add(
            Anomaly anomaly, PartitionHistory partition, long offset, String... operations) {
        history.findings.add(anomaly, partition.name + " group=" + name, offset, operations);
    }
}
