package io.headrace.server.cli;

import io.headrace.engine.SourceStatus;
import io.headrace.engine.SourceStatus.Listing;
import io.headrace.engine.SourceStatus.Partition;
import io.headrace.server.admin.StatusJson;
import io.headrace.server.show.IndexProgress;
import io.headrace.server.show.Printable;
import io.headrace.server.show.SourceText;
import io.headrace.server.show.Units;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.TimeUnit;

/** Has a source indexed and shows the progress until it is complete. */
final class IndexWait {
    /**
     * The server tries again what has failed, so that a store's moment of weakness ends nothing;
     * after so many looks in a row without any progress, it is more than a moment.
     */
    private static final int STUCK_LOOKS_MAX = 20;

    private final SourceCalls calls;
    private final PrintWriter out;
    private final IndexProgress progress = new IndexProgress();
    private int stuckLooks;
    private long seenBefore = -1;

    IndexWait(SourceCalls calls, PrintWriter out) {
        this.calls = calls;
        this.out = out;
    }

    /**
     * Returns when the index is complete. Whoever interrupts it leaves the server at work.
     *
     * @throws CommandException if it cannot be completed, saying where it stands
     */
    void run(String name) throws IOException, InterruptedException {
        Live live = Live.on(out);
        long begunNanos = System.nanoTime();
        SourceStatus status = calls.index(name);
        while (isGoingOn(status)) {
            String line = progress.line(status, System.nanoTime());
            live.line(name + "  " + (stuckLooks == 0 ? line : "stuck: " + reason(status)));
            SourceCalls.pause();
            status = calls.status(name);
        }
        live.end();
        if (!status.isComplete()) {
            String reason = reason(status);
            throw new CommandException(
                    "not complete: " + name + ": " + (reason.isEmpty() ? "stopped" : reason));
        }
        long tookMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begunNanos);
        out.println(
                "%s  complete: %s, %s, in %s"
                        .formatted(
                                name,
                                Units.count(status.recordCount(), "record"),
                                Units.bytes(StatusJson.indexedBytes(status)),
                                Units.duration(tookMs)));
        SourceText.problems(status, out);
    }

    private boolean isGoingOn(SourceStatus status) {
        long seen = status.objectCount() + status.recordCount() + StatusJson.indexedBytes(status);
        stuckLooks = seen == seenBefore && !reason(status).isEmpty() ? stuckLooks + 1 : 0;
        seenBefore = seen;
        boolean isAtWork = status.isIndexing() && !status.isComplete();
        return stuckLooks < STUCK_LOOKS_MAX
                && (isAtWork || status.listing() == Listing.RUNNING); // more may be found
    }

    /** Why it cannot go on; empty if nothing is wrong. */
    private static String reason(SourceStatus status) {
        if (!status.failure().isEmpty()) {
            return Printable.of(status.failure());
        }
        return status.partitions().stream()
                .filter(partition -> !partition.failure().isEmpty())
                .findFirst()
                .map(IndexWait::reason)
                .orElse("");
    }

    private static String reason(Partition partition) {
        return "partition " + partition.partition() + ": " + Printable.of(partition.failure());
    }
}
