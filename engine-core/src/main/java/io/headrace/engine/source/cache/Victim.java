package io.headrace.engine.source.cache;

import org.jspecify.annotations.Nullable;

/** The block that is the least worth its place, of those that were offered. */
final class Victim {
    private @Nullable PartitionBlocks partition;
    private long key;
    private double score;

    void reset() {
        partition = null;
        score = -1;
    }

    /**
     * @param candidateScore time until it is needed, weighed by how cheaply it comes back
     */
    void offer(PartitionBlocks candidate, long candidateKey, double candidateScore) {
        if (candidateScore > score) {
            partition = candidate;
            key = candidateKey;
            score = candidateScore;
        }
    }

    /** Null if nothing was offered. */
    @Nullable PartitionBlocks partition() {
        return partition;
    }

    long key() {
        return key;
    }

    double score() {
        return score;
    }
}
