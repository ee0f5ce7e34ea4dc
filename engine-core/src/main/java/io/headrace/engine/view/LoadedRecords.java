package io.headrace.engine.view;

import io.headrace.engine.RecordsLease;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Bytes that were loaded to be handed out, kept for a moment for the reader of the lane that gets
 * them: without that all that is cold would be read from the disk twice. Of all views together, and
 * bounded: those who were handed out first go first. Thread-safe.
 */
final class LoadedRecords {
    private static final long KEPT_MS = 2_000;

    private final long lengthMax;

    /** In the order in which they were loaded. Guarded by this. */
    private final Map<Place, Loaded> all = new LinkedHashMap<>();

    private long length;
    private boolean isClosed;

    private record Place(long topicId, int partition, long offset) {}

    private record Loaded(RecordsLease lease, long sinceMs) {}

    /**
     * @param lengthMax bytes that are kept at most
     */
    LoadedRecords(long lengthMax) {
        this.lengthMax = lengthMax;
    }

    /** Takes over a lease of what lies at an offset. */
    synchronized void keep(
            long topicId, int partition, long offset, RecordsLease lease, long nowMs) {
        if (isClosed) {
            lease.close();
            return;
        }
        Place place = new Place(topicId, partition, offset);
        release(all.remove(place));
        all.put(place, new Loaded(lease, nowMs));
        length += lease.length();
        Iterator<Loaded> eldest = all.values().iterator();
        while (length > lengthMax) {
            Loaded first = eldest.next();
            eldest.remove();
            release(first);
        }
    }

    /** What lies at an offset, if it is kept and no longer than that; the caller's from now on. */
    synchronized @Nullable RecordsLease take(
            long topicId, int partition, long offset, int lengthMax) {
        Place place = new Place(topicId, partition, offset);
        Loaded found = all.get(place);
        if (found == null || found.lease.length() > lengthMax) {
            return null;
        }
        all.remove(place);
        length -= found.lease.length();
        return found.lease;
    }

    /** Gives back what nobody has come for. */
    synchronized void expire(long nowMs) {
        Iterator<Loaded> eldest = all.values().iterator();
        while (eldest.hasNext()) {
            Loaded first = eldest.next();
            if (nowMs - first.sinceMs < KEPT_MS) {
                return;
            }
            eldest.remove();
            release(first);
        }
    }

    /** Gives everything back, and keeps nothing any more. */
    synchronized void close() {
        isClosed = true;
        all.values().forEach(this::release);
        all.clear();
    }

    private void release(@Nullable Loaded loaded) {
        if (loaded != null) {
            length -= loaded.lease.length();
            loaded.lease.close();
        }
    }
}
