package io.headrace.server.simulation;

import io.headrace.testing.history.PartitionHistory;
import io.headrace.testing.history.Promise;
import java.util.ArrayList;
import java.util.List;
import java.util.LongSummaryStatistics;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** A topic as clients know it, and what they noted of its partitions. */
final class SimulatedTopic {
    final String name;
    final Map<String, String> configs;
    final Promise promise;
    final List<PartitionHistory> partitions = new ArrayList<>();

    /** Per partition, what was acknowledged since the last start after which all was read. */
    final List<TreeMap<Long, Acknowledged>> acknowledged = new ArrayList<>();

    /**
     * What of a crash's losses had been acknowledged lies within so much time; 0 if none may go.
     */
    long windowNs;

    /** For how long records stay at least; 0 if they stay for good. */
    long keptNs;

    /** What was acknowledged, by offset, where records do not stay for good. */
    final TreeMap<Long, Born> born = new TreeMap<>();

    /** When, and between which boots of the machine. */
    record Born(int boot, long ns) {}

    /** When, and in which life. */
    record Acknowledged(int life, long ns) {}

    SimulatedTopic(String name, Map<String, String> configs, Promise promise) {
        this.name = name;
        this.configs = configs;
        this.promise = promise;
    }

    /**
     * All that one crash took had been acknowledged within one window; called when everything that
     * is left has been read.
     *
     * @param there offsets of what was read
     */
    void checkWindow(int partition, long logStartOffset, Set<Long> there, int currentLife) {
        acknowledged.get(partition).headMap(logStartOffset).clear();
        Map<Long, Acknowledged> earlier = new TreeMap<>(acknowledged.get(partition));
        earlier.values().removeIf(each -> each.life == currentLife);
        acknowledged.get(partition).keySet().removeAll(earlier.keySet());
        Map<Long, Acknowledged> lost = new TreeMap<>(earlier);
        lost.keySet().removeAll(there);
        Map<Integer, LongSummaryStatistics> byLife = new TreeMap<>();
        lost.values()
                .forEach(
                        each ->
                                byLife.computeIfAbsent(
                                                each.life, life -> new LongSummaryStatistics())
                                        .accept(each.ns));
        for (LongSummaryStatistics times : byLife.values()) {
            if (windowNs > 0 && times.getMax() - times.getMin() > windowNs) {
                throw new SimulationFailure(
                        "more than a window was lost: partition="
                                + partitions.get(partition).name()
                                + " acknowledged="
                                + lost);
            }
        }
    }

    /** The log begins here now: what is gone must have been old enough. */
    void checkRetention(long logStartOffset, int boot, long nowNs) {
        Map<Long, Born> gone = born.headMap(logStartOffset);
        for (Map.Entry<Long, Born> each : gone.entrySet()) {
            if (each.getValue().boot == boot && nowNs - each.getValue().ns < keptNs) {
                throw new SimulationFailure(
                        "gone too early: topic="
                                + name
                                + " offset="
                                + each
                                + " nowNs="
                                + nowNs
                                + " logStartOffset="
                                + logStartOffset);
            }
        }
        gone.clear();
    }

    boolean isSynced() {
        return promise.taken().isEmpty();
    }
}
