package io.headrace.kafka.log;

import org.apache.kafka.common.protocol.Errors;

/** Whether a client's idea of the leader is that of this server. */
final class LeaderEpochs {
    private static final int UNKNOWN = -1;

    private LeaderEpochs() {}

    /** The error if the client's epoch is a known one and not the current one. */
    static Errors check(int clientEpoch, int currentEpoch) {
        if (clientEpoch == UNKNOWN || clientEpoch == currentEpoch) {
            return Errors.NONE;
        }
        return clientEpoch < currentEpoch
                ? Errors.FENCED_LEADER_EPOCH
                : Errors.UNKNOWN_LEADER_EPOCH;
    }
}
