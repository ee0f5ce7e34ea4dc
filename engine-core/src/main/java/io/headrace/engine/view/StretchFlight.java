package io.headrace.engine.view;

import io.headrace.engine.PartitionLog.ReadCallback;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Unavailable;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads the blocks of a stretch, some at once, and has it made of them. It waits for nothing on a
 * thread: what comes is handed to the executor, where one thread at a time works on it.
 */
final class StretchFlight {
    private static final Logger LOGGER = LoggerFactory.getLogger(StretchFlight.class);

    private final StretchWriter writer;
    private final BlockReader reader;
    private final Executor executor;
    private final Outcome outcome;
    private final int[] order;
    private final int depth;

    private final Queue<Arrival> arrivals = new ConcurrentLinkedQueue<>();

    /** Calls that the run under way has not seen; 0 while there is none. */
    private final AtomicInteger signals = new AtomicInteger();

    // of the run
    private int asked;
    private int arrived;
    private boolean isOver;
    private @Nullable Throwable failure;

    private record Arrival(int slot, ReadResult result) {}

    /** Reads one block, by its number in the plan. */
    interface BlockReader {
        void read(int slot, ReadCallback whenRead);
    }

    /** Receives what became of it, on the executor. */
    interface Outcome {
        /**
         * @param stretch with a reference that is handed over; null if it could not be made
         * @param failure why; null if it was made
         */
        void onEnd(@Nullable Stretch stretch, @Nullable Throwable failure);
    }

    /**
     * @param writer closed here
     * @param depth blocks that are read at once
     */
    StretchFlight(
            StretchPlan plan,
            StretchWriter writer,
            BlockReader reader,
            int depth,
            Executor executor,
            Outcome outcome) {
        this.writer = writer;
        this.reader = reader;
        this.depth = depth;
        this.executor = executor;
        this.outcome = outcome;
        this.order = plan.readingOrder();
    }

    void start() {
        signal();
    }

    private void signal() {
        if (signals.getAndIncrement() == 0) {
            try {
                executor.execute(this::run);
            } catch (RejectedExecutionException closing) {
                run();
            }
        }
    }

    private void run() {
        int seen;
        do {
            seen = signals.get();
            turn();
        } while (!signals.compareAndSet(seen, 0));
    }

    private void turn() {
        Arrival arrival = arrivals.poll();
        while (arrival != null) {
            arrived++;
            boolean isKept = false;
            try {
                isKept = take(arrival.slot, arrival.result);
            } catch (Throwable failed) {
                failure = failed;
            } finally {
                if (!isKept) {
                    arrival.result.close();
                }
            }
            arrival = arrivals.poll();
        }
        askForMore();
        if (arrived == asked && !isOver && (asked == order.length || failure != null)) {
            isOver = true;
            end();
        }
    }

    /** True if the writer closes it. */
    private boolean take(int slot, ReadResult result) throws StretchWriter.NoRoomException {
        if (failure != null) {
            return false;
        }
        if (result instanceof RecordsLease block) {
            try {
                return writer.take(slot, block);
            } catch (RuntimeException failed) {
                LOGGER.error("a block of a view has other records than its index", failed);
                writer.miss(slot, Unavailable.CORRUPT);
            }
        } else {
            writer.miss(slot, (Unavailable) result);
        }
        return false;
    }

    private void askForMore() {
        while (failure == null && asked < order.length && asked - arrived < depth) {
            int slot = order[asked++];
            try {
                reader.read(slot, result -> arrive(slot, result));
            } catch (RuntimeException | Error failed) {
                LOGGER.error("a block of a view cannot be asked for", failed);
                arrive(slot, Unavailable.STORE_ERROR);
            }
        }
    }

    private void arrive(int slot, ReadResult result) {
        arrivals.add(new Arrival(slot, result));
        signal();
    }

    private void end() {
        Stretch stretch = null;
        try (writer) {
            if (failure == null) {
                stretch = writer.finish();
            }
        } catch (Throwable failed) {
            failure = failed;
        }
        outcome.onEnd(stretch, failure);
    }
}
