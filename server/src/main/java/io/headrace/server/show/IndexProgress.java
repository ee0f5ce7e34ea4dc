package io.headrace.server.show;

import io.headrace.engine.SourceStatus;
import io.headrace.engine.SourceStatus.Partition;
import io.headrace.server.admin.StatusJson;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;

/**
 * How fast an index grows and when it will be complete, from statuses taken one after the other.
 * For one thread.
 */
public final class IndexProgress {
    /** Rates are those of so many statuses back, so that one slow object does not shake them. */
    private static final int WINDOW_COUNT = 20;

    private static final int LINE_LENGTH = 60;

    private record Moment(long nanos, long bytes, double share) {}

    private final Deque<Moment> moments = new ArrayDeque<>(WINDOW_COUNT);

    /**
     * How much of a source is indexed.
     *
     * <p>What is indexed is counted in bytes after decompression, what was listed in bytes as they
     * are stored. Their quotient is right for objects that are not compressed; for those that are
     * it is held within what the count of objects allows, with one in progress per partition.
     */
    static double share(SourceStatus status) {
        if (status.isComplete()) {
            return 1;
        }
        double objects = Math.max(1, status.objectCount());
        double indexed = StatusJson.indexedObjectCount(status);
        double begun = status.partitions().stream().filter(IndexProgress::hasMore).count();
        double ofBytes =
                StatusJson.indexedBytes(status) / (double) Math.max(1, status.objectBytes());
        double share = Math.max(indexed / objects, Math.min(ofBytes, (indexed + begun) / objects));
        return Math.min(share, 1);
    }

    private static boolean hasMore(Partition partition) {
        return partition.indexedObjectCount() < partition.objectCount();
    }

    /**
     * A line about a status.
     *
     * @param nanos of a clock when it was taken
     */
    public String line(SourceStatus status, long nanos) {
        Moment now = new Moment(nanos, StatusJson.indexedBytes(status), share(status));
        if (moments.size() == WINDOW_COUNT) {
            moments.removeFirst();
        }
        moments.addLast(now);
        String line =
                "%5s   %s of %s   %s"
                        .formatted(
                                Units.percent(now.share),
                                Units.bytes(now.bytes),
                                total(status, now),
                                Units.count(status.recordCount(), "record"));
        String padding = " ".repeat(Math.max(0, LINE_LENGTH - line.length()));
        return (line + padding + speed(now)).stripTrailing();
    }

    /** Of compressed objects more bytes come out than are stored; then the total is not known. */
    private static String total(SourceStatus status, Moment now) {
        boolean isKnown = now.bytes <= status.objectBytes();
        String stored = Units.bytes(status.objectBytes());
        return (isKnown ? stored : stored + " stored") + (status.isListed() ? "" : " so far");
    }

    private String speed(Moment now) {
        Moment then = moments.getFirst();
        double seconds = (now.nanos - then.nanos) / (double) TimeUnit.SECONDS.toNanos(1);
        double gained = now.share - then.share;
        if (seconds <= 0 || gained <= 0) {
            return "";
        }
        String rate = "  " + Units.rate((now.bytes - then.bytes) / seconds);
        long leftMs = (long) ((1 - now.share) * seconds / gained * 1000);
        return now.share == 1 ? rate : rate + "   " + Units.duration(leftMs) + " left";
    }
}
