package io.headrace.testing.history;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** All transactions of a history, and who has read whose records. Guarded by its lock. */
final class Transactions {
    private final List<Transaction> all = new ArrayList<>();
    private final Edges reads = new Edges();

    Transaction begin(History history, String name) {
        Transaction begun = new Transaction(history, all.size(), name);
        all.add(begun);
        return begun;
    }

    Transaction get(int number) {
        return all.get(number);
    }

    void observed(Transaction reader, int writer) {
        if (writer >= 0 && writer != reader.number) {
            reads.add(writer, reader.number);
        }
    }

    void check(Iterable<PartitionHistory> partitions, boolean areWritesIsolated, Findings to) {
        report(Anomaly.INFORMATION_CYCLE, reads, to);
        if (areWritesIsolated) {
            report(Anomaly.WRITE_CYCLE, writes(partitions), to);
        }
    }

    /** Which stands before which in some partition; one step apart is enough for a circle. */
    private Edges writes(Iterable<PartitionHistory> partitions) {
        Edges edges = new Edges();
        for (PartitionHistory partition : partitions) {
            int before = -1;
            Table log = partition.log;
            for (long row = log.atOrAfter(0); row != Table.NONE; row = log.atOrAfter(row + 1)) {
                long id = log.get(row, PartitionHistory.ID) - 1;
                int writer = id < 0 ? -1 : partition.transactionOf(id);
                if (writer >= 0 && !get(writer).isAborted()) {
                    if (before >= 0 && before != writer) {
                        edges.add(before, writer);
                    }
                    before = writer;
                }
            }
        }
        return edges;
    }

    private void report(Anomaly anomaly, Edges edges, Findings to) {
        for (List<Integer> cycle : edges.without(number -> get(number).isAborted()).cycles()) {
            Map<Integer, String> words = new HashMap<>();
            cycle.forEach(number -> words.put(number, get(number).describe()));
            to.add(
                    anomaly,
                    "transactions",
                    -1,
                    cycle.stream().map(words::get).collect(Collectors.joining(" -> ")));
        }
    }
}
