package io.headrace.aeron;

import io.aeron.Image;
import java.util.Iterator;
import org.agrona.collections.Long2LongHashMap;

/**
 * Counts what a stream's publishers sent while the tap was detached: the distance between the last
 * position of a session that was consumed and where the tap joins that session again. Padding at
 * the end of a term counts as lost if it lies there. Runs on the taps' thread, as its Aeron client
 * does.
 *
 * <p>An image's own position will not do for the first: the driver moves it when it attaches the
 * tap again, which may be before this side hears that it was detached.
 */
final class GapTracker {
    /** Sessions remembered; another one beyond it is forgotten, and its next gap not counted. */
    private static final int SESSIONS_MAX = 1024;

    private static final long NOT_KNOWN = -1;

    private final Long2LongHashMap positionBySession = new Long2LongHashMap(NOT_KNOWN);
    private final AeronShellMetrics metrics;

    GapTracker(AeronShellMetrics metrics) {
        this.metrics = metrics;
    }

    void onAvailable(Image image) {
        metrics.onImages(1);
        long consumed = positionBySession.get(image.sessionId());
        if (consumed != NOT_KNOWN && image.joinPosition() > consumed) {
            metrics.onGap(image.joinPosition() - consumed);
        }
        if (consumed == NOT_KNOWN && positionBySession.size() == SESSIONS_MAX) {
            forgetOne();
        }
        positionBySession.put(image.sessionId(), image.joinPosition());
    }

    void onUnavailable(Image image) {
        metrics.onImages(-1);
        if (image.isEndOfStream()) {
            positionBySession.remove(image.sessionId());
        }
    }

    void onConsumed(int sessionId, long position) {
        positionBySession.put(sessionId, position);
    }

    private void forgetOne() {
        Iterator<Long> sessions = positionBySession.keySet().iterator();
        sessions.next();
        sessions.remove();
    }
}
