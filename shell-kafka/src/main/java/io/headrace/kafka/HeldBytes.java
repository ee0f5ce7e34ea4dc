package io.headrace.kafka;

/**
 * The bytes that one connection holds: its requests, until their responses have left, and its
 * responses. Requests are charged to the budget of all connections as well, until they are
 * answered; responses only here, so that a peer who takes nothing holds up nobody else.
 *
 * <p>Belongs to the connection's event loop. After {@link #close} nothing is counted any more.
 */
final class HeldBytes {
    private final InFlightBudget budget;
    private final ShellMetrics metrics;
    private long requestBytes;
    private long responseBytes;
    private long inWorkBytes;
    private long parkedBytes;
    private boolean closed;

    HeldBytes(InFlightBudget budget, ShellMetrics metrics) {
        this.budget = budget;
        this.metrics = metrics;
    }

    /** Requests and responses together. */
    long total() {
        return requestBytes + responseBytes;
    }

    /** A request, or a part of one, is here. */
    void onRequest(long length) {
        if (!closed) {
            requestBytes += length;
            inWorkBytes += length;
            budget.take(length);
        }
    }

    /**
     * A request waits for something to happen.
     *
     * @return false if too many do; it stays in work
     */
    boolean park(long length) {
        if (closed || !budget.park(length)) {
            return false;
        }
        inWorkBytes -= length;
        parkedBytes += length;
        return true;
    }

    /** A request needs no more work. */
    void onAnswered(long length, boolean parked) {
        if (closed) {
            return;
        }
        if (parked) {
            parkedBytes -= length;
            budget.unpark(length);
        } else {
            inWorkBytes -= length;
            budget.giveBack(length);
        }
    }

    /** A response is ready to leave. */
    void onResponse(long length) {
        if (!closed) {
            responseBytes += length;
            metrics.onResponseBytesHeld(length);
        }
    }

    /** A request is done with, and its response has left. */
    void onDone(long requestLength, long responseLength) {
        if (!closed) {
            requestBytes -= requestLength;
            responseBytes -= responseLength;
            metrics.onResponseBytesHeld(-responseLength);
        }
    }

    /** Gives back everything. */
    void close() {
        if (closed) {
            return;
        }
        closed = true;
        metrics.onResponseBytesHeld(-responseBytes);
        budget.unpark(parkedBytes);
        budget.giveBack(inWorkBytes);
        requestBytes = 0;
        responseBytes = 0;
    }
}
